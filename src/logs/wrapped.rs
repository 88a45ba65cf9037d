//! Lines that a container runtime has wrapped: Docker's json-file, and lines that the CRI cut into parts.
//!
//! Sources: moby `daemon/logger/jsonfilelog/jsonlog` (`log`, `stream`, `time`; a line longer than 16 KiB is cut, and only its last
//! part ends in a line end); kubernetes `pkg/kubelet/kuberuntime/logs/logs.go` (`<time> <stream> P|F <text>`, `P` for a part).

use std::borrow::Cow;

use serde::Deserialize;

use super::stamp::leading_iso;

/// A line as the container wrote it.
pub(super) struct Wrapped<'l> {
    /// When it was written, as the runtime has it.
    pub(super) time: Cow<'l, str>,
    /// `stdout`, `stderr`.
    pub(super) stream: &'static str,
    /// The text.
    pub(super) text: Cow<'l, str>,
    /// True when the next line of the same stream goes on with it.
    pub(super) is_part: bool,
}

impl Wrapped<'_> {
    /// The line in the CRI's form, which all that reads logs understands.
    pub(super) fn to_line(&self) -> String {
        format!("{} {} F {}", self.time, self.stream, self.text)
    }
}

/// True when a block may hold lines for [`unwrap`]; most do not, and are scanned as they are.
pub(super) fn may_hold(block: &[u8]) -> bool {
    [&b"{\"log\":\""[..], b" stdout P ", b" stderr P "]
        .iter()
        .any(|sign| memchr::memmem::find(block, sign).is_some())
}

/// What a wrapped line holds; none for any other line.
pub(super) fn unwrap(line: &str) -> Option<Wrapped<'_>> {
    if line.starts_with("{\"log\":\"") {
        return json_file(line);
    }
    let (_, time) = leading_iso(line)?;
    let rest = line.get(time.len()..)?.strip_prefix(' ')?;
    let stream = stream_name(rest.get(..6)?)?;
    let rest = rest.get(6..)?;
    let (is_part, text) = match rest.strip_prefix(" P ") {
        Some(text) => (true, text),
        None => (false, rest.strip_prefix(" F ").or_else(|| rest.strip_prefix(" F"))?),
    };
    Some(Wrapped {
        time: time.into(),
        stream,
        text: text.into(),
        is_part,
    })
}

fn json_file(line: &str) -> Option<Wrapped<'_>> {
    #[derive(Deserialize)]
    struct Line<'l> {
        #[serde(borrow)]
        log: Cow<'l, str>,
        #[serde(borrow, default)]
        stream: Cow<'l, str>,
        #[serde(borrow, default)]
        time: Cow<'l, str>,
    }
    let line: Line<'_> = serde_json::from_str(line).ok()?;
    let is_part = !line.log.ends_with('\n');
    let text = line.log.trim_end_matches(['\n', '\r']).to_owned();
    Some(Wrapped {
        time: line.time,
        stream: stream_name(&line.stream).unwrap_or("stdout"),
        text: text.into(),
        is_part,
    })
}

fn stream_name(word: &str) -> Option<&'static str> {
    ["stdout", "stderr"].into_iter().find(|name| *name == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dockers_json_holds_the_line_without_its_escapes() {
        let line = unwrap(r#"{"log":"open \"/a\": no such file\n","stream":"stderr","attrs":{"tag":"x"},"time":"2026-11-21T09:34:42.5Z"}"#).unwrap();
        assert_eq!(
            (line.to_line().as_str(), line.is_part),
            ("2026-11-21T09:34:42.5Z stderr F open \"/a\": no such file", false)
        );
    }

    #[test]
    fn parts_say_that_they_are_parts() {
        assert!(
            unwrap("2026-11-21T09:34:42.5Z stdout P first ").is_some_and(|line| line.is_part && line.text == "first ")
        );
        assert!(unwrap("2026-11-21T09:34:42.5Z stdout F ").is_some_and(|line| !line.is_part && line.text.is_empty()));
        assert!(
            unwrap(r#"{"log":"first ","stream":"stdout","time":"2026-11-21T09:34:42.5Z"}"#)
                .is_some_and(|line| line.is_part)
        );
    }

    #[test]
    fn other_lines_are_as_they_stand() {
        for line in [
            "",
            "{\"log\":\"cut",
            "{\"log\":\"a\",\"log\":",
            "2026-11-21T09:34:42.5Z stdoutP x",
            "text stdout P x",
        ] {
            assert!(unwrap(line).is_none(), "{line}");
        }
    }
}
