//! The lines of an export, sorted by the container that wrote them.

use std::collections::BTreeMap;

use super::super::kubectl::namespace_above;
use super::super::{Decoder, Fact, Section, TextFile};
use super::{csv, json, prefix};

/// Lines with the pod before them: `kubectl logs --prefix`, stern, kubetail, docker compose.
pub(in crate::bundle::decode) const PREFIXED: Decoder = Decoder {
    name: "log with prefixes",
    decode: prefixed,
};
/// Records of a log shipper in JSON: fluentd, Fluent Bit, Filebeat, Loki's `logcli`, `stern -o json`.
pub(in crate::bundle::decode) const JSON: Decoder = Decoder {
    name: "log export in JSON",
    decode: in_json,
};
/// Records in CSV with a heading that names pod and message.
pub(in crate::bundle::decode) const CSV: Decoder = Decoder {
    name: "log export in CSV",
    decode: in_csv,
};

/// Containers that are told apart; the lines of further ones go to the last.
const MOST_CONTAINERS: usize = 1_000;

/// One container's lines in an export.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExportedLog {
    /// Namespace; empty when the export does not tell.
    pub namespace: String,
    /// Pod, or what stands in its place.
    pub pod: String,
    /// Container; empty when the export does not tell.
    pub container: String,
    /// The unit of systemd that wrote the lines; empty for those of a container.
    pub unit: String,
    /// The 0-based line of the file, and what the container wrote, with its time before it where the export has one.
    pub lines: Vec<(usize, String)>,
}

/// Who wrote a line, and what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) namespace: String,
    pub(super) pod: String,
    pub(super) container: String,
    /// The unit of systemd and the machine, where no container wrote the line.
    pub(super) unit: String,
    pub(super) host: String,
    /// As written; empty when there is none.
    pub(super) time: String,
    pub(super) text: String,
}

/// Sorts records by what wrote them.
#[derive(Default)]
struct Logs {
    by_writer: BTreeMap<[String; 5], ExportedLog>,
}

impl Logs {
    fn add(&mut self, line: usize, record: Record) {
        let key = [record.namespace, record.pod, record.container, record.unit, record.host];
        let is_new = !self.by_writer.contains_key(&key);
        let log = if is_new && self.by_writer.len() >= MOST_CONTAINERS {
            self.by_writer.values_mut().next_back()
        } else {
            let [namespace, pod, container, unit, _] = key.clone();
            Some(self.by_writer.entry(key).or_insert_with(|| ExportedLog {
                namespace,
                pod,
                container,
                unit,
                lines: Vec::new(),
            }))
        };
        let Some(log) = log else { return };
        for text in record.text.lines() {
            let text = if record.time.is_empty() || text.starts_with(&record.time) {
                text.to_owned()
            } else {
                format!("{} {text}", record.time)
            };
            log.lines.push((line, text));
        }
    }

    fn section(self, end: usize) -> Section {
        Section {
            end,
            facts: self.by_writer.into_values().map(Fact::ExportedLog).collect(),
            ..Section::default()
        }
    }
}

fn prefixed(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let form = prefix::form_at(file, start)?;
    let namespace = namespace_above(file, start);
    let mut logs = Logs::default();
    let mut end = start;
    let mut gap = 0;
    for line in start..file.lines.len() {
        let text = file.line(line);
        match prefix::read(form, text) {
            Some(mut record) => {
                if record.namespace.is_empty() {
                    record.namespace.clone_from(&namespace);
                }
                logs.add(line, record);
                end = line + 1;
                gap = 0;
            }
            // stern says which containers come and go; a blank line between is nobody's.
            None if prefix::is_remark(text) || text.trim().is_empty() => {
                gap += 1;
                if gap > 3 {
                    break;
                }
            }
            None => break,
        }
    }
    Some(logs.section(end.max(start + 1)))
}

fn in_json(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let mut logs = Logs::default();
    let mut end = start;
    while let Some(record) = file.lines.get(end).and_then(|line| json::record_of_line(line)) {
        logs.add(end, record);
        end += 1;
    }
    if end > start {
        return Some(logs.section(end));
    }
    let (records, after) = json::records_of_document(file, start)?;
    for (line, record) in records {
        logs.add(line, record);
    }
    Some(logs.section(after))
}

