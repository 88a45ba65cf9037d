//! What a log line says to a person: of a structured line its message and its error, without the fields around them.

use serde_json::{Map, Value};

/// Longer words are cut.
const LONGEST: usize = 240;
/// Names of the message: zap and pino `msg`, logback and Serilog's compact form `message` and `@m`, structlog `event`, Docker and
/// fluentd `log`, GELF `short_message`.
const MESSAGES: [&str; 7] = ["msg", "message", "@m", "event", "log", "short_message", "text"];
/// Names of the error beside it.
const ERRORS: [&str; 5] = ["error", "err", "exception", "errorMessage", "cause"];

/// The words of a line, at most 240 characters.
pub fn told(line: &str) -> String {
    let text = line.trim();
    let structured = text
        .starts_with('{')
        .then(|| serde_json::from_str::<Map<String, Value>>(text).ok())
        .flatten()
        .and_then(|fields| of_fields(&fields));
    structured.as_deref().unwrap_or(text).chars().take(LONGEST).collect()
}

fn of_fields(fields: &Map<String, Value>) -> Option<String> {
    let message = first(fields, &MESSAGES);
    let error = first(fields, &ERRORS);
    match (message, error) {
        (Some(message), Some(error)) if !message.contains(&error) => Some(format!("{message}: {error}")),
        (Some(words), _) | (None, Some(words)) => Some(words),
        (None, None) => None,
    }
}

/// The first of these fields that holds words: its first line, or that of the message inside it.
fn first(fields: &Map<String, Value>, names: &[&str]) -> Option<String> {
    names.iter().filter_map(|name| fields.get(*name)).find_map(|value| {
        let words = value.as_str().or_else(|| value.get("message")?.as_str())?;
        let line = words.trim().lines().next()?;
        Some(line.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn a_structured_line_says_its_message_and_its_error() {
        let pino = r#"{"level":50,"time":1796885360791,"pid":1,"msg":"order 7 has no driver"}"#;
        assert_eq!(told(pino), "order 7 has no driver");
        let zap = r#"{"level":"error","msg":"query failed","error":"dial tcp 10.0.0.7:5432: i/o timeout","stacktrace":"main.go:7"}"#;
        assert_eq!(told(zap), "query failed: dial tcp 10.0.0.7:5432: i/o timeout");
        let nested =
            r#"{"level":50,"msg":"request errored","err":{"type":"Error","message":"socket hang up","stack":"at x"}}"#;
        assert_eq!(told(nested), "request errored: socket hang up");
    }

    #[test]
    fn other_lines_are_said_as_they_are() {
        assert_eq!(told("  ERROR no route "), "ERROR no route");
        assert_eq!(
            told(r#"{"level":50,"msg":"cut in the mid"#),
            r#"{"level":50,"msg":"cut in the mid"#
        );
        assert_eq!(told(r#"{"status":500}"#), r#"{"status":500}"#);
    }
}
