//! The timeline as rows: CSV for spreadsheets, JSON Lines for log tools. Every row, also those that the chapters leave out.

use serde_json::json;

use super::shown;
use crate::model::Lang;
use crate::report::escape;
use crate::report::model::{PostMortem, TimelineRow};

/// The columns of the CSV form. The first ones are instants in UTC, empty for what only a person knows.
const COLUMNS: [&str; 10] = [
    "earliest",
    "latest",
    "basis",
    "subject",
    "kind",
    "event",
    "count",
    "until",
    "evidence",
    "order_unknown",
];

/// RFC 4180. The Chinese one begins with a byte order mark, without which Excel reads UTF-8 as GBK.
pub(in crate::report::render) fn csv(report: &PostMortem, lang: Lang) -> Result<String, csv::Error> {
    written(&COLUMNS, report.timeline.iter().map(|row| record(row, lang)), lang)
}

/// Rows below their heads, every cell inert.
pub(super) fn written<const N: usize>(
    heads: &[&str; N],
    rows: impl Iterator<Item = [String; N]>,
    lang: Lang,
) -> Result<String, csv::Error> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    writer.write_record(heads)?;
    for row in rows {
        writer.write_record(row.map(|value| inert(&value)))?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|error| csv::Error::from(error.into_error()))?;
    let mark = if lang == Lang::Zh { "\u{feff}" } else { "" };
    Ok(format!("{mark}{}", String::from_utf8_lossy(&bytes)))
}

fn record(row: &TimelineRow, lang: Lang) -> [String; 10] {
    let when = row.when.as_ref();
    [
        when.map(|when| when.earliest.to_string()).unwrap_or_default(),
        when.map(|when| when.latest.to_string()).unwrap_or_default(),
        when.map(|when| id(&when.basis)).unwrap_or_default(),
        row.subject.clone(),
        id(&row.kind),
        shown(&row.text, lang),
        row.count.to_string(),
        row.until
            .as_ref()
            .map(|until| until.latest.to_string())
            .unwrap_or_default(),
        row.refs.join(" "),
        row.order_unknown.to_string(),
    ]
}

/// What begins a formula ("CSV Injection", owasp.org, which names tab and line end too), also in the full width of Asian scripts.
const SIGNS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// A cell that no spreadsheet takes for a formula.
fn inert(value: &str) -> String {
    let value = escape::visible(value).replace('\n', " ⏎ ").replace('\t', " ");
    if value.trim_start().starts_with(SIGNS) {
        format!("'{value}")
    } else {
        value
    }
}

/// One object on each line. `tool` stands in every row, so that rows of many sources can lie in one file.
pub(in crate::report::render) fn json_lines(report: &PostMortem, lang: Lang) -> Result<String, serde_json::Error> {
    let bundle = report.bundles.first().map_or("", |bundle| bundle.alias.as_str());
    let mut out = String::new();
    for row in &report.timeline {
        let value = json!({
            "tool": "casefile",
            "schema_version": report.schema_version,
            "bundle": escape::visible(bundle),
            "earliest": row.when.as_ref().map(|when| when.earliest.to_string()),
            "latest": row.when.as_ref().map(|when| when.latest.to_string()),
            "basis": row.when.as_ref().map(|when| when.basis),
            "subject": escape::visible(&row.subject),
            "kind": row.kind,
            "event": shown(&row.text, lang),
            "count": row.count,
            "until": row.until.as_ref().map(|until| until.latest.to_string()),
            "evidence": row.refs,
            "order_unknown": row.order_unknown,
        });
        out.push_str(&serde_json::to_string(&value)?);
        out.push('\n');
    }
    Ok(out)
}

/// The name of a value in the JSON report.
pub(super) fn id(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::inert;

    #[test]
    fn no_cell_is_a_formula() {
        assert_eq!(inert("=HYPERLINK(\"http://x\")"), "'=HYPERLINK(\"http://x\")");
        assert_eq!(inert("\t@SUM(A1)"), "' @SUM(A1)");
        assert_eq!(inert("-1"), "'-1");
        assert_eq!(inert("web-0 = down"), "web-0 = down");
    }
}
