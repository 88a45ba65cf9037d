//! What is said of a bundle before anything is judged, for people and for programs.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::terminal::safe;
use crate::bundle::layout::is_foreign;
use crate::cluster::{Archive, FileRecord, Snapshot, Treatment};
use crate::logs::{LogFile, Stream};
use crate::model::{Basis, EntryPath, Lang, Problem, When};
use crate::redact::Masker;

/// What is said of one bundle. The names of its fields are keys of the JSON form.
#[derive(Debug, Serialize)]
pub(super) struct Overview {
    bundle: String,
    layout: String,
    /// Root and layout of every producer found, the outermost first.
    layouts: Vec<(String, &'static str)>,
    sha256: String,
    /// Every archive, where several of one cluster were read together.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    archives: Vec<ArchiveLine>,
    /// The uid of the namespace `kube-system`, by which clusters are told apart.
    cluster: Option<String>,
    versions: BTreeMap<String, BTreeSet<String>>,
    nodes: Vec<String>,
    hosts: Vec<String>,
    reference_time: Option<When>,
    /// Datum → number of facts; 0 for a listing that was empty.
    data: BTreeMap<String, u64>,
    problems: Vec<Problem>,
    file_count: u64,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Vec<FileLine>>,
}

/// One of several archives of a cluster.
#[derive(Debug, Serialize)]
struct ArchiveLine {
    bundle: String,
    input: String,
    layout: String,
    sha256: String,
    reference_time: Option<When>,
    nodes: Vec<String>,
    file_count: u64,
}

impl ArchiveLine {
    fn new(archive: &Archive) -> Self {
        Self {
            bundle: archive.info.alias.to_string(),
            input: archive.info.input.clone(),
            layout: archive.info.layout.clone(),
            sha256: archive.info.sha256.clone(),
            reference_time: archive.info.collected_at.clone(),
            nodes: archive.nodes.clone(),
            file_count: archive.files,
        }
    }
}

/// One file: `read` by its decoders, `log` of a stream, `empty`, or `ignored` for a reason.
#[derive(Debug, Serialize)]
struct FileLine {
    path: String,
    bytes: u64,
    treatment: &'static str,
    detail: String,
}

impl Overview {
    /// Of one bundle, with every file if that is wanted. Nothing is masked yet.
    pub(super) fn new(snapshot: &Snapshot, with_files: bool) -> Self {
        let data = snapshot.coverage.read.clone();
        let mut streams: BTreeMap<&str, String> = BTreeMap::new();
        for log in &snapshot.logs {
            streams.insert(log.path.as_str(), stream_name(log));
        }
        let files = &snapshot.coverage.files;
        Self {
            bundle: snapshot.bundle.alias.to_string(),
            layout: snapshot.bundle.layout.clone(),
            layouts: snapshot
                .coverage
                .layouts
                .iter()
                .map(|found| (found.root.clone(), found.layout))
                .collect(),
            sha256: snapshot.bundle.sha256.clone(),
            archives: snapshot.merged.iter().map(ArchiveLine::new).collect(),
            cluster: snapshot.cluster_uid().map(str::to_owned),
            versions: versions(snapshot),
            nodes: snapshot.node_names(),
            hosts: snapshot
                .hosts
                .iter()
                .map(|host| host.node_name().to_owned())
                .filter(|name| !name.is_empty())
                .collect(),
            reference_time: snapshot.bundle.collected_at.clone(),
            data,
            problems: snapshot.coverage.problems.clone(),
            file_count: files.len() as u64,
            bytes: files.iter().map(|file| file.bytes).sum(),
            files: with_files.then(|| files.iter().map(|file| file_line(file, &streams)).collect()),
        }
    }
}

impl Overview {
    /// Puts tokens in place of secrets. A file, a machine or a bundle may be named after one, and a problem may quote one.
    pub(super) fn mask(&mut self, masker: &mut Masker) {
        let mut mask = |text: &mut String| {
            let masked = masker.mask(text).into_owned();
            *text = masked;
        };
        mask(&mut self.bundle);
        self.layouts.iter_mut().for_each(|(root, _)| mask(root));
        for archive in &mut self.archives {
            mask(&mut archive.bundle);
            mask(&mut archive.input);
            archive.nodes.iter_mut().for_each(&mut mask);
            archive.reference_time.iter_mut().for_each(|when| mask(&mut when.raw));
        }
        for versions in self.versions.values_mut() {
            let mut all: Vec<String> = std::mem::take(versions).into_iter().collect();
            all.iter_mut().for_each(&mut mask);
            versions.extend(all);
        }
        self.nodes.iter_mut().chain(&mut self.hosts).for_each(&mut mask);
        self.reference_time.iter_mut().for_each(|when| mask(&mut when.raw));
        for problem in &mut self.problems {
            mask(&mut problem.detail);
            if let Some(file) = &mut problem.file {
                let mut path = file.to_string();
                mask(&mut path);
                *file = EntryPath::new(&path);
            }
        }
        for file in self.files.iter_mut().flatten() {
            mask(&mut file.path);
            mask(&mut file.detail);
        }
    }
}

fn file_line(file: &FileRecord, streams: &BTreeMap<&str, String>) -> FileLine {
    let stream = || streams.get(file.path.as_str()).cloned();
    let (treatment, detail) = match &file.treatment {
        Treatment::Read(decoders) => ("read", decoders.join(", ")),
        Treatment::Log => ("log", stream().unwrap_or_default()),
        Treatment::Empty => ("empty", String::new()),
        Treatment::Ignored(reason) => ("ignored", reason.clone().into_owned()),
    };
    FileLine {
        path: file.path.as_str().to_owned(),
        bytes: file.bytes,
        treatment,
        detail,
    }
}

fn stream_name(log: &LogFile) -> String {
    match &log.stream {
        Stream::Container(container) if container.pod.is_empty() && container.namespace.is_empty() => {
            format!("container {}", container.container)
        }
        Stream::Container(container) => format!(
            "container {}/{}/{}{}",
            container.namespace,
            container.pod,
            container.container,
            if container.previous { " (previous)" } else { "" }
        ),
        Stream::Component(component) => component.datum().to_owned(),
        // Lines with times are a log, whoever wrote them.
        Stream::Unknown => {
            let [(_, stamped), (_, without_times), (_, text)] = UNKNOWN_STREAMS;
            match log.first_stamped {
                Some(_) => stamped,
                None if is_log_name(log.path.as_str()) => without_times,
                None => text,
            }
            .to_owned()
        }
    }
}

/// What is said of a log that nobody knows, in both languages; the JSON form has the second.
const UNKNOWN_STREAMS: [(&str, &str); 3] = [
    ("未知程序的日志", "log of a program that is not known"),
    (
        "未知程序的日志，不带时间",
        "log without times, of a program that is not known",
    ),
    ("形式未知的文本，按日志扫描", "text of no known form, scanned as a log"),
];

/// True for a name by which programs and people call logs and what a command complained of.
fn is_log_name(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    let stem = file.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    path.contains("var/log/")
        || path.contains("logs/")
        || [".log", ".logs", ".err", ".stderr", ".out"]
            .iter()
            .any(|end| stem.ends_with(end))
        || file.contains(".log.")
        || ["stderr", "stdout", "error.txt", "errors.txt"]
            .iter()
            .any(|word| file.starts_with(word))
}

/// Versions by component: of the kubelets, and whatever the hosts tell as a version.
fn versions(snapshot: &Snapshot) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut add = |component: &str, version: &str| {
        if !version.is_empty() {
            found
                .entry(component.to_owned())
                .or_default()
                .insert(version.to_owned());
        }
    };
    for node in snapshot.kind("Node") {
        add("kubelet", node.text("/status/nodeInfo/kubeletVersion"));
        add(
            "container-runtime",
            node.text("/status/nodeInfo/containerRuntimeVersion"),
        );
    }
    for host in &snapshot.hosts {
        for (key, (value, _)) in &host.values {
            if key.ends_with("version") {
                add(key, value);
            }
        }
    }
    found
}

