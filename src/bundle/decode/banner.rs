//! Lines that scripts print above each of several logs: `=== web-0 ===`, `--- Logs for pod shop/web-0 (previous) ---`,
//! `Pod: web-0 Container: nginx`, `## shop/web-0/nginx`.

use super::pod_name::{is_name, is_pod};

/// Whose log stands below such a line; what the line does not tell is empty.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Banner<'l> {
    pub(super) namespace: &'l str,
    /// A pod, or the workload that a person named in its place.
    pub(super) pod: &'l str,
    pub(super) container: &'l str,
    pub(super) previous: bool,
    /// True where the name alone could also be that of a chapter: `=== cart ===`.
    pub(super) is_doubtful: bool,
}

/// No such line is longer.
const LONGEST: usize = 240;
/// Signs with which people draw, before and behind the words.
const DRAWN: &[char] = &['=', '-', '#', '*', '<', '>', '+', '~', '_', '|'];
/// Words that say nothing but that a log follows.
const WORDS: [&str; 17] = [
    "log", "logs", "for", "of", "from", "the", "in", "begin", "start", "output", "current", "tail", "last", "lines",
    "kubectl", "stdout", "showing",
];
/// What a name may be of.
const KINDS: [&str; 14] = [
    "pod",
    "pods",
    "po",
    "podname",
    "pod_name",
    "service",
    "svc",
    "deployment",
    "deploy",
    "statefulset",
    "sts",
    "daemonset",
    "app",
    "workload",
];
const CONTAINER: [&str; 2] = ["container", "-c"];
const NAMESPACE: [&str; 3] = ["namespace", "ns", "-n"];
const PREVIOUS: [&str; 4] = ["previous", "prev", "--previous", "-p"];

/// Reads a line; none when it is no such one.
pub(super) fn banner(line: &str) -> Option<Banner<'_>> {
    let line = line.trim_end();
    let first = *line.as_bytes().first()?;
    // Most lines of a log begin with a digit or a brace.
    if line.len() > LONGEST || !(first.is_ascii_alphabetic() || first == b'[' || DRAWN.contains(&char::from(first))) {
        return None;
    }
    let drawn = line.len() - line.trim_start_matches(DRAWN).len();
    let bare = line.trim_start_matches(DRAWN).trim_end_matches(DRAWN).trim();
    let in_brackets = bare.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let mut words = in_brackets
        .unwrap_or(bare)
        .split([' ', ',', '(', ')', ';', '|', '\t'])
        .filter(|word| word.contains(|c: char| c.is_ascii_alphanumeric()));
    let mut found = Banner::default();
    let mut speaks_of_logs = false;
    let mut has_kind = false;
    while let Some(word) = words.next() {
        let (key, value) = word.split_once([':', '=']).unwrap_or((word, ""));
        let key = key.to_ascii_lowercase();
        let is = |keys: &[&str]| keys.contains(&key.as_str());
        if is(&CONTAINER) || is(&NAMESPACE) {
            let name = unquoted(if value.is_empty() { words.next()? } else { value });
            let place = if is(&CONTAINER) {
                &mut found.container
            } else {
                &mut found.namespace
            };
            *place = Some(name).filter(|name| is_name(name))?;
        } else if is(&PREVIOUS) {
            found.previous = true;
        } else if is(&KINDS) {
            has_kind = true;
            if !value.is_empty() {
                found.name(value)?;
            }
        } else if is(&WORDS) && value.is_empty() {
            speaks_of_logs |= key.starts_with("log");
        } else if !key.bytes().all(|byte| byte.is_ascii_digit()) {
            found.name(word)?;
        }
    }
    if found.pod.is_empty() {
        return None;
    }
    // One sign alone begins comments and items too.
    let is_drawn = drawn >= 2;
    let is_sure = match (is_pod(found.pod), has_kind || speaks_of_logs) {
        (true, true) => true,
        (true, false) => is_drawn || in_brackets.is_some(),
        (false, true) => is_drawn || speaks_of_logs && line.ends_with(':'),
        (false, false) => is_drawn,
    };
    let is_bracket_alone = in_brackets.is_some() && drawn < 2;
    found.is_doubtful = !speaks_of_logs && (!is_pod(found.pod) || is_bracket_alone);
    is_sure.then_some(found)
}

