//! The records of a recording: which text is a command, and which is what it printed.
//!
//! Shapes: one object with both (`command`/`output`, Ansible's `cmd`/`stdout`, ReAct's `action`/`observation`); a call and its result
//! that name each other by an id (OpenAI's `tool_calls` and `tool_call_id`, Anthropic's `tool_use` and `tool_result`); messages one
//! after another (an assistant's, then its environment's). What an assistant thinks or concludes is no evidence and is left out.

use super::commands::{command_in_words, command_line};
use super::titles::{Way, title};
use super::tree::{Node, Value};
use crate::model::escaped;

/// Keys of what was run, the most telling first.
const COMMANDS: [&str; 15] = [
    "command",
    "cmd",
    "commands",
    "kubectl_command",
    "shell_command",
    "tool_input",
    "toolInput",
    "action_input",
    "arguments",
    "args",
    "input",
    "parameters",
    "action",
    "tool",
    "code",
];
/// Keys of what it printed, wherever they stand.
const OUTPUTS: [&str; 16] = [
    "output",
    "outputs",
    "stdout",
    "stderr",
    "observation",
    "tool_output",
    "toolOutput",
    "tool_result",
    "command_output",
    "aggregated_output",
    "result",
    "response",
    "content",
    "returned",
    "logs",
    "text",
];
/// Those that say so by themselves, of a record that only follows its command.
const TELLING: [&str; 9] = [
    "output",
    "stdout",
    "observation",
    "tool_output",
    "toolOutput",
    "tool_result",
    "command_output",
    "aggregated_output",
    "result",
];
/// Ids by which a result names its call.
const IDS: [&str; 6] = ["tool_call_id", "tool_use_id", "toolUseId", "call_id", "callId", "id"];
/// Who answers in a conversation.
const ANSWERS: [&str; 10] = [
    "tool",
    "function",
    "env",
    "environment",
    "observation",
    "ipython",
    "tool_result",
    "function_call_output",
    "tool_response",
    "user",
];
/// Who asks.
const ASKS: [&str; 5] = ["assistant", "ai", "agent", "gpt", "model"];
/// Calls that may wait for their result.
const MOST_WAITING: usize = 1_000;

/// One command with what it printed.
pub(super) struct Record<'n, 't> {
    /// As at a prompt; empty when the recording does not tell.
    pub(super) command: String,
    /// The byte at which the command stands; that of the first output where it is not told.
    pub(super) at: usize,
    /// The machine on which it ran, where the record says so.
    pub(super) host: String,
    /// The line above a log of which no command tells whose it is; empty where nothing does.
    pub(super) title: String,
    pub(super) outputs: Vec<Output<'n, 't>>,
}

/// A text that was printed, or JSON that was not made text.
pub(super) struct Output<'n, 't> {
    pub(super) node: &'n Node<'t>,
    /// The JSON pointer of the node.
    pub(super) pointer: String,
    /// None for JSON.
    pub(super) text: Option<String>,
}

#[derive(Default)]
pub(super) struct Records<'n, 't> {
    pub(super) found: Vec<Record<'n, 't>>,
    waiting: Vec<Call>,
}

struct Call {
    id: String,
    command: String,
    at: usize,
    host: String,
}

