//! A recording as the text of a terminal: each command at a prompt, and below it what it printed, line by line.

use memchr::memmem;

use super::records::{Output, Record, Records};
use super::titles::is_of_pod;
use super::tree::values;

/// Bytes at the beginning of a file in which the objects of Kubernetes say what they are.
const HEAD: usize = 4_096;
/// Without one of these no text has a record.
const COMMAND_SIGNS: [&[u8]; 8] = [
    b"\"command",
    b"\"cmd\"",
    b"_command\"",
    b"\"tool",
    b"\"input\"",
    b"\"args\"",
    b"\"arguments\"",
    b"\"action",
];
/// The same of a conversation, whose commands stand in words.
const ROLE_SIGNS: [&[u8]; 2] = [b"\"role\"", b"\"from\""];
/// What kubectl prints begins so, inside a text; a text may also be called like a file.
const TEXT_SIGNS: [&[u8]; 7] = [
    b"NAME  ",
    b"NAMESPACE  ",
    b"LAST SEEN  ",
    b"Name:  ",
    b".txt\":",
    b".log\":",
    b".out\":",
];
/// The same of logs by their pods.
const LOG_SIGNS: [&[u8]; 4] = [b"\"logs\":", b"_logs\":", b"\"podLogs\":", b"\"pod_name\":"];
const OUTPUT_SIGNS: [&[u8]; 8] = [
    b"output\"",
    b"\"outputs\"",
    b"\"stdout",
    b"\"observation\"",
    b"\"result\"",
    b"\"response\"",
    b"\"content\"",
    b"result\"",
];

/// The text of a recording, and where each of its lines stands in the file.
pub struct Transcript {
    /// The lines of a terminal.
    pub text: String,
    /// True when the recording ends in the middle of a record.
    pub is_cut: bool,
    /// The 1-based line of the file that holds each line of the text.
    numbers: Vec<u64>,
    /// The 0-based lines of the text at which records begin.
    starts: Vec<usize>,
    /// The 0-based lines at which outputs begin, and what stands before a JSON pointer into them.
    places: Vec<(usize, String)>,
}

impl Transcript {
    /// Unfolds a text that is JSON, or JSON line by line, and has records of commands that people paste, or else texts that kubectl
    /// printed. None for any other text.
    pub fn of(text: &str) -> Option<Self> {
        if !may_be_transcript(text.as_bytes()) {
            return None;
        }
        let (values, is_cut) = values(text);
        let mut records = Records::default();
        for (index, value) in values.iter().enumerate() {
            let pointer = if index == 0 { String::new() } else { format!("{index}#") };
            records.add(value, &pointer, "");
        }
        if !records.found.iter().any(|record| !record.command.is_empty()) {
            records = Records::default();
            for (index, value) in values.iter().enumerate() {
                let pointer = if index == 0 { String::new() } else { format!("{index}#") };
                records.add_texts(value, &pointer);
            }
            for record in &mut records.found {
                // Tables and descriptions tell by themselves what they are of.
                let mut texts = record.outputs.iter().filter_map(|output| output.text.as_deref());
                if texts.any(is_kubectls) {
                    record.title.clear();
                }
            }
            let is_evidence = |output: &Output<'_, '_>| {
                is_file_name(&output.pointer) || output.text.as_deref().is_some_and(is_kubectls)
            };
            let is_log = |record: &Record<'_, '_>| !record.title.is_empty();
            let has_evidence = |record: &Record<'_, '_>| is_log(record) || record.outputs.iter().any(is_evidence);
            if !records.found.iter().any(has_evidence) {
                return None;
            }
        }
        Some(Unfolding::new(text).of(&records.found, is_cut))
    }

    /// The output of one command, which a file holds as it was printed.
    pub fn below(command: &str, output: &str) -> Self {
        let lines = output.lines().count() as u64;
        Self {
            text: format!("$ {command}\n{output}"),
            is_cut: false,
            numbers: std::iter::once(1).chain(1..=lines.max(1)).collect(),
            starts: vec![0],
            places: Vec::new(),
        }
    }

    /// The 1-based line of the file that holds a 0-based line of the text.
    pub fn number(&self, line: usize) -> u64 {
        self.numbers
            .get(line)
            .or(self.numbers.last())
            .copied()
            .unwrap_or(line as u64 + 1)
    }

    /// The 0-based lines at which one record ends and the next begins.
    pub fn starts(&self) -> &[usize] {
        &self.starts
    }

    /// What stands before a JSON pointer into the output that holds a 0-based line: `/3/output#`, the `#` telling that the JSON is
    /// inside a text; without it where the recording holds it as JSON.
    pub fn place(&self, line: usize) -> Option<&str> {
        let after = self.places.partition_point(|(start, _)| *start <= line);
        let (_, place) = self.places.get(after.checked_sub(1)?)?;
        Some(place)
    }
}

