//! The report for other programs: the model as it is, without code marks.

use serde_json::Value;

use super::RenderError;
use crate::model::plain;
use crate::report::model::PostMortem;

/// Pretty JSON with two spaces, keys in the order of the model, a line feed at the end.
pub(super) fn render(report: &PostMortem) -> Result<String, RenderError> {
    let mut value = serde_json::to_value(report)?;
    strip_marks(&mut value);
    let mut out = serde_json::to_string_pretty(&value)?;
    out.push('\n');
    Ok(out)
}

/// Removes code marks from every string; the model has no maps with free keys, so keys stay.
fn strip_marks(value: &mut Value) {
    match value {
        Value::String(text) => *text = plain(text),
        Value::Array(items) => items.iter_mut().for_each(strip_marks),
        Value::Object(fields) => fields.values_mut().for_each(strip_marks),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