impl<'n, 't> Records<'n, 't> {
    /// Adds the records of a value, in the order in which they stand.
    pub(super) fn add(&mut self, node: &'n Node<'t>, pointer: &str, id: &str) {
        match &node.value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.add(item, &format!("{pointer}/{index}"), id);
                }
            }
            Value::Object(_) => self.add_object(node, pointer, id),
            Value::Text(_) | Value::Other => {}
        }
    }

    fn add_object(&mut self, node: &'n Node<'t>, pointer: &str, outer_id: &str) {
        // An object of Kubernetes has commands of its own, which nobody typed.
        if node.get("apiVersion").is_some() && node.get("kind").is_some() {
            return;
        }
        let word = |key: &str| node.get(key).and_then(Node::text).unwrap_or_default();
        if self.add_by_command(node, pointer) {
            return;
        }
        let own_id = IDS.iter().map(|key| word(key)).find(|id| !id.is_empty());
        let id = own_id.as_deref().unwrap_or(outer_id);
        let who = ["role", "type", "from", "source"]
            .map(|key| word(key).to_ascii_lowercase())
            .into_iter()
            .find(|who| ANSWERS.contains(&who.as_str()) || ASKS.contains(&who.as_str()))
            .unwrap_or_default();
        if ASKS.contains(&who.as_str()) {
            let words = ["content", "text", "value", "message"].map(word).join("\n");
            if let Some(command) = command_in_words(&words) {
                self.wait(id, command, node.from, String::new());
            }
            self.add_members(node, pointer, id, &OUTPUTS);
            return;
        }
        let names_call = IDS.iter().take(5).any(|key| node.get(key).is_some());
        let is_answer = ANSWERS.contains(&who.as_str()) || names_call;
        let command = command_of(node);
        let outputs = outputs_of(node, pointer, &OUTPUTS);
        match command {
            Some((command, at)) if !outputs.is_empty() => {
                let host = host_of(node);
                self.found.push(Record {
                    command,
                    at,
                    host,
                    title: String::new(),
                    outputs,
                });
                self.add_members(node, pointer, id, &OUTPUTS);
            }
            Some((command, at)) => self.wait(id, command, at, host_of(node)),
            // A message may hold the results of several calls.
            None if holds_results(node) => self.add_members(node, pointer, id, &[]),
            None => {
                let outputs = if is_answer {
                    outputs
                } else {
                    outputs_of(node, pointer, &TELLING)
                };
                if outputs.is_empty() || !self.answer(id, outputs, is_answer && who != "user") {
                    self.add_members(node, pointer, id, &[]);
                }
            }
        }
    }

    /// An object whose keys are commands, and their values what was printed.
    fn add_by_command(&mut self, node: &'n Node<'t>, pointer: &str) -> bool {
        let before = self.found.len();
        for (key, member) in node.members() {
            let command = key.contains(' ').then(|| command_line(key)).flatten();
            let mut outputs = Vec::new();
            if let Some(command) = command {
                collect(member, &format!("{pointer}/{}", escaped(key)), 0, &mut outputs);
                self.found.extend((!outputs.is_empty()).then(|| Record {
                    command,
                    at: member.from,
                    host: String::new(),
                    title: String::new(),
                    outputs,
                }));
            }
        }
        self.found.len() > before
    }

    /// Adds every text of more than one line, apart from what somebody thinks or asks.
    pub(super) fn add_texts(&mut self, node: &'n Node<'t>, pointer: &str) {
        self.add_texts_of(node, pointer, Way::default());
    }

    fn add_texts_of(&mut self, node: &'n Node<'t>, pointer: &str, way: Way<'n>) {
        /// Keys of words about the evidence.
        const WORDS: [&str; 22] = [
            "thought",
            "thoughts",
            "reasoning",
            "analysis",
            "summary",
            "explanation",
            "description",
            "answer",
            "solution",
            "question",
            "prompt",
            "system",
            "instructions",
            "diagnosis",
            "conclusion",
            "root_cause",
            "rootCause",
            "report",
            "expected",
            "hypothesis",
            "recommendation",
            "title",
        ];
        if node.get("apiVersion").is_some() && node.get("kind").is_some() {
            return;
        }
        for (index, item) in node.items().iter().enumerate() {
            let pointer = format!("{pointer}/{index}");
            self.add_text(item, &pointer, String::new());
            self.add_texts_of(item, &pointer, way);
        }
        let role = node.get("role").and_then(Node::text).unwrap_or_default();
        for (key, member) in node.members() {
            if WORDS.contains(&key.as_str()) || ASKS.contains(&role.as_str()) {
                continue;
            }
            let pointer = format!("{pointer}/{}", escaped(key));
            let title = title(node, key, way);
            if self.add_lines(member, &pointer, &title) {
                continue;
            }
            self.add_text(member, &pointer, title);
            self.add_texts_of(member, &pointer, way.through(key));
        }
    }

    /// A log that is a list of its lines; false for anything else.
    fn add_lines(&mut self, node: &'n Node<'t>, pointer: &str, title: &str) -> bool {
        let lines = node.items();
        if title.is_empty() || lines.len() < 2 || !lines.iter().all(|line| line.text().is_some()) {
            return false;
        }
        let output = |(index, node): (usize, &'n Node<'t>)| Output {
            node,
            pointer: format!("{pointer}/{index}"),
            text: node.text(),
        };
        self.found.push(Record {
            command: String::new(),
            at: node.from,
            host: String::new(),
            title: title.to_owned(),
            outputs: lines.iter().enumerate().map(output).collect(),
        });
        true
    }

    fn add_text(&mut self, node: &'n Node<'t>, pointer: &str, title: String) {
        if let Some(text) = node.text().filter(|text| text.trim_end().contains('\n')) {
            self.found.push(Record {
                command: String::new(),
                at: node.from,
                host: String::new(),
                title,
                outputs: vec![Output {
                    node,
                    pointer: pointer.to_owned(),
                    text: Some(text),
                }],
            });
        }
    }

    fn add_members(&mut self, node: &'n Node<'t>, pointer: &str, id: &str, except: &[&str]) {
        for (key, member) in node.members() {
            // A list of parts may hold calls beside words.
            if !except.contains(&key.as_str()) || key == "content" {
                self.add(member, &format!("{pointer}/{}", escaped(key)), id);
            }
        }
    }

    fn wait(&mut self, id: &str, command: String, at: usize, host: String) {
        if self.waiting.len() >= MOST_WAITING {
            self.waiting.remove(0);
        }
        let id = id.to_owned();
        self.waiting.push(Call { id, command, at, host });
    }

    /// Gives outputs to the call that waits for them. Without one, only who surely answers is believed.
    fn answer(&mut self, id: &str, outputs: Vec<Output<'n, 't>>, is_sure: bool) -> bool {
        let by_id = self.waiting.iter().position(|call| !id.is_empty() && call.id == id);
        let index = by_id.or_else(|| (!self.waiting.is_empty()).then_some(0));
        let call = index.map(|index| self.waiting.remove(index));
        let Some(first) = outputs.first().filter(|_| call.is_some() || is_sure) else {
            return false;
        };
        let record = match call {
            Some(call) => Record {
                command: call.command,
                at: call.at,
                host: call.host,
                title: String::new(),
                outputs,
            },
            None => Record {
                command: String::new(),
                at: first.node.from,
                host: String::new(),
                title: String::new(),
                outputs,
            },
        };
        self.found.push(record);
        true
    }
}

