//! Every sample bundle gets the report that `bundles/expected.json` asks for, and every claim in it leads back to the bundle.

use std::collections::{BTreeMap, BTreeSet};

use casefile::model::Lang;
use casefile::report::Format;
use regex::Regex;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::support::{Reports, SAMPLES, analyse, baseline_of, expected, files, sample};

fn strings(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap())
        .collect()
}

/// Every value below `value` that stands under one of `keys`, with the key.
fn under<'v>(value: &'v Value, keys: &[&str], found: &mut Vec<(String, &'v Value)>) {
    match value {
        Value::Object(members) => {
            for (key, inner) in members {
                if keys.contains(&key.as_str()) {
                    found.push((key.clone(), inner));
                }
                under(inner, keys, found);
            }
        }
        Value::Array(elements) => elements.iter().for_each(|inner| under(inner, keys, found)),
        _ => {}
    }
}

fn ids(report: &Value, list: &str) -> BTreeSet<String> {
    let items = report[list].as_array().unwrap();
    let ids: Vec<_> = items
        .iter()
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect();
    let set: BTreeSet<_> = ids.iter().cloned().collect();
    assert_eq!(set.len(), ids.len(), "{list} has an id twice");
    set
}

#[test]
fn the_first_root_cause_is_the_one_that_was_made() {
    for wanted in expected() {
        let name = wanted["bundle"].as_str().unwrap();
        let found = SAMPLES[name].json["root_causes"].as_array().unwrap();
        let Some(cause) = wanted["root_causes"].get(0) else {
            assert_eq!(found.len(), 0, "{name}: {found:?}");
            continue;
        };
        assert!(
            strings(&cause["rule_any"]).contains(&found[0]["rule"].as_str().unwrap()),
            "{name}: {}",
            found[0]
        );
        assert!(
            cause["subject_any"].as_array().unwrap().contains(&found[0]["subject"]),
            "{name}: {}",
            found[0]
        );
    }
}

#[test]
fn reports_say_what_they_must_and_nothing_that_they_must_not() {
    for wanted in expected() {
        let name = wanted["bundle"].as_str().unwrap();
        for lang in [Lang::Zh, Lang::En] {
            // Markdown escapes what it would otherwise take for markup; a reader does not see that.
            let text = SAMPLES[name].text(lang, Format::Markdown);
            let seen = text.replace('\\', "");
            for words in strings(&wanted["must_say"]) {
                assert!(
                    text.contains(words) || seen.contains(words),
                    "{name}.{}: {words:?} is missing",
                    lang.code()
                );
            }
            for words in strings(&wanted["must_not_say"]) {
                assert!(!seen.contains(words), "{name}.{}: says {words:?}", lang.code());
            }
        }
    }
}

#[test]
fn a_healthy_bundle_gets_a_short_report_without_cause_or_severity() {
    let healthy = &SAMPLES["healthy"];
    assert_eq!(healthy.json["root_causes"], Value::Array(Vec::new()));
    assert_eq!(healthy.json["findings"], Value::Array(Vec::new()));
    assert_eq!(healthy.json["recovery"], Value::Array(Vec::new()));
    assert_eq!(healthy.json["incident"]["severity"], Value::Null);
    for (lang, appendix) in [(Lang::Zh, "## 附录 A"), (Lang::En, "## Appendix A")] {
        // The appendices list every check that was made, whatever its outcome.
        let body = |name: &str| {
            let text = SAMPLES[name].text(lang, Format::Markdown);
            text.find(appendix).expect("an appendix")
        };
        let [quiet, loud] = ["healthy", "quota"].map(body);
        assert!(quiet * 2 < loud, "{quiet} bytes about nothing, {loud} about a quota");
    }
}

// ---------------------------------------------------------------- the incident of the clean-up script

/// Names in the subjects and the affected of root causes and findings, and of the resources whose loss has a known effect: what the report
/// calls broken.
fn broken(report: &Reports) -> BTreeSet<&str> {
    let mut found = Vec::new();
    for part in ["root_causes", "findings"] {
        under(&report.json[part], &["subject", "affected"], &mut found);
    }
    let resources = report.json["resources"].as_array().unwrap();
    for row in resources.iter().filter(|row| row["impact"] != "unknown") {
        under(row, &["subject"], &mut found);
    }
    let subjects = found.iter().flat_map(|(_, value)| match value {
        Value::Array(list) => list.iter().collect(),
        one => vec![*one],
    });
    subjects.map(|subject| subject["name"].as_str().unwrap()).collect()
}

