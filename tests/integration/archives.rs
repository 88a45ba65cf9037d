//! Archives of every form, built byte by byte, and what a walk over one gives.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use casefile::bundle::{Budget, OpenError, Walked, walk};
use casefile::model::ProblemKind;
use tar::{EntryType, Header};
use tempfile::TempDir;

/// A folder that holds the inputs of one test.
pub(crate) struct Bench(pub(crate) TempDir);

impl Bench {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }
}

/// What a walk gave: the files by path, in a map and in order, and the rest.
pub(crate) struct Seen {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) order: Vec<String>,
    pub(crate) walked: Walked,
}

impl Seen {
    pub(crate) fn text(&self, path: &str) -> &str {
        let bytes = self
            .files
            .get(path)
            .unwrap_or_else(|| panic!("no {path} in {:?}", self.order));
        std::str::from_utf8(bytes).unwrap()
    }

    pub(crate) fn has_problem(&self, kind: ProblemKind, file: Option<&str>, words: &str) -> bool {
        self.walked.problems.iter().any(|problem| {
            problem.kind == kind && problem.file.as_ref().map(|f| f.as_str()) == file && problem.detail.contains(words)
        })
    }

    #[track_caller]
    pub(crate) fn assert_problem(&self, kind: ProblemKind, file: Option<&str>, words: &str) {
        assert!(
            self.has_problem(kind, file, words),
            "{kind:?} {file:?} {words}: {:#?}",
            self.walked.problems
        );
    }
}

pub(crate) fn try_see(input: &Path, budget: &mut Budget) -> Result<Seen, OpenError> {
    let mut files = BTreeMap::new();
    let mut order = Vec::new();
    let walked = walk(input, budget, &mut |entry| {
        let mut bytes = Vec::new();
        entry.content.read_to_end(&mut bytes).unwrap();
        order.push(entry.path.to_string());
        files.insert(entry.path.to_string(), bytes);
    })?;
    Ok(Seen { files, order, walked })
}

pub(crate) fn see(input: &Path) -> Seen {
    try_see(input, &mut Budget::default()).unwrap()
}

pub(crate) fn see_within(input: &Path, mut budget: Budget) -> Seen {
    try_see(input, &mut budget).unwrap()
}

pub(crate) fn header(kind: EntryType, name: &str, size: u64) -> Header {
    let mut header = Header::new_gnu();
    // The name is written as it is: `Header::set_path` refuses the hostile ones.
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_mtime(1_700_000_000);
    header.set_cksum();
    header
}

pub(crate) fn link(kind: EntryType, name: &str, target: &str) -> Header {
    let mut header = header(kind, name, 0);
    header.set_link_name_literal(target).unwrap();
    header.set_cksum();
    header
}

pub(crate) fn padded(content: &[u8]) -> Vec<u8> {
    let mut bytes = content.to_vec();
    bytes.resize(content.len().div_ceil(512) * 512, 0);
    bytes
}

pub(crate) fn member(name: &str, content: &[u8]) -> Vec<u8> {
    [
        header(EntryType::Regular, name, content.len() as u64).as_bytes(),
        padded(content).as_slice(),
    ]
    .concat()
}

pub(crate) fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes: Vec<u8> = files.iter().flat_map(|(name, content)| member(name, content)).collect();
    bytes.extend([0; 1024]);
    bytes
}

pub(crate) fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn bz2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zst(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

pub(crate) fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        writer
            .start_file(*name, zip::write::SimpleFileOptions::default())
            .unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

pub(crate) const POD: (&str, &[u8]) = ("b/pods.json", b"{\"kind\":\"PodList\"}");
pub(crate) const LOG: (&str, &[u8]) = ("b/logs/kubelet.log", b"I0822 12:00:00 started\n");
