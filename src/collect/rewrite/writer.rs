//! One round of writing: every file of the bundle, masked, into one archive.

use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::PrettyFormatter;
use tempfile::SpooledTempFile;

use super::RewritePlan;
use super::text::{byte_order, in_utf16, indent, utf16};
use crate::bundle::Entry;
use crate::collect::aside::Aside;
use crate::collect::masking::{is_binary, mask_bytes};
use crate::collect::packing::Packer;
use crate::collect::pieces::Pieces;
use crate::collect::verify;
use crate::redact::{Masker, Pseudonyms};

/// A document is parsed up to this size; a larger one is masked as text, line by line.
const MOST_OF_A_DOCUMENT: u64 = 64 << 20;

/// A file up to this size is kept in memory until its length is known.
const IN_MEMORY: usize = 16 << 20;

/// One round: the archive as it grows.
pub(super) struct Writer<'m> {
    tar: tar::Builder<Aside<Packer<std::fs::File>>>,
    folder: &'m Path,
    masker: &'m mut Masker,
    pseudonyms: Option<&'m mut Pseudonyms>,
    /// Whether other names are only learned: what is written is not kept.
    is_trial: bool,
    drop_binary: bool,
    with_digests: bool,
    digests: Vec<(String, String, String, u64)>,
    manifests: Vec<(String, Value)>,
    files: u64,
    binary: Vec<String>,
    broken: Option<io::Error>,
}

impl<'m> Writer<'m> {
    pub(super) fn new(
        target: &str,
        folder: &'m Path,
        masker: &'m mut Masker,
        pseudonyms: Option<&'m mut Pseudonyms>,
        is_trial: bool,
        plan: &RewritePlan,
    ) -> io::Result<Self> {
        let spool = tempfile::tempfile_in(folder)?;
        Ok(Self {
            tar: tar::Builder::new(Aside::new(Packer::for_name(target, spool)?)?),
            folder,
            masker,
            pseudonyms,
            is_trial,
            drop_binary: plan.drop_binary,
            with_digests: plan.has_manifest,
            digests: Vec::new(),
            manifests: Vec::new(),
            files: 0,
            binary: Vec::new(),
            broken: None,
        })
    }

    pub(super) fn entry(&mut self, entry: Entry<'_>) {
        if self.broken.is_some() {
            return;
        }
        let path = entry.path.as_str().to_owned();
        let mtime = entry
            .mtime
            .and_then(|time| u64::try_from(time.as_second()).ok())
            .unwrap_or(0);
        self.masker.enter_file(&path);
        if let Err(error) = self.file(path, mtime, entry.content) {
            self.broken = Some(error);
        }
    }

    fn file(&mut self, path: String, mtime: u64, content: &mut dyn Read) -> io::Result<()> {
        let mut head = Vec::new();
        (&mut *content).take(64 * 1024).read_to_end(&mut head)?;
        let mut rest = head.as_slice().chain(content);
        let mut out = SpooledTempFile::new_in(IN_MEMORY, self.folder);
        if let Some(little) = byte_order(&head) {
            let mut all = Vec::new();
            (&mut rest).take(MOST_OF_A_DOCUMENT).read_to_end(&mut all)?;
            if let Some(text) = utf16(&all, little).filter(|_| (all.len() as u64) < MOST_OF_A_DOCUMENT) {
                let masked = mask_bytes(self.masker, text.as_bytes());
                let masked = self.renamed(masked);
                out.write_all(&in_utf16(&String::from_utf8_lossy(&masked), little))?;
                return self.put(path, mtime, out);
            }
            // It only begins like UTF-16.
            self.binary.push(path.clone());
            if self.drop_binary {
                return Ok(());
            }
            out.write_all(&all)?;
            io::copy(&mut rest, &mut out)?;
            return self.put(path, mtime, out);
        }
        if is_binary(&head) {
            self.binary.push(path.clone());
            if self.drop_binary {
                return Ok(());
            }
            io::copy(&mut rest, &mut out)?;
            return self.put(path, mtime, out);
        }
        let looks_like_json = head
            .trim_ascii_start()
            .first()
            .is_some_and(|byte| matches!(byte, b'{' | b'['));
        if !looks_like_json {
            self.text(&mut rest, &mut out)?;
            return self.put(path, mtime, out);
        }
        let mut document = Vec::new();
        (&mut rest).take(MOST_OF_A_DOCUMENT).read_to_end(&mut document)?;
        let is_whole = (document.len() as u64) < MOST_OF_A_DOCUMENT;
        match serde_json::from_slice::<Value>(&document) {
            Ok(value) if is_whole && self.with_digests && is_named_manifest(&path) && is_manifest(&value) => {
                // It names the digests of the others, which are known at the end.
                self.manifests.push((path, value));
                return Ok(());
            }
            Ok(value) if is_whole => {
                let masked = self.json(value, &document);
                let masked = self.renamed(masked);
                out.write_all(&masked)?;
            }
            _ => self.lines(&mut document.as_slice().chain(rest), &mut out)?,
        }
        self.put(path, mtime, out)
    }

    /// A document, masked by its structure; as it was where there is nothing to mask.
    fn json(&mut self, value: Value, written: &[u8]) -> Vec<u8> {
        let mut masked = value.clone();
        self.masker.mask_json(&mut masked);
        if masked == value {
            return written.to_vec();
        }
        let mut bytes = Vec::new();
        let indent = indent(written);
        let done = if indent.is_empty() {
            serde_json::to_writer(&mut bytes, &masked)
        } else {
            let mut serializer =
                serde_json::Serializer::with_formatter(&mut bytes, PrettyFormatter::with_indent(indent));
            masked.serialize(&mut serializer)
        };
        // A value with text keys can always be written.
        if done.is_err() {
            bytes = b"null".to_vec();
        }
        if written.ends_with(b"\n") {
            bytes.push(b'\n');
        }
        bytes
    }

