//! Writing the objects of one kind, a file for each namespace, without holding them.

use std::collections::BTreeMap;
use std::io;

use serde_json::{Map, Value};

use super::discovery::Kind;
use super::error::ApiError;
use super::layout;
use super::page::Page;
use super::pods::{self, PodLogs};
use super::secrets;
use super::target::is_component;
use crate::collect::evidence::Evidence;
use crate::collect::spool::Spool;
use crate::collect::{Cut, Kept};

/// A file becomes no longer than this, so that readers which take a document as a whole (casefile's does up to 64 MiB) take it.
const LONGEST_FILE: u64 = 32 * 1024 * 1024;

/// What the end of a file may take.
const TAIL: u64 = 64;

/// What later steps want to know of the objects.
#[derive(Default)]
pub(super) struct Noticed {
    /// Names of namespaces.
    pub(super) namespaces: Vec<String>,
    /// Nodes, and whether each is ready.
    pub(super) nodes: Vec<(String, bool)>,
    /// Pods with logs.
    pub(super) pods: Vec<PodLogs>,
}

/// Objects of one kind on their way into the archive.
pub(super) struct Writer {
    kind: Kind,
    spool: Spool,
    files: Vec<Part>,
    open: Option<Part>,
    /// How many files each namespace has: some are long, and a server that does not sort its list comes back to one.
    parts: BTreeMap<String, usize>,
    noticed: Noticed,
    mark: Mark,
    resource_version: String,
    objects: usize,
    full: bool,
    /// Bytes of long values of Secrets that may still be remembered whole.
    room_for_long: usize,
    /// Files become no longer than this.
    longest: u64,
}

/// A file: a stretch of the spool.
struct Part {
    namespace: String,
    path: String,
    start: u64,
    len: u64,
    objects: usize,
}

/// Where the present scope began.
#[derive(Default)]
struct Mark {
    files: usize,
    bytes: u64,
    objects: usize,
    namespaces: usize,
    nodes: usize,
    pods: usize,
}

/// Why a writer takes no more.
pub(super) enum Refused {
    /// The bundle is as large as it may become.
    Full,
    /// The page or the spool is broken.
    Broken(ApiError),
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self::Broken(ApiError::Spool(error.to_string()))
    }
}

impl Writer {
    /// A writer without objects, whose files are no longer than `most_of_a_file` as long as objects are shorter.
    pub(super) fn new(kind: Kind, spool: Spool, most_of_a_file: u64) -> Self {
        Self {
            kind,
            spool,
            files: Vec::new(),
            open: None,
            parts: BTreeMap::new(),
            noticed: Noticed::default(),
            mark: Mark::default(),
            resource_version: String::new(),
            objects: 0,
            full: false,
            room_for_long: secrets::MOST_LONG,
            longest: LONGEST_FILE.min(most_of_a_file),
        }
    }

    /// A scope begins.
    pub(super) fn begin(&mut self) -> Result<(), Refused> {
        self.close()?;
        self.mark = Mark {
            files: self.files.len(),
            bytes: self.spool.len(),
            objects: self.objects,
            namespaces: self.noticed.namespaces.len(),
            nodes: self.noticed.nodes.len(),
            pods: self.noticed.pods.len(),
        };
        Ok(())
    }

    /// What came since the scope began is void.
    pub(super) fn restart(&mut self) -> Result<(), Refused> {
        for file in self.files.drain(self.mark.files..).chain(self.open.take()) {
            if let Some(parts) = self.parts.get_mut(&file.namespace) {
                *parts = parts.saturating_sub(1);
            }
        }
        self.noticed.namespaces.truncate(self.mark.namespaces);
        self.noticed.nodes.truncate(self.mark.nodes);
        self.noticed.pods.truncate(self.mark.pods);
        self.objects = self.mark.objects;
        Ok(self.spool.truncate(self.mark.bytes)?)
    }

    /// Writes the objects of a page.
    pub(super) fn page(&mut self, evidence: &mut Evidence, body: &[u8]) -> Result<(), Refused> {
        let page = Page::read(body).map_err(Refused::Broken)?;
        page.resource_version().clone_into(&mut self.resource_version);
        for item in page.items() {
            let object: Value = serde_json::from_str(item.get())
                .map_err(|error| Refused::Broken(ApiError::NotJson(error.to_string())))?;
            self.object(evidence, object)?;
        }
        Ok(())
    }

