//! Whose field a JSON pointer leads to: a citation of `#/items/3/status/phase` tells no reader which object that is.

use std::collections::HashMap;

use crate::diagnosis::Diagnosis;
use crate::model::{Citation, Place};

/// Objects by the place at which they stand.
pub(super) struct Objects(HashMap<(String, String), HashMap<String, String>>);

impl Objects {
    /// Those of the incident and of its baseline.
    pub(super) fn of(diagnosis: &Diagnosis<'_>) -> Self {
        let mut places: HashMap<(String, String), HashMap<String, String>> = HashMap::new();
        for snapshot in std::iter::once(diagnosis.snapshot).chain(diagnosis.baseline) {
            for object in snapshot.objects.values().chain(&snapshot.applied) {
                if let Place::Pointer(pointer) = &object.cite.place
                    && !object.key.name.is_empty()
                {
                    let file = (object.cite.bundle.to_string(), object.cite.file.as_str().to_owned());
                    let subject = object.subject().to_string();
                    places.entry(file).or_default().insert(pointer.clone(), subject);
                }
            }
        }
        Self(places)
    }

    /// The object of a citation, as people call it; empty where it is no field of an object.
    pub(super) fn of_citation(&self, citation: &Citation) -> &str {
        let Place::Pointer(pointer) = &citation.place else {
            return "";
        };
        let file = (citation.bundle.to_string(), citation.file.as_str().to_owned());
        let Some(objects) = self.0.get(&file) else { return "" };
        let mut at = pointer.as_str();
        loop {
            if let Some(subject) = objects.get(at) {
                return subject;
            }
            match at.rfind('/') {
                Some(cut) => at = at.get(..cut).unwrap_or_default(),
                None => return "",
            }
        }
    }
}
