//! What a report was narrowed to, in keys and in words.

use jiff::Timestamp;
use serde_json::json;

use super::phrases::filled;
use crate::diagnosis::Diagnosis;
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
    Some(NarrowingView {
        text: filled("narrowing.text", &facts),
        since,
        until,
        namespaces: by.namespaces.iter().cloned().collect(),
        nodes: by.nodes.iter().cloned().collect(),
        hidden: narrowed.hidden,
    })
}
