//! Kubernetes events of both APIs (`v1` and `events.k8s.io/v1`), normalised.

use super::Object;
use crate::model::{Citation, Subject, When};

/// One event, with its repetitions folded as the API folds them.
#[derive(Debug, Clone)]
pub struct Event {
    /// True for `type: Warning`.
    pub warning: bool,
    /// Reason, such as `FailedScheduling`.
    pub reason: String,
    /// Message.
    pub message: String,
    /// The object it is about.
    pub about: Subject,
    /// The container, from `spec.containers{name}`; empty otherwise.
    pub container: String,
    /// How often.
    pub count: u64,
    /// First time.
    pub first: Option<When>,
    /// Last time.
    pub last: Option<When>,
    /// Reporting component.
    pub component: String,
    /// Reporting host; empty when none is given.
    pub host: String,
    /// Its message, cited.
    pub cite: Citation,
    /// Its type, cited, of an event that is no warning.
    pub kind_cite: Option<Citation>,
    /// True for one that no API wrote: the log of a node tells that it was sent.
    pub is_told: bool,
}

impl Event {
    /// From an object of kind `Event`.
    pub fn new(object: &Object) -> Option<Self> {
        let about = if object.get("/involvedObject").is_some() {
            "/involvedObject"
        } else {
            "/regarding"
        };
        let about_text = |field: &str| object.text(&format!("{about}/{field}")).to_owned();
        let first_of = |pointers: [&str; 3]| {
            pointers
                .iter()
                .map(|pointer| object.text(pointer))
                .find(|text| !text.is_empty())
                .unwrap_or("")
                .to_owned()
        };
        let message_at = if object.get("/message").is_some() {
            "/message"
        } else {
            "/note"
        };
        let first = ["/firstTimestamp", "/deprecatedFirstTimestamp", "/eventTime"]
            .iter()
            .find_map(|pointer| object.time(pointer));
        let count = ["/count", "/series/count", "/deprecatedCount"]
            .iter()
            .find_map(|pointer| object.int(pointer))
            .unwrap_or(1);
        let field_path = about_text("fieldPath");
        let container = field_path
            .split_once('{')
            .and_then(|(_, rest)| rest.strip_suffix('}'))
            .unwrap_or("")
            .to_owned();
        let reason = object.text("/reason").to_owned();
        let message = object.text(message_at).trim_end().to_owned();
        let last = last_seen(object);
        let warning = object.text("/type") == "Warning";
        (!reason.is_empty() || !message.is_empty()).then(|| Self {
            warning,
            kind_cite: (!warning).then(|| object.cite_at("/type")),
            reason,
            message,
            about: Subject {
                kind: about_text("kind"),
                namespace: about_text("namespace"),
                name: about_text("name"),
                node: String::new(),
            },
            container,
            count: u64::try_from(count).unwrap_or(1).max(1),
            // Most tables have no first time; the last stands for it.
            first: first.or_else(|| created(object)).or_else(|| last.clone()),
            cite: object.cite_at(message_at).at(last.clone()),
            last,
            component: first_of(["/source/component", "/reportingComponent", "/reportingController"]),
            host: first_of(["/source/host", "/deprecatedSource/host", "/spec/none"]),
            is_told: false,
        })
    }
}

/// When an event was last seen, as its object says.
pub(super) fn last_seen(event: &Object) -> Option<When> {
    const LAST: [&str; 4] = [
        "/series/lastObservedTime",
        "/lastTimestamp",
        "/deprecatedLastTimestamp",
        "/eventTime",
    ];
    let last = LAST.iter().find_map(|pointer| event.time(pointer));
    last.or_else(|| created(event))
}

fn created(event: &Object) -> Option<When> {
    event
        .get("/metadata/creationTimestamp")
        .and_then(|written| When::rfc3339(written.as_str()?))
}
