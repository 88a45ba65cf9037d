//! `k0s sysinfo`: what k0s checks of a machine before it runs there, as JSON, YAML or text.
//!
//! Source: k0sproject/k0s `cmd/sysinfo/sysinfo.go` (`cliReporter`, and `-o json`, `-o yaml`: `path`, `displayName`, `prop`, `message`,
//! `category`; the YAML is made of the JSON by sigs.k8s.io/yaml, which sorts the keys).

use serde::Deserialize;

use crate::bundle::decode::shape::is_first;
use crate::bundle::decode::{Decoder, Section, TextFile, parse_yaml_within};
use crate::model::{Problem, ProblemKind};

/// `k0s sysinfo -o json`.
pub(in crate::bundle::decode) const JSON: Decoder = Decoder {
    name: "k0s sysinfo",
    decode: json,
};

/// `k0s sysinfo -o yaml`.
pub(in crate::bundle::decode) const YAML: Decoder = Decoder {
    name: "k0s sysinfo",
    decode: yaml,
};

/// `k0s sysinfo`.
pub(in crate::bundle::decode) const TEXT: Decoder = Decoder {
    name: "k0s sysinfo",
    decode: text,
};

/// One check and its outcome.
#[derive(Debug, Deserialize)]
struct Probe {
    #[serde(rename = "displayName")]
    name: String,
    #[serde(default)]
    prop: Option<String>,
    #[serde(default)]
    message: Option<String>,
    category: String,
}

fn json(file: &TextFile<'_>, start: usize) -> Option<Section> {
    if !file.line(start).trim_start().starts_with('[') {
        return None;
    }
    // The keys stand in the first item.
    let has = |key: &str| (start..start + 8).any(|line| file.line(line).contains(key));
    if !has("\"displayName\"") {
        return None;
    }
    let rest = file.from_line(start);
    let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<Vec<Probe>>();
    let probes = stream.next()?.ok()?;
    let consumed = rest.get(..stream.byte_offset())?;
    let end = start + consumed.lines().count().max(1);
    let mut section = Section {
        end: end.min(file.lines.len()),
        ..Section::default()
    };
    // Every item has the key once.
    let lines = (start..section.end).flat_map(|line| file.line(line).matches("\"displayName\"").map(move |_| line));
    let lines: Vec<usize> = lines.collect();
    for (index, probe) in probes.iter().enumerate() {
        let line = lines.get(index).copied().unwrap_or(start);
        take(file, &mut section, line, probe);
    }
    (!probes.is_empty()).then_some(section)
}

fn yaml(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let first = file.line(start);
    if !first.starts_with("- category: ") && !first.starts_with("- displayName: ") || !is_first(file, start) {
        return None;
    }
    // The list ends where no line belongs to it any more.
    let is_item = |line: &&&str| line.starts_with("- ") || line.starts_with("  ");
    let end = start + file.lines.iter().skip(start).take_while(is_item).count();
    let document = file.text.get(file.offset_of_line(start)..file.offset_of_line(end))?;
    let value = parse_yaml_within(document, file.budget).ok()?;
    let probes: Vec<Probe> = serde_json::from_value(value).ok()?;
    let mut section = Section {
        end,
        ..Section::default()
    };
    let is_name = |line: &usize| {
        let line = file.line(*line);
        line.starts_with("  displayName:") || line.starts_with("- displayName:")
    };
    for (line, probe) in (start..end).filter(is_name).zip(&probes) {
        take(file, &mut section, line, probe);
    }
    Some(section)
}

fn text(file: &TextFile<'_>, start: usize) -> Option<Section> {
    // The first check of every run (`internal/pkg/sysinfo/k0s.go`, `NewSysinfoProbes`).
    let is_first = ["Total memory: ", "Machine ID: ", "Operating system: "]
        .iter()
        .any(|name| file.line(start).starts_with(name));
    if !is_first {
        return None;
    }
    let mut section = Section {
        end: start,
        ..Section::default()
    };
    while let Some(probe) = file.lines.get(section.end).and_then(|line| probe_of(line)) {
        let line = section.end;
        take(file, &mut section, line, &probe);
        section.end += 1;
    }
    (section.end > start).then_some(section)
}

