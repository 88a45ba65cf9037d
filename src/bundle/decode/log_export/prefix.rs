//! What stands before each line when a tool follows several containers.
//!
//! Sources: kubernetes/kubectl `pkg/cmd/logs/logs.go` (`--prefix`: `[pod/%s/%s] `), stern `cmd/cmd.go` (default template: pod,
//! container, message, with `-A` the namespace before them), johanhaleby/kubetail (`[pod]`, `[pod container]`), docker/compose `cmd/formatter/logs.go` (`name  | `).

use super::super::pod_name::{is_name, is_pod};
use super::super::{TextFile, ansible_answer};
use super::decode::Record;

/// Lines that must have the form before it is believed, where the form alone is not telling.
const FEWEST: usize = 3;

/// `[pod/name/container]` with names as long as the API allows.
const LONGEST_WORD: usize = 330;

/// How the writer is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `[pod/web-0/nginx] text`.
    Kubectl,
    /// `[web-0 nginx] text`, `[web-0] text`.
    Kubetail,
    /// `web-0 nginx text`.
    Stern,
    /// `web-1  | text`, `web-0 nginx | text`.
    Compose,
    /// `web-0: text`, `shop/web-0: text`, as loops in a shell write it.
    Colon,
}

/// The form of the lines from one on; none when they have none.
pub(super) fn form_at(file: &TextFile<'_>, start: usize) -> Option<Form> {
    let first = file.line(start);
    // Declines most lines before anything is cut: the first word of each form is a name with a number or a random end.
    let head = first.as_bytes();
    let end = memchr::memchr(b' ', head)?;
    let word = head.get(..end)?;
    if memchr::memchr2(b'-', b'_', word).is_none() || word.len() > LONGEST_WORD {
        // With `-A` stern writes the namespace first.
        let second = head.get(end + 1..)?;
        let second = second.get(..memchr::memchr(b' ', second)?)?;
        if word.len() > LONGEST_WORD || memchr::memchr(b'-', second).is_none() {
            return None;
        }
    }
    let candidates: &[Form] = match first.as_bytes().first()? {
        b'[' => &[Form::Kubectl, Form::Kubetail],
        byte if byte.is_ascii_lowercase() || byte.is_ascii_digit() => &[Form::Compose, Form::Stern, Form::Colon],
        _ => return None,
    };
    candidates.iter().copied().find(|form| {
        if read(*form, first).is_none() {
            return false;
        }
        let following = file.lines.iter().skip(start + 1).filter(|line| !is_remark(line));
        let has_form = |line: &&&str| read(*form, line).is_some();
        match form {
            Form::Kubectl => true,
            // Workers call themselves so too: `worker-0: …`. A loop over pods has several, and its file is not one pod's.
            Form::Colon => {
                let of = |line: &str| read(Form::Colon, line).map(|record| record.pod);
                let own = of(first);
                let is_of_one = file
                    .path
                    .components()
                    .any(|part| is_pod(part.split('.').next().unwrap_or(part)));
                let mut others = file.lines.iter().filter_map(|line| of(line));
                !is_of_one
                    && following.take(FEWEST - 1).filter(has_form).count() == FEWEST - 1
                    && others.any(|pod| Some(&pod) != own.as_ref())
            }
            _ => following.take(FEWEST - 1).filter(has_form).count() == FEWEST - 1,
        }
    })
}

/// Who wrote a line, and what.
pub(super) fn read(form: Form, line: &str) -> Option<Record> {
    match form {
        Form::Kubectl => {
            let (who, text) = line.strip_prefix("[pod/")?.split_once(']')?;
            let (pod, container) = who.split_once('/')?;
            record(pod, container, text.strip_prefix(' ').unwrap_or(text))
        }
        Form::Kubetail => {
            let (who, text) = line.strip_prefix('[')?.split_once("] ")?;
            let (first, second) = who.split_once([' ', '/']).unwrap_or((who, ""));
            match (is_pod(first), is_pod(second)) {
                (true, false) => record(first, second, text),
                (_, true) => in_namespace(first, second, text),
                (false, false) => None,
            }
        }
        Form::Stern => {
            let (pod, rest) = line.split_once(' ')?;
            let (container, text) = rest.split_once(' ')?;
            if !is_pod(pod) && is_pod(container) && is_name(pod) {
                let (inner, text) = text.split_once(' ')?;
                let namespace = pod.to_owned();
                return record(container, inner, text).map(|record| Record { namespace, ..record });
            }
            (is_pod(pod) && !container.is_empty()).then(|| record(pod, container, text))?
        }
        Form::Compose => {
            // `|`, or the first byte of `│`.
            let bar = memchr::memchr2(b'|', 0xE2, line.as_bytes())?;
            let (who, text) = line
                .split_at_checked(bar)
                .filter(|(_, text)| text.starts_with(['|', '│']))?;
            let mut names = who.split_whitespace();
            let (pod, container) = (names.next()?, names.next().unwrap_or(""));
            let is_replica = pod
                .rsplit_once(['-', '_'])
                .is_some_and(|(_, number)| number.bytes().all(|byte| byte.is_ascii_digit()));
            if !who.ends_with(' ') || names.next().is_some() || !(is_pod(pod) || is_replica) {
                return None;
            }
            let text = text.trim_start_matches(['|', '│']);
            let text = text.strip_prefix(' ').unwrap_or(text);
            record(pod, container, text).filter(|_| ansible_answer(line).is_none())
        }
        Form::Colon => {
            let (who, text) = line.split_once(": ").or_else(|| Some((line.strip_suffix(':')?, "")))?;
            match who.split_once('/') {
                Some((pod, container)) if is_pod(pod) && !is_pod(container) => record(pod, container, text),
                Some((namespace, pod)) => is_pod(pod).then(|| in_namespace(namespace, pod, text))?,
                None => is_pod(who).then(|| record(who, "", text))?,
            }
        }
    }
}

fn record(pod: &str, container: &str, text: &str) -> Option<Record> {
    (is_name(pod) && (container.is_empty() || is_name(container))).then(|| Record {
        pod: pod.to_owned(),
        container: container.to_owned(),
        text: text.to_owned(),
        ..Record::default()
    })
}

fn in_namespace(namespace: &str, pod: &str, text: &str) -> Option<Record> {
    let named = record(pod, "", text).filter(|_| is_name(namespace))?;
    Some(Record {
        namespace: namespace.to_owned(),
        ..named
    })
}

/// `+ web-0 › nginx`, `- web-0 › nginx`: stern says what it follows.
pub(super) fn is_remark(line: &str) -> bool {
    line.starts_with(['+', '-']) && line.contains(" › ")
}
