//! Rules of node-problem-detector's system log monitors, taken over from their JSON files as they are: what a file means here.
//!
//! Source: kubernetes/node-problem-detector `pkg/systemlogmonitor` (`config.go`, `types/types.go`, `log_buffer.go`, `logwatchers/`). A rule's
//! expression is searched for in the messages of one log, the last of which it has to match to its end (`CompilePattern` appends `\z`);
//! `temporary` makes an event, `permanent` a condition of the node.

mod judge;
mod lines;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

pub(super) use judge::Taken;
use lines::lines_of;

use super::said::{of_parser, quoted, said};
use super::user::{Mistake, RuleFile};
use super::{Role, RuleHeader, Wording};
use crate::logs::{SignatureSet, SignatureSpec, Stream, TextSource, stream_of};
use crate::model::{EntryPath, Level, Text, plain};

/// The wording, which all of these rules share.
const WORDING: &str = include_str!("problem_detector.yaml");

/// Lines that an expression may span where the file does not say (`ApplyDefaultConfiguration`).
const BUFFER: u64 = 10;

/// What a JSON file beside rules is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MonitorKind {
    /// Expressions over logs, or nothing that can be read, which is told when it is loaded.
    LogMonitor,
    /// Programs to run (`plugin: custom`). casefile runs none.
    Programs,
    /// Something else, such as the settings of an exporter.
    Other,
}

impl MonitorKind {
    /// Told by the content, as node-problem-detector tells its plugins.
    pub fn of(text: &str) -> Self {
        let Ok(value) = serde_json::from_str::<Value>(&without_trailing_commas(text)) else {
            return Self::LogMonitor;
        };
        match value.get("plugin").and_then(Value::as_str) {
            Some("custom") => Self::Programs,
            Some(_) if value.get("rules").is_some_and(Value::is_array) => Self::LogMonitor,
            _ => Self::Other,
        }
    }

    /// Why such a file gives no rules; none for one that does.
    pub fn refusal(self) -> Option<Text> {
        match self {
            Self::LogMonitor => None,
            Self::Programs => Some(said("npd-programs", &[])),
            Self::Other => Some(said("npd-other", &[])),
        }
    }
}

/// A file of a system log monitor. What only a running monitor needs (lookback, delay, metrics, taints) is left aside.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Monitor {
    plugin: String,
    #[serde(default)]
    plugin_config: BTreeMap<String, String>,
    #[serde(default)]
    skip_list: Vec<String>,
    #[serde(default)]
    log_path: String,
    #[serde(default)]
    buffer_size: u64,
    source: String,
    rules: Vec<Watched>,
}