/// True for bytes that may begin a recording: JSON that is no object of Kubernetes, with a key of a command and one of its output.
pub fn may_be_transcript(bytes: &[u8]) -> bool {
    let Some(first) = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) else {
        return false;
    };
    if !matches!(first, b'{' | b'[') {
        return false;
    }
    let head = bytes.get(..bytes.len().min(HEAD)).unwrap_or(bytes);
    let has = |text: &[u8], sign: &[u8]| memmem::find(text, sign).is_some();
    if has(head, b"\"apiVersion\":") && has(head, b"\"kind\":") {
        return false;
    }
    let has_any = |signs: &[&[u8]]| signs.iter().any(|sign| has(bytes, sign));
    if has_any(&LOG_SIGNS) || begins_with_pod(head) {
        return true;
    }
    has_any(&TEXT_SIGNS) || (has_any(&COMMAND_SIGNS) || has_any(&ROLE_SIGNS)) && has_any(&OUTPUT_SIGNS)
}

/// True where the first key is the name of a pod: `{"web-0": "…`.
fn begins_with_pod(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    let first = text.split('"').nth(1).unwrap_or("");
    text.trim_start().starts_with('{') && is_of_pod(first)
}

/// True for a pointer whose last part is called like a file of text.
fn is_file_name(pointer: &str) -> bool {
    [".txt", ".log", ".out"].iter().any(|end| pointer.ends_with(end))
}

/// True for a text that begins as what kubectl prints.
fn is_kubectls(text: &str) -> bool {
    let first = text.trim_start().lines().next().unwrap_or("");
    text.trim_end().contains('\n')
        && ["NAME  ", "NAMESPACE  ", "LAST SEEN  ", "Name:  ", "NAME\t"]
            .iter()
            .any(|begin| first.starts_with(begin))
}

/// A text under construction.
struct Unfolding<'t> {
    source: &'t str,
    /// The bytes at which the lines of the file begin.
    line_starts: Vec<usize>,
    whole: Transcript,
}

impl<'t> Unfolding<'t> {
    fn new(source: &'t str) -> Self {
        let newlines = memchr::memchr_iter(b'\n', source.as_bytes());
        Self {
            source,
            line_starts: std::iter::once(0).chain(newlines.map(|at| at + 1)).collect(),
            whole: Transcript {
                text: String::new(),
                is_cut: false,
                numbers: Vec::new(),
                starts: Vec::new(),
                places: Vec::new(),
            },
        }
    }

    fn of(mut self, records: &[Record<'_, '_>], is_cut: bool) -> Transcript {
        for record in records {
            self.record(record);
        }
        self.whole.is_cut = is_cut;
        self.whole
    }

    fn record(&mut self, record: &Record<'_, '_>) {
        self.whole.starts.push(self.whole.numbers.len());
        let number = self.line_of(record.at);
        let asks_cluster = ["kubectl", "oc", "k "]
            .iter()
            .any(|tool| record.command.starts_with(tool));
        let prompt = if record.host.is_empty() || asks_cluster {
            format!("$ {}", record.command)
        } else {
            format!("[root@{} ~]# {}", record.host, record.command)
        };
        self.line(prompt.trim_end_matches("$ "), number);
        if !record.title.is_empty() {
            self.line(&record.title, number);
        }
        for output in &record.outputs {
            let at = self.whole.numbers.len();
            match &output.text {
                Some(text) => {
                    self.whole.places.push((at, format!("{}#", output.pointer)));
                    let number = self.line_of(output.node.from);
                    for line in without_labels(text).lines() {
                        self.line(line, number);
                    }
                }
                None => {
                    self.whole.places.push((at, output.pointer.clone()));
                    let first = self.line_of(output.node.from);
                    let text = self.source.get(output.node.from..output.node.to).unwrap_or("");
                    for (line, number) in text.lines().zip(first..) {
                        self.line(line, number);
                    }
                }
            }
        }
        let last = self.whole.numbers.last().copied().unwrap_or(number);
        self.line("", last);
    }

    fn line(&mut self, text: &str, number: u64) {
        self.whole.text.push_str(text);
        self.whole.text.push('\n');
        self.whole.numbers.push(number);
    }

    fn line_of(&self, at: usize) -> u64 {
        self.line_starts.partition_point(|&start| start <= at) as u64
    }
}