    /// JSON Lines, or text that only begins like JSON: what is a document is masked as one, all else as text.
    fn lines(&mut self, from: &mut dyn Read, out: &mut SpooledTempFile) -> io::Result<()> {
        let mut pieces = Pieces::new(from);
        while let Some(piece) = pieces.piece(self.masker)? {
            let is_json = |line: &[u8]| line.first() == Some(&b'{') && serde_json::from_slice::<Value>(line).is_ok();
            if !piece.split(|byte| *byte == b'\n').next().is_some_and(is_json) {
                let masked = mask_bytes(self.masker, &piece);
                out.write_all(&self.renamed(masked))?;
                continue;
            }
            for line in piece.split_inclusive(|byte| *byte == b'\n') {
                let masked = match serde_json::from_slice::<Value>(line) {
                    Ok(value) => self.json(value, line),
                    Err(_) => mask_bytes(self.masker, line),
                };
                out.write_all(&self.renamed(masked))?;
            }
        }
        Ok(())
    }

    fn text(&mut self, from: &mut dyn Read, out: &mut SpooledTempFile) -> io::Result<()> {
        let mut pieces = Pieces::new(from);
        while let Some(piece) = pieces.piece(self.masker)? {
            let masked = mask_bytes(self.masker, &piece);
            out.write_all(&self.renamed(masked))?;
        }
        Ok(())
    }

    fn renamed(&mut self, masked: Vec<u8>) -> Vec<u8> {
        let Some(pseudonyms) = self.pseudonyms.as_deref_mut() else {
            return masked;
        };
        if self.is_trial {
            masked.utf8_chunks().for_each(|chunk| pseudonyms.learn(chunk.valid()));
            return masked;
        }
        let mut out = Vec::with_capacity(masked.len());
        for chunk in masked.utf8_chunks() {
            out.extend_from_slice(pseudonyms.apply(chunk.valid()).as_bytes());
            out.extend_from_slice(chunk.invalid());
        }
        out
    }

    fn put(&mut self, path: String, mtime: u64, mut out: SpooledTempFile) -> io::Result<()> {
        let size = out.seek(SeekFrom::End(0))?;
        out.seek(SeekFrom::Start(0))?;
        let mut digest = String::new();
        if self.with_digests {
            (digest, _) = verify::read(&mut out, false);
            out.seek(SeekFrom::Start(0))?;
        }
        // A name may be a secret too, or hold one.
        let written = self.masker.mask(&path).into_owned();
        let written = String::from_utf8_lossy(&self.renamed(written.into_bytes())).into_owned();
        let mut header = tar::Header::new_gnu();
        header.set_size(size);
        header.set_mode(0o600);
        header.set_mtime(mtime);
        header.set_entry_type(tar::EntryType::Regular);
        self.tar.append_data(&mut header, &written, BufReader::new(out))?;
        self.files += 1;
        self.digests.push((path, written, digest, size));
        Ok(())
    }

    /// The archive with all its files, casefile's own manifests brought up to date, and which files are not text.
    pub(super) fn finish(mut self) -> io::Result<(std::fs::File, u64, Vec<String>)> {
        if let Some(error) = self.broken.take() {
            return Err(error);
        }
        for (path, value) in std::mem::take(&mut self.manifests) {
            let mut manifest = value;
            self.masker.enter_file(&path);
            self.masker.mask_json(&mut manifest);
            let text = serde_json::to_vec_pretty(&manifest)?;
            let text = self.renamed(text);
            let mut manifest: Value = serde_json::from_slice(&text)?;
            update(&mut manifest, &path, &self.digests);
            let mut out = SpooledTempFile::new_in(IN_MEMORY, self.folder);
            serde_json::to_writer_pretty(&mut out, &manifest)?;
            self.put(path, 0, out)?;
        }
        let file = self.tar.into_inner()?.finish()?.finish()?;
        Ok((file, self.files, self.binary))
    }
}

/// True for the name of a manifest.
pub fn is_named_manifest(path: &str) -> bool {
    path.rsplit('/').next() == Some("manifest.json")
}

/// True for a manifest of `casefile collect`.
fn is_manifest(value: &Value) -> bool {
    value.pointer("/tool/name").and_then(Value::as_str) == Some(env!("CARGO_PKG_NAME"))
}

/// The files as they are now, and that somebody masked them after they were collected.
fn update(manifest: &mut Value, path: &str, digests: &[(String, String, String, u64)]) {
    let folder = path.strip_suffix("manifest.json").unwrap_or_default();
    let files = digests.iter().filter(|(original, ..)| original != path);
    let own = files.filter_map(|(original, written, digest, size)| {
        original.strip_prefix(folder)?;
        // The folder itself may have another name now; below it a path starts behind as many parts as before.
        let parts = folder.matches('/').count();
        let below: Vec<&str> = written.split('/').skip(parts).collect();
        Some(serde_json::json!({"path": below.join("/"), "bytes": size, "sha256": digest}))
    });
    let own: Vec<Value> = own.collect();
    if let Some(map) = manifest.as_object_mut() {
        map.insert("files".into(), Value::Array(own));
        map.insert("redacted_again".into(), Value::Bool(true));
    }
}