fn commands(report: &Reports) -> Vec<&str> {
    let steps = report.json["recovery"].as_array().unwrap();
    steps.iter().map(|step| step["command"].as_str().unwrap()).collect()
}

#[test]
fn the_pruned_system_containers_are_named_with_and_without_a_baseline() {
    let alone = analyse(&sample("share-mnt"), "share-mnt", None);
    for (report, how) in [(&SAMPLES["share-mnt"], "with a baseline"), (&alone, "alone")] {
        assert_eq!(report.roots(), [("cleanup-script-prune", "share-mnt")], "{how}");
        let affected = &report.json["root_causes"][0]["affected"];
        assert!(
            affected
                .as_array()
                .unwrap()
                .iter()
                .any(|subject| subject["name"] == "service-sidekick"),
            "{how}: {affected}"
        );
        assert!(
            !broken(report).contains("app-old"),
            "{how}: an application's old container is no loss"
        );
        let resources = report.json["resources"].as_array().unwrap();
        let old = resources.iter().find(|row| row["subject"]["name"] == "app-old");
        assert!(
            old.is_some_and(|row| row["impact"] == "unknown" && row["blank"].is_string()),
            "{how}: a person is asked what it was for"
        );
    }
}

#[test]
fn without_a_baseline_nothing_is_invented_about_the_lost_container() {
    let alone = analyse(&sample("share-mnt"), "share-mnt", None);
    assert_eq!(alone.json["diff"], Value::Array(Vec::new()));
    for command in commands(&alone) {
        assert!(
            !command.contains("--ca-checksum"),
            "its arguments are known only from a baseline: {command}"
        );
    }
}

#[test]
fn the_lost_container_is_rebuilt_argument_for_argument() {
    let report = &SAMPLES["share-mnt"];
    let rebuild = commands(report)
        .into_iter()
        .find(|command| command.contains("--name share-mnt"))
        .unwrap();
    assert!(rebuild.starts_with("docker run"), "{rebuild}");
    let end = Regex::new(r"--token <CLUSTER_TOKEN> '--ca-checksum [0-9a-f]{64}'$").unwrap();
    assert!(end.is_match(rebuild), "{rebuild}");
}

#[test]
fn no_step_prunes_what_the_incident_was_about() {
    for command in commands(&SAMPLES["share-mnt"]) {
        assert!(!command.contains("prune"), "{command}");
    }
}