/// True for a message whose parts are results that name their calls.
fn holds_results(node: &Node<'_>) -> bool {
    let parts = node.get("content").map_or(&[][..], Node::items);
    parts
        .iter()
        .any(|part| IDS.iter().take(5).any(|key| part.get(key).is_some()))
}

/// The command of an object, and where it stands.
fn command_of(node: &Node<'_>) -> Option<(String, usize)> {
    // `{"tool": "kubectl", "args": "get pods"}`
    let program = ["tool", "name", "tool_name", "program"]
        .iter()
        .find_map(|key| node.get(key)?.text())
        .filter(|name| {
            matches!(
                name.as_str(),
                "kubectl" | "oc" | "crictl" | "docker" | "helm" | "etcdctl"
            )
        });
    COMMANDS.iter().find_map(|key| {
        let member = node.get(key)?;
        let text = words_of(member, 0)?;
        let line = command_line(&text).or_else(|| {
            let program = program.as_deref().filter(|_| *key != "tool")?;
            command_line(&format!("{program} {text}"))
        });
        Some((line?, member.from))
    })
}

/// The words of a command: a text, a list of words, or an object that has them. Arguments may be JSON in a text.
fn words_of(node: &Node<'_>, depth: usize) -> Option<String> {
    match &node.value {
        Value::Text(_) => {
            let text = node.text()?;
            if !text.trim_start().starts_with(['{', '[']) || depth > 1 {
                return Some(text);
            }
            let (values, _) = super::tree::values(&text);
            values.first().and_then(|inner| words_of(inner, depth + 1))
        }
        Value::Array(items) => {
            let words: Vec<String> = items.iter().filter_map(Node::text).collect();
            // After `sh -c` the last word is the command.
            let is_shell = words.len() > 2
                && words
                    .iter()
                    .rev()
                    .nth(1)
                    .is_some_and(|word| word.ends_with('c') && word.starts_with('-'));
            let words = if is_shell {
                words.last()?.clone()
            } else {
                words.join(" ")
            };
            (!words.is_empty()).then_some(words)
        }
        Value::Object(_) if depth <= 1 => COMMANDS
            .iter()
            .chain(["query", "script"].iter())
            .find_map(|key| words_of(node.get(key)?, depth + 1)),
        _ => None,
    }
}