#[derive(Debug, Deserialize)]
struct Watched {
    #[serde(rename = "type")]
    lasts: Lasts,
    #[serde(default)]
    condition: String,
    reason: String,
    pattern: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Lasts {
    Temporary,
    Permanent,
}

/// Where a monitor looks.
struct Place {
    sources: Vec<TextSource>,
    needs: String,
    within: String,
    unless: Option<String>,
    /// The file that it reads; empty where it reads the kernel's buffer or the journal.
    file: String,
    /// By which its lines are known in a journal.
    identifier: String,
}

/// The text with a space for each comma after which a list or an object ends, so that every other character stays where it was. JSON has no
/// such commas; `config/disk-log-message-filelog.json` does.
fn without_trailing_commas(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let (mut in_text, mut is_escaped, mut comma) = (false, false, None);
    for (place, byte) in text.bytes().enumerate() {
        if in_text {
            in_text = is_escaped || byte != b'"';
            is_escaped = !is_escaped && byte == b'\\';
            continue;
        }
        if matches!(byte, b']' | b'}')
            && let Some(comma) = comma.and_then(|comma: usize| bytes.get_mut(comma))
        {
            *comma = b' ';
        }
        in_text = byte == b'"';
        if byte == b',' {
            comma = Some(place);
        } else if !byte.is_ascii_whitespace() {
            comma = None;
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// The rules of a file: their headers, and what judges them. Rules of one name are one.
pub(super) fn rules_of(file: &RuleFile) -> Result<Vec<(RuleHeader, Taken)>, Vec<Mistake>> {
    if let Some(refusal) = MonitorKind::of(&file.text).refusal() {
        let leave_out = |refusal: &str| said("npd-leave-out", &[("refusal", refusal)]);
        let message = Text::new(leave_out(&refusal.zh).zh, leave_out(&refusal.en).en);
        return Err(vec![Mistake::in_file(file, "plugin", message)]);
    }
    let monitor: Monitor = serde_json::from_str(&without_trailing_commas(&file.text)).map_err(|error| {
        let message = error.to_string();
        let message = of_parser(message.split(" at line ").next().unwrap_or(""));
        vec![Mistake::at(file, (error.line().max(1), error.column().max(1)), message)]
    })?;
    let place = place(&monitor).map_err(|(needle, message)| vec![Mistake::in_file(file, &needle, message)])?;
    let mut found: Vec<(RuleHeader, Taken)> = Vec::new();
    let mut mistakes = Vec::new();
    for watched in &monitor.rules {
        match rule_of(file, &monitor, &place, watched) {
            Ok((header, taken)) => match found.iter_mut().find(|(known, _)| known.id == header.id) {
                Some((known, before)) => before.join(known, header, taken),
                None => found.push((header, taken)),
            },
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if mistakes.is_empty() { Ok(found) } else { Err(mistakes) }
}

fn rule_of(
    file: &RuleFile,
    monitor: &Monitor,
    place: &Place,
    watched: &Watched,
) -> Result<(RuleHeader, Taken), Mistake> {
    let at_pattern = |message: Text| {
        // As it is written, in its quotation marks: JSON escapes what an expression has many of.
        let written = Value::from(watched.pattern.as_str()).to_string();
        Mistake::in_file(file, &written, message)
    };
    let is_permanent = watched.lasts == Lasts::Permanent;
    if is_permanent && watched.condition.is_empty() {
        let message = said("npd-no-condition", &[("reason", &watched.reason)]);
        return Err(Mistake::in_file(file, &watched.reason, message));
    }
    let condition = if is_permanent { watched.condition.as_str() } else { "" };
    let patterns = lines_of(&watched.pattern).map_err(|error| at_pattern(said("signature", &[("message", &error)])))?;
    let mut header: RuleHeader = serde_yaml::from_str(WORDING)
        .map_err(|error| Mistake::of_all(Text::same(format!("problem_detector.yaml: {error}"))))?;
    header.id = id_of(&[&monitor.source, condition, &watched.reason]);
    header.role = if is_permanent { Role::Cause } else { Role::Factor };
    header.level = if is_permanent { Level::Critical } else { Level::Warning };
    header.needs = vec![place.needs.clone()];
    if !is_permanent {
        header.causes.clear();
    }
    header.text = specs(place, &patterns, 0);
    for spec in &header.text {
        SignatureSet::new([(header.id.as_str(), spec)])
            .and_then(|set| set.compile())
            .map_err(|error| at_pattern(said("signature", &[("message", &error.to_string())])))?;
    }
    let facts = [
        ("source", monitor.source.as_str()),
        ("reason", watched.reason.as_str()),
        ("condition", condition),
        ("identifier", place.identifier.as_str()),
        ("file", place.file.as_str()),
    ];
    let facts: Map<String, Value> = facts
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    // Shown without a finding, so its places are filled now.
    let check = Wording::default()
        .text(&header.check, &facts)
        .map_err(|error| Mistake::of_all(Text::same(format!("problem_detector.yaml: {error}"))))?;
    header.check.zh = plain(&check.zh);
    header.check.en = plain(&check.en);
    let ids = header.text.iter().map(|spec| spec.id.clone()).collect();
    let buffer = if monitor.buffer_size == 0 {
        BUFFER
    } else {
        monitor.buffer_size
    };
    Ok((header, Taken::new(facts, ids, buffer)))
}

/// The signatures of one expression, a line each; `number` tells them from those of the rule's other expressions.
fn specs(place: &Place, patterns: &[String], number: usize) -> Vec<SignatureSpec> {
    let spec = |(line, pattern): (usize, &String)| SignatureSpec {
        id: format!("{number}.{line}"),
        pattern: pattern.clone(),
        sources: place.sources.clone(),
        unless: place.unless.clone(),
        within: Some(place.within.clone()),
        tells_of_many: false,
    };
    patterns.iter().enumerate().map(spec).collect()
}

/// Where the kernel's own lines stand in the text of a bundle: `dmesg`, or a journal or syslog under the name `kernel`.
const OF_KERNEL: &str = r"^(?:.{0,120}?\skernel: )?(?:\[[^\]]*\] *)?(.*?)\s*$";
/// A line of syslog or of a journal that a program with a process id wrote; the kernel has none.
const OF_A_PROGRAM: &str = r"^(?:<\d+>)?(?:[A-Z][a-z]{2} [ \d]\d [\d:.]+|(?:[A-Z][a-z]{2} )?\d{4}-\d\d-\d\d[T ]\S+(?: [A-Z]{3,4})?) \S+ [^\s\[\]]+\[\d+\]:";

fn place(monitor: &Monitor) -> Result<Place, (String, Text)> {
    let setting = |key: &str| monitor.plugin_config.get(key).map_or("", String::as_str);
    match monitor.plugin.as_str() {
        "kmsg" => Ok(kernel()),
        "journald" => match setting("source") {
            // `getJournal` refuses an empty one too.
            "" => Err(("pluginConfig".into(), said("npd-journald", &[]))),
            "kernel" => Ok(kernel()),
            identifier => Ok(Place {
                sources: vec![
                    TextSource::System,
                    TextSource::Kubelet,
                    TextSource::Runtime,
                    TextSource::Etcd,
                    TextSource::ControlPlane,
                    TextSource::Other,
                ],
                needs: "system-log|kubelet-log|containerd-log|dockerd-log|crio-log|k3s-log".into(),
                within: format!(
                    r"^(?:.{{0,120}}?\s)?{}(?:\[\d+\])?: (.*?)\s*$",
                    regex::escape(identifier)
                ),
                unless: None,
                file: String::new(),
                identifier: identifier.to_owned(),
            }),
        },
        "filelog" => {
            let message = setting("message");
            if let Err(error) = regex::Regex::new(message) {
                let written = Value::from(message).to_string();
                let message = said("signature", &[("message", &error.to_string())]);
                return Err((written.trim_matches('"').to_owned(), message));
            }
            let path = EntryPath::new(&monitor.log_path.replace('\\', "/"));
            let (source, datum) = match stream_of(&path) {
                Stream::Component(component) => (component.source(), component.datum()),
                _ => (TextSource::System, "system-log"),
            };
            let skipped: Vec<String> = monitor.skip_list.iter().map(|text| regex::escape(text)).collect();
            Ok(Place {
                sources: vec![source, TextSource::Other],
                needs: datum.to_owned(),
                within: message.to_owned(),
                unless: (!skipped.is_empty()).then(|| skipped.join("|")),
                file: monitor.log_path.clone(),
                identifier: String::new(),
            })
        }
        other => Err((other.to_owned(), said("npd-plugin", &[("plugin", &quoted(other))]))),
    }
}

fn kernel() -> Place {
    Place {
        sources: vec![TextSource::System, TextSource::Other],
        needs: "system-log".into(),
        within: OF_KERNEL.into(),
        unless: Some(OF_A_PROGRAM.into()),
        file: String::new(),
        identifier: "kernel".into(),
    }
}

/// `npd-kernel-monitor-kerneldeadlock-dockerhung`.
fn id_of(words: &[&str]) -> String {
    let mut id = "npd".to_owned();
    for word in words.iter().filter(|word| !word.is_empty()) {
        id.push('-');
        let lower = word.chars().map(|c| c.to_ascii_lowercase());
        id.extend(lower.map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }));
    }
    id
}

#[cfg(test)]
mod tests;