#[test]
fn the_registration_token_stands_in_no_report() {
    let inspect = &files(&sample("share-mnt-baseline"))["s21-baseline/nodes/node-1/docker-inspect.json"];
    let token = Regex::new(r#""--token",\s*"([a-z0-9]{54})""#)
        .unwrap()
        .captures(inspect)
        .unwrap()[1]
        .to_owned();
    for ((lang, extension), text) in &SAMPLES["share-mnt"].texts {
        assert!(!text.contains(&token), "{lang}.{extension} holds the token");
    }
}

// ---------------------------------------------------------------- every claim leads back to the bundle

#[test]
fn every_reference_leads_somewhere() {
    for (name, reports) in SAMPLES.iter() {
        let report = &reports.json;
        let [evidence, knowledge, findings, blanks] =
            ["evidence", "knowledge", "findings", "blanks"].map(|list| ids(report, list));
        let sources: BTreeSet<_> = evidence.union(&knowledge).cloned().collect();
        let mut found = Vec::new();
        under(
            report,
            &[
                "refs",
                "evidence",
                "explains",
                "caused_by",
                "findings",
                "blank",
                "owner_blank",
                "due_blank",
            ],
            &mut found,
        );
        let mut cited = BTreeSet::new();
        for (key, value) in found {
            let known = match key.as_str() {
                "refs" | "evidence" => &sources,
                "explains" | "caused_by" | "findings" => &findings,
                _ => &blanks,
            };
            let targets = match value {
                Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
                Value::String(one) => vec![one.as_str()],
                _ => Vec::new(),
            };
            for target in targets {
                assert!(known.contains(target), "{name}: {key} names {target}, which is nowhere");
                cited.insert(target.to_owned());
            }
        }
        let idle: Vec<_> = evidence.difference(&cited).collect();
        assert!(idle.is_empty(), "{name}: nothing refers to {idle:?}");
        for finding in report["findings"].as_array().unwrap() {
            assert_ne!(
                finding["evidence"],
                Value::Array(Vec::new()),
                "{name}: {} has no evidence",
                finding["id"]
            );
        }
    }
}

#[test]
fn every_hash_is_of_the_whole_lines_that_are_printed() {
    for (name, reports) in SAMPLES.iter() {
        let mut bundles = BTreeMap::from([(name.clone(), files(&sample(name)))]);
        if let Some(baseline) = baseline_of(name) {
            bundles.insert(format!("{name}-baseline"), files(&baseline));
        }
        for item in reports.json["evidence"].as_array().unwrap() {
            let file = &bundles[item["bundle"].as_str().unwrap()][item["file"].as_str().unwrap()];
            let lines: Vec<_> = file.lines().collect();
            // Of a long place the lines that are not printed are hashed as well.
            if let Some(unquoted) = item.get("unquoted") {
                let [first, last] = [0, 1].map(|at| item["lines"][at].as_u64().unwrap() as usize);
                let printed = item["quote"].as_array().unwrap().len() as u64;
                assert_eq!(unquoted["lines"].as_u64().unwrap() + printed, (last - first + 1) as u64);
                assert_eq!(item["sha256"], hex(&lines[first - 1..last]), "{name}: {}", item["id"]);
                continue;
            }
            let mut is_known = true;
            let quote: Vec<_> = item["quote"]
                .as_array()
                .unwrap()
                .iter()
                .map(|line| {
                    let text = line["text"].as_str().unwrap();
                    let raw = line["line"].as_u64().map(|number| lines[number as usize - 1]);
                    let is_short = text.contains("⟨+") || raw.is_some_and(|raw| raw.chars().count() > 400);
                    // What was masked in a line that is not shown whole, and a field of an object, cannot be looked up.
                    is_known &= !is_short || raw.is_some() && !text.contains('‹');
                    if is_short { raw.unwrap_or(text) } else { text }
                })
                .collect();
            if !is_known {
                continue;
            }
            assert_eq!(item["sha256"], hex(&quote), "{name}: {}", item["id"]);
        }
    }
}

fn hex(lines: &[&str]) -> String {
    let digest = Sha256::digest(lines.join("\n").as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether `quote` is `line`, apart from masked values (`‹token-1›`), what is left out (`⟨+69⟩`) and the blanks of a long one.
fn quotes(quote: &str, line: &str) -> bool {
    let gaps = Regex::new("‹[a-z-]+-[0-9]+›|⟨\\+[0-9]+⟩").unwrap();
    let blanks = Regex::new(" {3,}").unwrap();
    let is_long = line.chars().count() > 400;
    let line = if is_long {
        blanks.replace_all(line, "  ")
    } else {
        line.into()
    };
    let literal: Vec<_> = gaps.split(quote).map(regex::escape).collect();
    Regex::new(&format!("^{}$", literal.join(".+")))
        .unwrap()
        .is_match(&line)
}

#[test]
fn a_quote_is_recognised_by_what_is_left_of_it() {
    assert!(quotes("login --token ‹token-1› now", "login --token abc now"));
    assert!(quotes("a long li⟨+2⟩", "a long line") && quotes("a ⟨+4⟩ line", "a long line"));
    assert!(!quotes("login --token ‹token-1› now", "login --token abc then"));
    assert!(!quotes("a long line", "a long line and more"));
}

#[test]
fn every_citation_stands_where_it_says() {
    for (name, reports) in SAMPLES.iter() {
        let mut bundles = BTreeMap::from([(name.clone(), files(&sample(name)))]);
        if let Some(baseline) = baseline_of(name) {
            bundles.insert(format!("{name}-baseline"), files(&baseline));
        }
        let evidence = reports.json["evidence"].as_array().unwrap();
        assert!(!evidence.is_empty(), "{name}");
        for item in evidence {
            let file = &bundles[item["bundle"].as_str().unwrap()][item["file"].as_str().unwrap()];
            match item["pointer"].as_str() {
                Some(pointer) => assert_resolves(file, pointer, item),
                None => assert_quoted(file, item),
            }
        }
    }
}

/// The quoted lines are those of the file, inside the cited range.
fn assert_quoted(file: &str, item: &Value) {
    let lines: Vec<_> = file.lines().collect();
    if item.get("lines").is_none() {
        // That a file has nothing is said of no line.
        assert!(item["kind"] == "absence" && lines.is_empty(), "{item}");
        return;
    }
    let [first, last] = [0, 1].map(|end| item["lines"][end].as_u64().unwrap());
    assert!(1 <= first && first <= last && last as usize <= lines.len(), "{item}");
    for quote in item["quote"].as_array().unwrap() {
        let Some(number) = quote["line"].as_u64() else { continue };
        assert!(
            quotes(quote["text"].as_str().unwrap(), lines[number as usize - 1]),
            "{item}: line {number}"
        );
        assert!(
            quote["hit"] == false || (first..=last).contains(&number),
            "{item}: line {number} is outside"
        );
    }
}

/// What `docker inspect` says of a container is quoted field by field; a field with a secret is masked.
fn assert_shows_container(container: &Value, item: &Value) {
    let lines = item["quote"].as_array().unwrap();
    let text = |line: &Value| line["text"].as_str().unwrap().to_owned();
    assert!(text(&lines[0]).contains(container["Name"].as_str().unwrap()), "{item}");
    for line in &lines[1..] {
        let line = text(line);
        let (field, shown) = line.split_once(": ").unwrap();
        let value = container.pointer(&format!("/{}", field.replace('.', "/"))).unwrap();
        assert!(
            shown.contains('‹') || serde_json::from_str::<Value>(shown).unwrap() == *value,
            "{item}: {value}"
        );
    }
}

/// The pointer leads to the value that the quote shows; to nothing, where the quote says that there is nothing.
fn assert_resolves(file: &str, pointer: &str, item: &Value) {
    let document: Value = serde_json::from_str(file)
        .or_else(|_| serde_yaml::from_str(file))
        .unwrap();
    let target = document.pointer(pointer);
    if let Some(container) = target.filter(|value| value.get("HostConfig").is_some()) {
        return assert_shows_container(container, item);
    }
    // The line before it says whose field it is.
    let shown = item["quote"].as_array().unwrap().last().unwrap()["text"]
        .as_str()
        .unwrap();
    let (_, shown) = shown.split_once(": ").unwrap();
    if let Some((head, _)) = shown.split_once("⟨+") {
        let whole = document.pointer(pointer).unwrap();
        let whole = whole.as_str().map_or_else(|| whole.to_string(), str::to_owned);
        assert!(whole.starts_with(head.split('‹').next().unwrap()), "{item}");
        return;
    }
    match document.pointer(pointer) {
        None => assert_eq!(shown, "(absent)", "{item}"),
        Some(Value::String(text)) => assert!(quotes(shown, text.lines().next().unwrap_or_default()), "{item}: {text}"),
        // An object may be shown by its main members only.
        Some(Value::Object(members)) => {
            // A whole object goes by its name.
            let Ok(shown) = serde_json::from_str::<Value>(shown) else {
                let name = shown.rsplit(' ').next().unwrap();
                assert!(Value::Object(members.clone()).to_string().contains(name), "{item}");
                return;
            };
            for (key, value) in shown.as_object().unwrap() {
                assert_eq!(members.get(key), Some(value), "{item}");
            }
        }
        // A complete list that decides an absence goes by the names of its objects.
        Some(Value::Array(objects)) if item["kind"] == "absence" => {
            let names = objects
                .iter()
                .map(|object| object["metadata"]["name"].as_str().unwrap());
            let names = names.collect::<Vec<_>>().join(", ");
            let wanted = if names.is_empty() { "[]" } else { &names };
            assert_eq!(shown, wanted, "{item}");
        }
        Some(value) => assert!(quotes(shown, &value.to_string()), "{item}: {value}"),
    }
}