fn host_of(node: &Node<'_>) -> String {
    let named = ["host", "hostname", "node"]
        .iter()
        .find_map(|key| node.get(key)?.text())
        .unwrap_or_default();
    let is_name = named.len() < 254
        && named
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.');
    if is_name { named } else { String::new() }
}

/// The outputs of an object, each once.
fn outputs_of<'n, 't>(node: &'n Node<'t>, pointer: &str, keys: &[&str]) -> Vec<Output<'n, 't>> {
    let mut outputs: Vec<Output<'n, 't>> = Vec::new();
    for key in keys {
        if let Some(member) = node.get(key) {
            collect(member, &format!("{pointer}/{key}"), 0, &mut outputs);
        }
    }
    if outputs.is_empty()
        && let Some(lines) = node.get("stdout_lines")
    {
        collect(lines, &format!("{pointer}/stdout_lines"), 0, &mut outputs);
    }
    let mut seen = std::collections::BTreeSet::new();
    outputs.retain(|output| output.text.as_ref().is_none_or(|text| seen.insert(text.clone())));
    outputs
}

fn collect<'n, 't>(node: &'n Node<'t>, pointer: &str, depth: usize, outputs: &mut Vec<Output<'n, 't>>) {
    match &node.value {
        Value::Text(_) => {
            let text = node.text().unwrap_or_default();
            if !text.trim().is_empty() {
                outputs.push(Output {
                    node,
                    pointer: pointer.to_owned(),
                    text: Some(inner_text(&text).unwrap_or(text)),
                });
            }
        }
        Value::Array(items) if depth < 3 => {
            for (index, item) in items.iter().enumerate() {
                collect(item, &format!("{pointer}/{index}"), depth + 1, outputs);
            }
        }
        Value::Object(_)
            if node.get("kind").is_some() && (node.get("metadata").is_some() || node.get("items").is_some()) =>
        {
            outputs.push(Output {
                node,
                pointer: pointer.to_owned(),
                text: None,
            });
        }
        // A call beside words is no output.
        Value::Object(_) if depth < 3 && command_of(node).is_none() => {
            for key in OUTPUTS {
                if let Some(member) = node.get(key) {
                    collect(member, &format!("{pointer}/{key}"), depth + 1, outputs);
                }
            }
        }
        _ => {}
    }
}

/// What was printed, where the output is itself JSON that keeps it: `{"stdout": "…", "exit_code": 0}`.
fn inner_text(text: &str) -> Option<String> {
    if !text.starts_with('{') || text.contains("\"kind\"") {
        return None;
    }
    let (values, is_cut) = super::tree::values(text);
    let [value] = values.as_slice() else { return None };
    let inner: Vec<String> = ["stdout", "output", "result", "stderr"]
        .iter()
        .filter_map(|key| value.get(key)?.text())
        .filter(|text| !text.trim().is_empty())
        .collect();
    (!is_cut && !inner.is_empty()).then(|| inner.join("\n"))
}