/// An output without the words and marks that a recorder put around it.
fn without_labels(text: &str) -> &str {
    const BEFORE: [&str; 8] = [
        "<returncode>0</returncode>",
        "<returncode>1</returncode>",
        "<output>",
        "<stdout>",
        "OBSERVATION:",
        "Observation:",
        "Output:",
        "STDOUT:",
    ];
    let mut rest = text.trim_start_matches(['\r', '\n']);
    for label in BEFORE {
        if let Some(after) = rest.strip_prefix(label) {
            rest = after
                .strip_prefix(' ')
                .unwrap_or(after)
                .trim_start_matches(['\r', '\n']);
        }
    }
    let end = rest.trim_end();
    ["</output>", "</stdout>"]
        .iter()
        .find_map(|label| end.strip_suffix(label))
        .unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of a recording, each with its line in the file.
    fn lines(text: &str) -> Vec<(u64, String)> {
        let Some(transcript) = Transcript::of(text) else {
            return Vec::new();
        };
        let numbered = transcript.text.lines().enumerate();
        numbered
            .filter(|(_, line)| !line.is_empty())
            .map(|(index, line)| (transcript.number(index), line.to_owned()))
            .collect()
    }

    fn expected(number: [u64; 3]) -> Vec<(u64, String)> {
        let texts = ["$ kubectl get pods -n shop", "NAME    READY", "web-0   0/1"];
        number.into_iter().zip(texts.map(str::to_owned)).collect()
    }

    #[test]
    fn a_record_has_a_command_and_what_it_printed() {
        let output = r#""NAME    READY\nweb-0   0/1\n""#;
        for record in [
            format!(r#"{{"command": "kubectl get pods -n shop", "output": {output}}}"#),
            format!(
                r#"{{"cmd": ["kubectl", "get", "pods", "-n", "shop"], "stdout": {output}, "stdout_lines": ["NAME"], "rc": 0}}"#
            ),
            format!(r#"{{"cmd": ["/bin/sh", "-c", "kubectl get pods -n shop"], "stdout": {output}, "stderr": ""}}"#),
            format!(r#"{{"tool": "kubectl", "args": "get pods -n shop", "result": {output}}}"#),
            format!(r#"{{"tool": "kubectl get pods -n shop", "observation": {output}}}"#),
            format!(
                r#"{{"steps": [{{"tool": "bash", "input": {{"command": "kubectl get pods -n shop"}}, "result": {{"stdout": {output}, "exit_code": 0}}}}]}}"#
            ),
            format!(
                r#"[{{"thought": "kubectl get nodes", "action": "kubectl get pods -n shop"}}, {{"observation": {output}}}]"#
            ),
            format!(
                r#"[{{"role": "assistant", "content": "I look.\n```bash\nkubectl get pods -n shop\n```"}}, {{"role": "env", "content": {output}}}]"#
            ),
            format!(
                r#"{{"messages": [{{"role": "user", "content": "help"}}, {{"role": "assistant", "content": null, "tool_calls": [{{"id": "c1", "type": "function", "function": {{"name": "bash", "arguments": "{{\"command\": \"kubectl get pods -n shop\"}}"}}}}]}}, {{"role": "tool", "tool_call_id": "c1", "content": {output}}}]}}"#
            ),
            format!(
                r#"[{{"role": "assistant", "content": [{{"type": "text", "text": "now"}}, {{"type": "tool_use", "id": "t", "name": "bash", "input": {{"command": "kubectl get pods -n shop"}}}}]}}, {{"role": "user", "content": [{{"type": "tool_result", "tool_use_id": "t", "content": [{{"type": "text", "text": {output}}}]}}]}}]"#
            ),
            r#"{"command": "kubectl get pods -n shop", "output": "{\"stdout\": \"NAME    READY\\nweb-0   0/1\\n\", \"code\": 0}"}"#
                .to_owned(),
        ] {
            assert_eq!(lines(&record), expected([1, 1, 1]), "{record}");
        }
    }

    #[test]
    fn every_line_knows_where_it_stands() {
        let text = "{\"id\": 1}\n{\"command\": \"kubectl get pods -n shop\",\n  \"stdout_lines\": [\n    \"NAME    READY\",\n    \"web-0   0/1\"\n  ]}\n";
        assert_eq!(lines(text), expected([2, 4, 5]));
    }

    #[test]
    fn calls_and_results_find_each_other_by_their_ids() {
        let text = r#"[{"type": "function_call", "call_id": "a", "arguments": "{\"cmd\": \"kubectl get ns\"}"},
{"type": "function_call", "call_id": "b", "arguments": "{\"cmd\": \"kubectl get no\"}"},
{"type": "function_call_output", "call_id": "b", "output": "of nodes"},
{"type": "function_call_output", "call_id": "a", "output": "of namespaces"}]"#;
        let texts: Vec<(u64, String)> = lines(text);
        assert_eq!(
            texts,
            [
                (2, "$ kubectl get no"),
                (3, "of nodes"),
                (1, "$ kubectl get ns"),
                (4, "of namespaces")
            ]
            .map(|(number, text)| (number, text.to_owned()))
        );
    }

    #[test]
    fn an_output_may_be_json_itself() {
        let text = "{\"command\": \"kubectl get pod web-0 -o json\", \"output\": {\n  \"kind\": \"Pod\",\n  \"metadata\": {\"name\": \"web-0\"}}}\n";
        let transcript = Transcript::of(text).unwrap();
        assert_eq!(transcript.number(2), 2);
        assert_eq!(transcript.place(1), Some("/output"));
        let text = r#"[0, {"command": "kubectl get pod web-0 -o json", "output": "{\"kind\": \"Pod\"}"}]"#;
        assert_eq!(Transcript::of(text).unwrap().place(1), Some("/1/output#"));
    }

    #[test]
    fn a_machine_that_a_record_names_stands_in_the_prompt() {
        let text = r#"{"host": "n1", "command": "df -h", "output": "Filesystem"}"#;
        assert_eq!(lines(text)[0].1, "[root@n1 ~]# df -h");
    }

    #[test]
    fn a_recording_that_was_cut_keeps_what_it_has() {
        let text = "[{\"command\": \"kubectl get pods -n shop\", \"output\": \"NAME    READY\\nweb-0   0/1";
        assert_eq!(lines(text), expected([1, 1, 1]));
        assert!(Transcript::of(text).unwrap().is_cut);
    }

    #[test]
    fn other_json_is_left_alone() {
        for text in [
            r#"{"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"command": ["kubectl", "wait"], "output": "x"}]}}"#,
            r#"[{"Config": {"Cmd": ["kubectl"]}, "command": "kubectl get pods"}]"#,
            r#"{"level": "info", "action": "kubectl get pods", "message": "ran"}"#,
            r#"{"role": "assistant", "content": "the node is down, kubectl would tell"}"#,
            r#"{"command": "make", "output": "kubectl get pods"}"#,
            "[INFO] \"command\" \"output\"\n",
            "{",
            "",
        ] {
            assert!(lines(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn texts_of_kubectl_need_no_command() {
        let text =
            r#"{"pods": "NAME    READY\nweb-0   0/1\n", "logs": {"web": "ready\nboom\n"}, "analysis": "one\ntwo"}"#;
        let texts: Vec<String> = lines(text).into_iter().map(|(_, line)| line).collect();
        assert_eq!(
            texts,
            ["NAME    READY", "web-0   0/1", "==> logs of web <==", "ready", "boom"]
        );
        assert_eq!(lines(r#"{"files": {"n1/df.txt": "Filesystem\n/dev/vda"}}"#).len(), 2);
    }

    #[test]
    fn keys_and_fields_tell_whose_a_log_is() {
        for (text, title) in [
            (r#"{"web-0": "ready\nboom\n"}"#, "==> logs of web-0 <=="),
            (
                r#"{"shop/web-0/nginx": "ready\nboom\n"}"#,
                "==> logs of shop/web-0/nginx <==",
            ),
            (
                r#"[{"pod": "web-0", "namespace": "shop", "container": "nginx", "logs": "ready\nboom\n"}]"#,
                "==> logs of pod web-0 namespace shop container nginx <==",
            ),
            (
                r#"{"logs": {"web-0": {"nginx": "ready\nboom\n"}}}"#,
                "==> logs of web-0 container nginx <==",
            ),
            (r#"{"web-0": ["ready", "boom"]}"#, "==> logs of web-0 <=="),
            (r#"{"logs": {"cart": "ready\nboom\n"}}"#, "==> logs of cart <=="),
            (
                r#"{"web-0": {"previous_logs": "ready\nboom\n"}}"#,
                "==> logs of web-0 (previous) <==",
            ),
        ] {
            let texts: Vec<String> = lines(text).into_iter().map(|(_, line)| line).collect();
            assert_eq!(texts, [title, "ready", "boom"], "{text}");
        }
        // A record of a container's own output is one line, and no recording.
        assert!(lines(r#"{"log": "ready\n", "stream": "stdout", "kubernetes": {"pod_name": "web-0"}}"#).is_empty());
    }

    #[test]
    fn what_an_assistant_concludes_is_no_evidence() {
        let text = r#"[{"role": "assistant", "content": "```\nkubectl get ns\n```"}, {"role": "env", "content": "shop"},
{"role": "assistant", "content": "The cause is OOMKilled"}]"#;
        assert_eq!(lines(text).len(), 2);
    }

    proptest::proptest! {
        #[test]
        fn any_text_may_be_unfolded(text in "(\\{|\\[|\\}|\\]|\"command\":|\"output\":|\"kubectl get é\"|\"a\\\\n\"|,|\n| |\"role\":|\"user\"|\"content\":|1){0,40}") {
            if let Some(transcript) = Transcript::of(&text) {
                let lines = text.split('\n').count() as u64;
                for index in 0..transcript.text.lines().count() {
                    proptest::prop_assert!((1..=lines).contains(&transcript.number(index)));
                }
            }
        }
    }
}