/// `Total memory: 1.9 GiB (pass)`, `  swap: enabled (warning: …)`, `modprobe: error: …`.
fn probe_of(line: &str) -> Option<Probe> {
    let (name, rest) = line.trim().split_once(": ")?;
    if let Some(message) = rest.strip_prefix("error") {
        return Some(Probe {
            name: name.to_owned(),
            prop: None,
            message: Some(message.trim_start_matches(": ").to_owned()),
            category: "error".to_owned(),
        });
    }
    let (prop, verdict) = rest.strip_suffix(')')?.rsplit_once('(')?;
    let (category, message) = verdict.split_once(": ").unwrap_or((verdict, ""));
    ["pass", "warning", "rejected"].contains(&category).then(|| Probe {
        name: name.to_owned(),
        prop: Some(prop.trim().to_owned()),
        message: Some(message.to_owned()),
        category: category.to_owned(),
    })
}

fn take(file: &TextFile<'_>, section: &mut Section, line: usize, probe: &Probe) {
    let prop = probe.prop.as_deref().unwrap_or("");
    let key = match probe.name.as_str() {
        "Operating system" => "os.name",
        "Linux kernel release" => "kernel.version",
        "Total memory" => "host.memory",
        _ => "",
    };
    if !key.is_empty() && !prop.is_empty() {
        section.facts.push(file.value(line, key, prop));
    }
    let message = probe.message.as_deref().unwrap_or("");
    let outcome = [probe.category.as_str(), prop, message];
    let outcome: Vec<&str> = outcome.into_iter().filter(|part| !part.is_empty()).collect();
    let key = format!("k0s.check.{}", probe.name);
    section.facts.push(file.value(line, key, outcome.join(": ")));
    // What a check rejects or warns of is so; only of one that could not be made nothing is known.
    if probe.category == "error" {
        let detail = format!("a check of k0s could not be made: {}: {message}", probe.name);
        section
            .problems
            .push(Problem::file(file.path, ProblemKind::CollectorError, detail).at_line(line as u64 + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::decode::sample::section;

    #[test]
    fn every_check_is_a_fact_and_one_that_could_not_be_made_a_problem() {
        let json = "[\n  {\"path\": [\"Machine ID\"], \"displayName\": \"Machine ID\", \"prop\": \"0a1b\", \"category\": \"pass\"},\n  {\"path\": [\"cgroups\"], \"displayName\": \"cgroup controller \\\"cpu\\\"\", \"message\": \"unavailable\", \"category\": \"rejected\"}\n]\n";
        let yaml = "- category: pass\n  displayName: Machine ID\n  path:\n  - Machine ID\n  prop: 0a1b\n- category: rejected\n  displayName: cgroup controller \"cpu\"\n  message: unavailable\n  path:\n  - linux\n";
        let text = "Machine ID: 0a1b (pass)\nTotal memory: 0.5 GiB (warning: 1 GiB recommended)\n  modprobe: error: not found\n";
        for (decoder, input, rejected, error) in [
            (
                &JSON,
                json,
                "k0s.check.cgroup controller \"cpu\"=rejected: unavailable",
                None,
            ),
            (
                &YAML,
                yaml,
                "k0s.check.cgroup controller \"cpu\"=rejected: unavailable",
                None,
            ),
            (
                &TEXT,
                text,
                "k0s.check.Total memory=warning: 0.5 GiB: 1 GiB recommended",
                Some(3),
            ),
        ] {
            let section = section(decoder, "sysinfo", input).unwrap();
            assert_eq!(section.end, input.lines().count());
            assert_eq!(
                section.problems.first().and_then(|problem| problem.line),
                error,
                "{input}"
            );
            let told = super::super::testing::values(&section);
            assert!(told.iter().any(|told| told == rejected), "{told:?}");
        }
        assert!(section(&YAML, "x", "- category: x\n  other: y\n").is_none());
        assert!(section(&TEXT, "x", "Total memory: much\n").is_none());
        assert!(section(&JSON, "x", "[{\"displayName\": 1}]").is_none());
    }
}