impl<'l> Banner<'l> {
    /// Takes in a word that is a name: `web-0`, `shop/web-0`, `pod/web-0/nginx`, `logs/web-0.log`. None when it is none.
    fn name(&mut self, word: &'l str) -> Option<()> {
        let word = unquoted(word).trim_end_matches(':');
        let word = word
            .strip_suffix(".log")
            .or_else(|| word.strip_suffix(".txt"))
            .unwrap_or(word);
        let mut parts = word
            .split('/')
            .filter(|part| !KINDS.contains(part) && !WORDS.contains(part));
        let (first, second, third) = (parts.next()?, parts.next(), parts.next());
        if parts.next().is_some() || ![Some(first), second, third].into_iter().flatten().all(is_name) {
            return None;
        }
        match (second, third) {
            (Some(pod), Some(container)) => (self.namespace, self.pod, self.container) = (first, pod, container),
            (Some(container), None) if is_pod(first) && !is_pod(container) => {
                (self.pod, self.container) = (first, container);
            }
            (Some(pod), None) => (self.namespace, self.pod) = (first, pod),
            // `shop web-0 nginx`
            (None, _) if self.pod.is_empty() => self.pod = first,
            (None, _) if is_pod(self.pod) && self.container.is_empty() => self.container = first,
            (None, _) if is_pod(first) && self.namespace.is_empty() => (self.namespace, self.pod) = (self.pod, first),
            (None, _) => return None,
        }
        Some(())
    }
}

fn unquoted(word: &str) -> &str {
    word.trim_matches(['\'', '"', '`', '<', '>'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_above_a_log_tells_whose_it_is() {
        let web = "web-6bdf8c9d7-jd5lx";
        for (line, namespace, container) in [
            ("=== {} ===", "", ""),
            ("--- {} ---", "", ""),
            ("### {}", "", ""),
            ("## shop/{}", "shop", ""),
            ("**{}**", "", ""),
            ("[{}]", "", ""),
            ("==================== {} ====================", "", ""),
            ("<<< logs {} >>>", "", ""),
            ("=== Logs for pod {} ===", "", ""),
            ("Logs for {}:", "", ""),
            ("# Logs from pod '{}' in namespace shop", "shop", ""),
            ("Pod: {}", "", ""),
            (">>> pod: {} container: nginx", "", "nginx"),
            ("===== POD: {} / CONTAINER: nginx =====", "", "nginx"),
            ("Pod: {}, Namespace: shop, Container: nginx", "shop", "nginx"),
            ("-------- shop/{}/nginx --------", "shop", "nginx"),
            ("=== {}/nginx ===", "", "nginx"),
            ("=== shop {} nginx ===", "shop", "nginx"),
            ("*** pod/{} ***", "", ""),
            ("--- logs/{}.log (last 50 lines) ---", "", ""),
        ] {
            let line = line.replace("{}", web);
            let expected = Banner {
                namespace,
                pod: web,
                container,
                // So begins a chapter of an INI file too.
                is_doubtful: line.starts_with('['),
                ..Banner::default()
            };
            assert_eq!(banner(&line), Some(expected), "{line}");
        }
        assert!(banner("=== web-0 (previous) ===").unwrap().previous);
    }

    #[test]
    fn a_workload_may_stand_for_its_pods() {
        for (line, is_doubtful) in [
            ("=== logs of deployment/cart ===", false),
            ("Logs for cart:", false),
            ("### service: cart", true),
            ("=== cart ===", true),
        ] {
            let found = banner(line).unwrap();
            assert_eq!((found.pod, found.is_doubtful), ("cart", is_doubtful), "{line}");
        }
    }

    #[test]
    fn other_lines_are_none() {
        for line in [
            "",
            "---",
            "====",
            "# web-0",
            "- web-0",
            "web-0",
            "web-0: ready",
            "Pod: cart",
            "[INFO]",
            "[2026-11-21]",
            "--- FAIL: TestCart (0.00s)",
            "=== RUN   TestCart",
            "-----BEGIN CERTIFICATE-----",
            "Starting server for web-0 on port 80",
            "2026-11-21T10:00:00Z === web-0 ===",
            "== Some Chapter ==",
        ] {
            assert_eq!(banner(line), None, "{line}");
        }
    }
}