fn in_csv(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let heading = csv::heading(file.line(start))?;
    let mut logs = Logs::default();
    let mut end = start + 1;
    while let Some((cells, after)) = csv::cells_at(file, end) {
        if let Some(record) = heading.record(&cells) {
            logs.add(end, record);
        }
        end = after;
    }
    Some(logs.section(end))
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::section;
    use super::*;

    fn logs(decoder: &Decoder, text: &str) -> Vec<ExportedLog> {
        let section = section(decoder, "x", text);
        section
            .into_iter()
            .flat_map(|section| section.facts)
            .filter_map(|fact| match fact {
                Fact::ExportedLog(log) => Some(log),
                _ => None,
            })
            .collect()
    }

    fn log(namespace: &str, pod: &str, container: &str, lines: &[(usize, &str)]) -> ExportedLog {
        ExportedLog {
            namespace: namespace.into(),
            pod: pod.into(),
            container: container.into(),
            unit: String::new(),
            lines: lines.iter().map(|(line, text)| (*line, (*text).to_owned())).collect(),
        }
    }

    #[test]
    fn every_tool_says_whose_a_line_is() {
        let web = "web-6bdf8c9d7-jd5lx";
        for text in [
            format!("[pod/{web}/nginx] boom\n[pod/db-0/mysql] ready\n[pod/{web}/nginx] bang\n"),
            format!("{web} nginx boom\ndb-0 mysql ready\n{web} nginx bang\n"),
            format!("[{web} nginx] boom\n[db-0 mysql] ready\n[{web} nginx] bang\n"),
            format!("{web} nginx | boom\ndb-0 mysql                | ready\n{web} nginx | bang\n"),
            format!("{web} nginx │ boom\ndb-0 mysql                │ ready\n{web} nginx │ bang\n"),
        ] {
            assert_eq!(
                logs(&PREFIXED, &text),
                [
                    log("", "db-0", "mysql", &[(1, "ready")]),
                    log("", web, "nginx", &[(0, "boom"), (2, "bang")])
                ],
                "{text}"
            );
        }
        assert_eq!(
            logs(&PREFIXED, "web-1  | boom\ndb-1   | ready\nweb-1  |\n"),
            [
                log("", "db-1", "", &[(1, "ready")]),
                log("", "web-1", "", &[(0, "boom")])
            ]
        );
    }

    #[test]
    fn the_command_above_tells_the_namespace() {
        let path = crate::model::EntryPath::new("x");
        let file = TextFile::new(
            "b".into(),
            &path,
            "$ kubectl logs -n shop -l app=web --prefix\n[pod/web-0/nginx] boom\n",
        );
        let section = (PREFIXED.decode)(&file, 1).unwrap();
        assert!(matches!(&section.facts[0], Fact::ExportedLog(log) if log.namespace == "shop"));
    }

    #[test]
    fn records_of_shippers_are_read_line_by_line_and_in_one_document() {
        let expected = [log("shop", "web-0", "nginx", &[(0, "2026-11-21T10:20:42Z boom")])];
        for text in [
            r#"{"log":"boom\n","stream":"stderr","@timestamp":"2026-11-21T10:20:42Z","kubernetes":{"pod_name":"web-0","namespace_name":"shop","container_name":"nginx"}}"#,
            r#"{"message":"boom","@timestamp":"2026-11-21T10:20:42Z","kubernetes":{"pod":{"name":"web-0"},"namespace":"shop","container":{"name":"nginx"}}}"#,
            r#"{"message":"boom","@timestamp":"2026-11-21T10:20:42Z","kubernetes.pod_name":"web-0","kubernetes.namespace_name":"shop","kubernetes.container_name":"nginx"}"#,
            r#"{"labels":{"pod":"web-0","namespace":"shop","container":"nginx"},"line":"boom","timestamp":"2026-11-21T10:20:42Z"}"#,
            r#"{"message":"2026-11-21T10:20:42Z boom","nodeName":"n1","namespace":"shop","podName":"web-0","containerName":"nginx"}"#,
        ] {
            assert_eq!(logs(&JSON, text), expected, "{text}");
            let pretty = format!("[\n{text}\n]\n");
            let in_document = logs(&JSON, &pretty);
            assert_eq!(
                in_document.first().map(|log| log.pod.as_str()),
                Some("web-0"),
                "{pretty}"
            );
        }
        let hits = "{\n  \"took\": 3,\n  \"hits\": {\n    \"hits\": [\n      {\"_source\": {\"log\": \"boom\", \"@timestamp\": \"2026-11-21T10:20:42Z\",\n        \"kubernetes\": {\"pod_name\": \"web-0\", \"namespace_name\": \"shop\", \"container_name\": \"nginx\"}}}\n    ]\n  }\n}\n";
        assert_eq!(
            logs(&JSON, hits),
            [log("shop", "web-0", "nginx", &[(4, "2026-11-21T10:20:42Z boom")])]
        );
    }

    #[test]
    fn answers_of_log_stores_are_read() {
        let boom = [log("shop", "web-0", "nginx", &[(0, "2026-11-21T10:20:42Z boom")])];
        for text in [
            r#"{"status":"success","data":{"resultType":"streams","result":[{"stream":{"namespace":"shop","pod":"web-0","container":"nginx"},"values":[["1795256442000000000","boom"]]}]}}"#,
            r#"{"events":[{"logStreamName":"x","timestamp":1795256442000,"message":"{\"log\":\"boom\\n\",\"kubernetes\":{\"pod_name\":\"web-0\",\"namespace_name\":\"shop\",\"container_name\":\"nginx\"}}"}]}"#,
            r#"{"events":[{"logStreamName":"n1-application.var.log.containers.web-0_shop_nginx-0123abcd.log","timestamp":1795256442000,"message":"boom"}]}"#,
            r#"[{"resource":{"type":"k8s_container","labels":{"namespace_name":"shop","pod_name":"web-0","container_name":"nginx"}},"textPayload":"boom","timestamp":"2026-11-21T10:20:42Z"}]"#,
            r#"{"resource":{"labels":{"namespace_name":"shop","pod_name":"web-0","container_name":"nginx"}},"jsonPayload":{"message":"boom"},"timestamp":"2026-11-21T10:20:42Z"}"#,
        ] {
            assert_eq!(logs(&JSON, text), boom, "{text}");
        }
    }

    #[test]
    fn the_journal_in_json_is_sorted_by_its_units() {
        let text = r#"{"__REALTIME_TIMESTAMP":"1795256442000000","_HOSTNAME":"n1","_SYSTEMD_UNIT":"kubelet.service","SYSLOG_IDENTIFIER":"kubelet","MESSAGE":"E1121 boom","_PID":"7"}
{"__REALTIME_TIMESTAMP":"1795256443000000","_HOSTNAME":"n1","SYSLOG_IDENTIFIER":"kernel","MESSAGE":"Out of memory"}
{"__REALTIME_TIMESTAMP":"1795256444000000","_HOSTNAME":"n1","CONTAINER_NAME":"k8s_nginx_web-0_shop_0123_0","MESSAGE":"bang"}
"#;
        let found: Vec<(String, String, String)> = logs(&JSON, text)
            .into_iter()
            .map(|log| (log.pod, log.unit, log.lines[0].1.clone()))
            .collect();
        let expected = [
            ("", "kernel", "2026-11-21T10:20:43Z n1 kernel: Out of memory"),
            ("", "kubelet.service", "2026-11-21T10:20:42Z n1 kubelet[7]: E1121 boom"),
            ("web-0", "", "2026-11-21T10:20:44Z bang"),
        ];
        assert_eq!(
            found,
            expected.map(|(pod, unit, line)| (pod.to_owned(), unit.to_owned(), line.to_owned()))
        );
    }

    #[test]
    fn stern_may_name_the_namespace_first() {
        let text = "shop web-0 nginx boom\nshop db-0 mysql ready\nshop web-0 nginx bang\n";
        assert_eq!(
            logs(&PREFIXED, text),
            [
                log("shop", "db-0", "mysql", &[(1, "ready")]),
                log("shop", "web-0", "nginx", &[(0, "boom"), (2, "bang")])
            ]
        );
    }

    #[test]
    fn a_loop_in_a_shell_may_put_the_pod_before_each_line() {
        for (of_web, of_db, namespace, container) in [
            ("web-0: ", "db-0: ", "", ""),
            ("shop/web-0: ", "shop/db-0: ", "shop", ""),
            ("[shop/web-0] ", "[shop/db-0] ", "shop", ""),
            ("[web-0/nginx] ", "[db-0/nginx] ", "", "nginx"),
        ] {
            let text = format!("{of_web}boom\n{of_web}bang\n{of_db}ready\n");
            let expected = [
                log(namespace, "db-0", container, &[(2, "ready")]),
                log(namespace, "web-0", container, &[(0, "boom"), (1, "bang")]),
            ];
            assert_eq!(logs(&PREFIXED, &text), expected, "{of_web}");
        }
        // A program's own workers.
        assert!(logs(&PREFIXED, "worker-0: boom\nworker-0: bang\nworker-0: boom\n").is_empty());
    }

    #[test]
    fn csv_is_read_by_its_heading() {
        let text = "\"@timestamp\",kubernetes.pod_name,namespace,message\n2026-11-21T10:20:42Z,web-0,shop,\"boom, \"\"bang\"\"\nat x\"\n2026-11-21T10:20:43Z,db-0,shop,ready\n\nrest\n";
        assert_eq!(
            logs(&CSV, text),
            [
                log("shop", "db-0", "", &[(3, "2026-11-21T10:20:43Z ready")]),
                log(
                    "shop",
                    "web-0",
                    "",
                    &[
                        (1, "2026-11-21T10:20:42Z boom, \"bang\""),
                        (1, "2026-11-21T10:20:42Z at x")
                    ]
                )
            ]
        );
    }

    #[test]
    fn an_applications_own_log_is_left_alone() {
        for text in [
            "[pod] x\n[pod] y\n",
            "web-0 started at once\n",
            "{\"level\":\"info\",\"pod\":\"web-0\",\"namespace\":\"shop\",\"message\":\"synced\"}\n",
            "id | name\n---+-----\n 1 | a\n",
            "a,b,c\n1,2,3\n",
            "2026-11-21 10:00:00 | INFO | started\n2026-11-21 10:00:01 | INFO | done\n2026-11-21 10:00:02 | INFO | x\n",
            "web-6bdf8c9d7-jd5lx   0/1   Error   7   12m\ndb-0   1/1   Running   0   1d\ndb-1   1/1   Running   0   1d\n",
        ] {
            for decoder in [&PREFIXED, &JSON, &CSV] {
                assert!(logs(decoder, text).is_empty(), "{} {text}", decoder.name);
            }
        }
    }
}
