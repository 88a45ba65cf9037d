//! What a report was narrowed to, in keys and in words.

use jiff::Timestamp;
use serde_json::json;

use super::phrases::filled;
use crate::diagnosis::Diagnosis;
use crate::model::Text;
use crate::report::model::NarrowingView;

pub(super) fn narrowing(diagnosis: &Diagnosis<'_>) -> Option<NarrowingView> {
    let narrowed = diagnosis.narrowed.as_ref()?;
    let by = &narrowed.by;
    let time = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
    let (since, until) = (time(by.since), time(by.until));
    let facts = [
        ("namespaces", json!(by.namespaces)),
        ("nodes", json!(by.nodes)),
        ("since", since.clone().into()),
        ("until", until.clone().into()),
        ("hidden", json!(narrowed.hidden)),
    ];
    let mut text = filled("narrowing.text", &facts);
    if let Some(unknown) = unknown(diagnosis) {
        text = Text::new(
            format!("{}{}", unknown.zh, text.zh),
            format!("{} {}", unknown.en, text.en),
        );
    }
    Some(NarrowingView {
        text,
        since,
        until,
        namespaces: by.namespaces.iter().cloned().collect(),
        nodes: by.nodes.iter().cloned().collect(),
        hidden: narrowed.hidden,
    })
}

/// Names that are shown of those that the bundle has.
const NAMED: usize = 20;

/// True where the analysis was narrowed to names that are not in the bundle: to find nothing there means nothing.
pub(super) fn names_nothing(diagnosis: &Diagnosis<'_>) -> bool {
    unknown(diagnosis).is_some()
}

/// Which of the names that the analysis was narrowed to are not in the bundle, and which it has.
pub(super) fn unknown(diagnosis: &Diagnosis<'_>) -> Option<Text> {
    let unknown = &diagnosis.narrowed.as_ref()?.unknown;
    let said = |id: &str, names: &[String], known: &[String]| {
        let facts = [
            ("names", json!(names)),
            ("known", json!(known.iter().take(NAMED).collect::<Vec<_>>())),
            ("more", json!(known.len().saturating_sub(NAMED))),
        ];
        (!names.is_empty()).then(|| filled(id, &facts))
    };
    let namespaces = said("narrowing.no-namespace", &unknown.namespaces, &unknown.known_namespaces);
    let nodes = said("narrowing.no-node", &unknown.nodes, &unknown.known_nodes);
    match (namespaces, nodes) {
        (Some(one), Some(other)) => Some(Text::new(
            format!("{}{}", one.zh, other.zh),
            format!("{} {}", one.en, other.en),
        )),
        (one, other) => one.or(other),
    }
}