/// Columns of the names of rows.
const NAMES: usize = 16;

/// Problems that the table shows; the JSON form has all.
const PROBLEMS_SHOWN: usize = 30;

/// The name of a row, in both languages.
struct Label(&'static str, &'static str);

impl Label {
    /// With blanks up to so many columns, of which a Chinese character takes two.
    fn shown(&self, lang: Lang, columns: usize) -> String {
        let Self(zh, en) = self;
        let name = if lang == Lang::Zh { zh } else { en };
        let blanks = columns.saturating_sub(name.width());
        format!("{name}{}", " ".repeat(blanks))
    }
}

/// For people.
pub(super) fn table(overview: &Overview, lang: Lang) -> String {
    let words = |zh: &'static str, en: &'static str| if lang == Lang::Zh { zh } else { en };
    let mut lines = vec![safe(&overview.bundle)];
    let mut row = |label: Label, value: &str| {
        if !value.is_empty() {
            lines.push(format!("  {}{}", label.shown(lang, NAMES), safe(value)));
        }
    };
    row(Label("布局", "layout"), &overview.layout);
    for (root, layout) in overview.layouts.iter().skip(1) {
        let value = match lang {
            Lang::Zh => format!("{root} 中的 {layout}"),
            Lang::En => format!("{layout} in {root}"),
        };
        row(Label("", ""), &value);
    }
    for (root, layout) in overview.layouts.iter().filter(|(_, layout)| is_foreign(layout)) {
        let place = if root.is_empty() {
            words("此包", "the bundle")
        } else {
            root
        };
        let value = match lang {
            Lang::Zh => format!("{place}：{layout} 与 Kubernetes 无关，其中的内容不作判断"),
            Lang::En => format!("{place}: {layout} is not of Kubernetes, nothing in it is judged"),
        };
        row(Label("不属于此", "not ours"), &value);
    }
    for archive in &overview.archives {
        let time = archive.reference_time.as_ref();
        let time = time.map(|when| reference_words(when, lang)).unwrap_or_default();
        row(Label("归档", "archive"), &format!("{} {time}", archive.input));
    }
    row(Label("集群", "cluster"), overview.cluster.as_deref().unwrap_or(""));
    for (component, versions) in &overview.versions {
        let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
        row(
            Label("版本", "version"),
            &format!("{component} {}", versions.join(", ")),
        );
    }
    row(Label("节点", "nodes"), &overview.nodes.join(", "));
    row(Label("主机", "hosts"), &overview.hosts.join(", "));
    let time = match &overview.reference_time {
        Some(when) => reference_words(when, lang),
        None => words("未知", "unknown").to_owned(),
    };
    row(Label("参考时间", "reference time"), &time);
    let size = match lang {
        Lang::Zh => format!("{}（{} 字节）", overview.file_count, overview.bytes),
        Lang::En => format!("{} ({} bytes)", overview.file_count, overview.bytes),
    };
    row(Label("文件", "files"), &size);
    for (datum, count) in &overview.data {
        row(Label("数据", "data"), &format!("{count:>7} {datum}"));
    }
    for problem in overview.problems.iter().take(PROBLEMS_SHOWN) {
        let file = problem.file.as_ref().map_or("", |file| file.as_str());
        let line = problem.line.map(|line| format!(":{line}")).unwrap_or_default();
        row(Label("问题", "problem"), &format!("{file}{line}: {}", problem.detail));
    }
    let more = overview.problems.len().saturating_sub(PROBLEMS_SHOWN);
    if more > 0 {
        let value = match lang {
            Lang::Zh => format!("……另有 {more} 个问题（-f json 全部列出）"),
            Lang::En => format!("… and {more} more problems (-f json has all)"),
        };
        row(Label("", ""), &value);
    }
    for file in overview.files.iter().flatten() {
        let treatment = match file.treatment {
            "read" => Label("已读", "read"),
            "log" => Label("日志", "log"),
            "empty" => Label("空", "empty"),
            _ => Label("忽略", "ignored"),
        };
        let detail = UNKNOWN_STREAMS
            .iter()
            .find(|(_, en)| *en == file.detail)
            .map_or(file.detail.as_str(), |(zh, en)| words(zh, en));
        lines.push(format!(
            "  {}{:>12}  {}{}",
            treatment.shown(lang, 8),
            file.bytes,
            safe(&file.path),
            if detail.is_empty() {
                String::new()
            } else {
                format!("  [{}]", safe(detail))
            }
        ));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn reference_words(when: &When, lang: Lang) -> String {
    let basis = serde_json::to_value(when.basis)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default();
    match lang {
        Lang::Zh => format!("{}（{}，原文 {}）", when.latest, basis_in_chinese(when.basis), when.raw),
        Lang::En => format!("{} ({basis}, from {})", when.latest, when.raw),
    }
}

/// How a time was obtained; in English by the keys of the JSON form.
fn basis_in_chinese(basis: Basis) -> &'static str {
    match basis {
        Basis::Exact => "精确",
        Basis::TzAssumed => "时区为假定",
        Basis::ZoneMatched => "时区由另一来源推得",
        Basis::YearInferred => "年份为推断",
        Basis::Relative => "由相对时间推算",
        Basis::Mtime => "文件修改时间",
    }
}
