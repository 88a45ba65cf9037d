//! The tables of `kubectl top`.
//!
//! Source: `k8s.io/kubectl/pkg/metricsutil/metrics_printer.go`: NAME, CPU(cores) and MEMORY(bytes) for pods, with NAMESPACE first for all
//! namespaces and POD for containers; CPU% and MEMORY% (since 1.32 `CPU(%)` and `MEMORY(%)`) for nodes.

use super::super::{Fact, Section, TextFile};
use super::hint::Hint;
use super::table::Header;

/// Decodes the table that starts at a 0-based line into values, or declines: `top.node.<name>.cpu`, `top.pod.<namespace>/<name>.memory`,
/// `top.pod.<namespace>/<name>/<container>.cpu`.
pub(crate) fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let line = file.line(start);
    if !line.contains("CPU(cores)") || !line.contains("MEMORY(bytes)") {
        return None;
    }
    let header = Header::inner(line)?;
    let nodes = ["CPU%", "CPU(%)"].iter().any(|column| header.has(column));
    let hint = Hint::above(file, start);
    let mut section = Section {
        end: start + 1,
        ..Section::default()
    };
    while let Some(row) = header.row(file.line(section.end), section.end).filter(|row| {
        row.raw("CPU(cores)")
            .starts_with(|c: char| c.is_ascii_digit() || c == '<')
    }) {
        let namespace = row.get("NAMESPACE").unwrap_or(&hint.namespace);
        let subject = match (nodes, row.get("POD")) {
            (true, _) => format!("node.{}", row.raw("NAME")),
            (false, Some(pod)) => format!("pod.{namespace}/{pod}/{}", row.raw("NAME")),
            (false, None) => format!("pod.{namespace}/{}", row.raw("NAME")),
        };
        for (field, columns) in [
            ("cpu", ["CPU(cores)", ""]),
            ("memory", ["MEMORY(bytes)", ""]),
            ("cpu-percent", ["CPU%", "CPU(%)"]),
            ("memory-percent", ["MEMORY%", "MEMORY(%)"]),
        ] {
            if let Some(value) = row.any(&columns) {
                section.facts.push(Fact::Value {
                    key: format!("top.{subject}.{field}"),
                    value: value.to_owned(),
                    cite: file.cite(row.line),
                });
            }
        }
        section.end += 1;
    }
    Some(section)
}

#[cfg(test)]
mod tests {
    use super::super::testing::text;
    use super::*;

    fn values(source: &str) -> Vec<String> {
        let section = text(source).decode(decode);
        let value = |fact: &Fact| match fact {
            Fact::Value { key, value, .. } => format!("{key}={value}"),
            other => panic!("not a value: {other:?}"),
        };
        section.facts.iter().map(value).collect()
    }

    #[test]
    fn nodes_and_pods() {
        assert_eq!(
            values(
                "NAME    CPU(cores)   CPU%        MEMORY(bytes)   MEMORY%\nw1      612m         15%         6210Mi          40%\nw2      <unknown>    <unknown>   <unknown>       <unknown>\n"
            ),
            [
                "top.node.w1.cpu=612m",
                "top.node.w1.memory=6210Mi",
                "top.node.w1.cpu-percent=15%",
                "top.node.w1.memory-percent=40%"
            ]
        );
        assert_eq!(
            values(
                "$ kubectl top pods -n shop --containers\nPOD     NAME    CPU(cores)   MEMORY(bytes)\nweb-0   nginx   1m           3Mi\n"
            ),
            ["top.pod.shop/web-0/nginx.cpu=1m", "top.pod.shop/web-0/nginx.memory=3Mi"]
        );
    }
}