    fn object(&mut self, evidence: &mut Evidence, object: Value) -> Result<(), Refused> {
        let mut object = self.typed(object);
        let text = |pointer: &str| {
            object
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let namespace = text("/metadata/namespace");
        // Only a server that means harm calls a namespace so.
        let namespace = match namespace.as_str() {
            "" => namespace,
            name if is_component(name) && !name.contains(['/', '\\']) => namespace,
            _ => "_".into(),
        };
        self.notice(&object);
        let path = match &self.open {
            Some(file) if file.namespace == namespace => file.path.clone(),
            _ => layout::file(&self.kind, &namespace, self.parts.get(&namespace).copied().unwrap_or(0)),
        };
        if self.kind.plural == "secrets" && self.kind.group.is_empty() {
            secrets::reduce(evidence, &path, &mut object, &mut self.room_for_long);
        } else {
            evidence.mask_part(&path, &mut object);
        }
        let bytes = object.to_string();
        let longest = self.longest;
        let used = |file: &Part| self.spool.len() - file.start + bytes.len() as u64 + TAIL;
        let fits = |file: &Part| file.namespace == namespace && (file.objects == 0 || used(file) <= longest);
        if !self.open.as_ref().is_some_and(fits) {
            self.close()?;
            self.open_file(namespace)?;
        }
        let Some(file) = &mut self.open else { return Ok(()) };
        // The end of the list has to fit too.
        if self.spool.len() + bytes.len() as u64 + TAIL > evidence.room() {
            self.full = true;
            evidence.squeeze();
            return Err(Refused::Full);
        }
        let separator: &[u8] = if file.objects == 0 { b"" } else { b",\n" };
        self.spool.push(separator)?;
        self.spool.push(bytes.as_bytes())?;
        file.objects += 1;
        self.objects += 1;
        Ok(())
    }

    /// Items of a list of a built-in kind do not say their kind; by itself each object must.
    fn typed(&self, object: Value) -> Value {
        match object {
            Value::Object(map) if !map.contains_key("kind") => {
                let mut typed = Map::with_capacity(map.len() + 2);
                typed.insert("apiVersion".into(), self.kind.api_version().into());
                typed.insert("kind".into(), self.kind.kind.clone().into());
                typed.extend(map);
                Value::Object(typed)
            }
            other => other,
        }
    }

    fn notice(&mut self, object: &Value) {
        if !self.kind.group.is_empty() {
            return;
        }
        let name = object
            .pointer("/metadata/name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        match self.kind.plural.as_str() {
            "namespaces" if is_component(name) => self.noticed.namespaces.push(name.into()),
            "nodes" if is_component(name) => self.noticed.nodes.push((name.into(), is_ready(object))),
            "pods" => self.noticed.pods.extend(pods::read(object)),
            _ => {}
        }
    }

    fn open_file(&mut self, namespace: String) -> Result<(), Refused> {
        let part = self.parts.entry(namespace.clone()).or_default();
        let path = layout::file(&self.kind, &namespace, *part);
        *part += 1;
        let start = self.spool.len();
        let head = if layout::is_built_in(&self.kind.group) {
            let version = Value::from(self.resource_version.clone());
            let (api, kind) = (
                Value::from(self.kind.api_version()),
                Value::from(format!("{}List", self.kind.kind)),
            );
            format!(
                "{{\"apiVersion\":{api},\"kind\":{kind},\"metadata\":{{\"resourceVersion\":{version}}},\"items\":[\n"
            )
        } else {
            "[\n".to_owned()
        };
        self.spool.push(head.as_bytes())?;
        self.open = Some(Part {
            namespace,
            path,
            start,
            len: 0,
            objects: 0,
        });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Refused> {
        if let Some(mut file) = self.open.take() {
            let tail: &[u8] = if layout::is_built_in(&self.kind.group) {
                b"\n]}\n"
            } else {
                b"\n]\n"
            };
            self.spool.push(tail)?;
            file.len = self.spool.len() - file.start;
            self.files.push(file);
        }
        Ok(())
    }

    /// Writes the files. `complete`: all objects came, so that a kind without objects is known to have none.
    pub(super) fn finish(mut self, evidence: &mut Evidence, complete: bool) -> Result<Noticed, Refused> {
        let full = self.full;
        if complete && self.files.is_empty() && self.open.is_none() {
            self.open_file(String::new())?;
        }
        self.close()?;
        let seen = self.spool.len();
        let Self { files, mut spool, .. } = self;
        let last = files.len().saturating_sub(1);
        for (number, file) in files.into_iter().enumerate() {
            if full && number == last {
                evidence.cut(Cut {
                    file: file.path.clone(),
                    kept_bytes: file.len,
                    of_bytes: seen.max(file.len + 1),
                    which: Kept::Head,
                });
            }
            evidence.add_part(&file.path, &mut spool, file.start, file.len);
        }
        Ok(self.noticed)
    }
}

fn is_ready(node: &Value) -> bool {
    let conditions = node
        .pointer("/status/conditions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    conditions
        .filter(|condition| condition.get("type").and_then(Value::as_str) == Some("Ready"))
        .any(|condition| condition.get("status").and_then(Value::as_str) == Some("True"))
}
