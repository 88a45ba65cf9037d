//! One round of writing: every file of the bundle, masked, into one archive.

use std::borrow::Cow;
use std::io::{self, Read, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::PrettyFormatter;
use tempfile::SpooledTempFile;

use super::RewritePlan;
use super::archive::{Archive, Aside, Held, Masked};
use super::feed::Fed;
use super::text::{Wide, indent, wide};
use crate::collect::masking::{is_binary, mask_bytes};
use crate::collect::pieces::Pieces;
use crate::redact::{Masker, Pseudonyms};

/// A document is parsed up to this size; a larger one is masked as text, line by line.
const MOST_OF_A_DOCUMENT: u64 = 64 << 20;

/// A file up to this size is kept in memory until its length is known.
const IN_MEMORY: usize = 16 << 20;

/// One round: the archive as it grows.
pub(super) struct Writer<'m> {
    archive: Aside<std::fs::File, SpooledTempFile>,
    folder: &'m Path,
    masker: &'m mut Masker,
    pseudonyms: Option<&'m mut Pseudonyms>,
    /// Whether other names are only learned: what is written is not kept.
    is_trial: bool,
    drop_binary: bool,
    with_digests: bool,
    manifests: Vec<(String, Value)>,
    binary: Vec<String>,
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
            archive: Aside::new(Archive::new(target, spool, plan.has_manifest)?)?,
            folder,
            masker,
            pseudonyms,
            is_trial,
            drop_binary: plan.drop_binary,
            with_digests: plan.has_manifest,
            manifests: Vec::new(),
            binary: Vec::new(),
        })
    }

    /// Masks all files: the archive with its number of files, casefile's own manifests brought up to date, and which files are no text.
    pub(super) fn files(mut self, mut fed: Fed) -> io::Result<(std::fs::File, u64, Vec<String>)> {
        while let Some((path, mtime)) = fed.file() {
            self.masker.enter_file(&path);
            self.file(path, mtime, &mut fed)?;
        }
        self.finish()
    }

    fn file(&mut self, path: String, mtime: u64, content: &mut dyn Read) -> io::Result<()> {
        let mut head = Vec::new();
        (&mut *content).take(64 * 1024).read_to_end(&mut head)?;
        let mut rest = head.as_slice().chain(content);
        let mut out = SpooledTempFile::new_in(IN_MEMORY, self.folder);
        if let Some(encoding) = wide(&head) {
            let mut all = Vec::new();
            (&mut rest).take(MOST_OF_A_DOCUMENT).read_to_end(&mut all)?;
            let is_whole = (all.len() as u64) < MOST_OF_A_DOCUMENT;
            if let Some(text) = is_whole.then(|| encoding.read(&all)).flatten() {
                let masked = mask_bytes(self.masker, text.as_bytes());
                let masked = self.renamed(masked);
                out.write_all(&encoding.written(&String::from_utf8_lossy(&masked)))?;
                return self.put(path, mtime, out);
            }
            if encoding == Wide::Gb18030 {
                // ASCII is ASCII in it, so that parts can be masked.
                self.lines(&mut all.as_slice().chain(rest), &mut out)?;
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
    fn json<'w>(&mut self, value: Value, written: &'w [u8]) -> Cow<'w, [u8]> {
        let mut masked = value.clone();
        self.masker.mask_json(&mut masked);
        if masked == value {
            return Cow::Borrowed(written);
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
        Cow::Owned(bytes)
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

    fn renamed<'b>(&mut self, masked: Cow<'b, [u8]>) -> Cow<'b, [u8]> {
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
        Cow::Owned(out)
    }

    fn put(&mut self, path: String, mtime: u64, content: SpooledTempFile) -> io::Result<()> {
        let file = self.named(path, mtime, content);
        self.archive.put(file)
    }

    /// A file with its name, which may be a secret too, or hold one.
    fn named(&mut self, path: String, mtime: u64, content: SpooledTempFile) -> Masked<SpooledTempFile> {
        let written = self.masker.mask(&path).into_owned();
        let written = self.renamed(Cow::Owned(written.into_bytes()));
        Masked {
            written: String::from_utf8_lossy(&written).into_owned(),
            path,
            mtime,
            content,
        }
    }

    fn finish(mut self) -> io::Result<(std::fs::File, u64, Vec<String>)> {
        let mut archive = self.archive.end()?;
        for (path, value) in std::mem::take(&mut self.manifests) {
            let mut manifest = value;
            self.masker.enter_file(&path);
            self.masker.mask_json(&mut manifest);
            let text = self.renamed(serde_json::to_vec_pretty(&manifest)?.into());
            let mut manifest: Value = serde_json::from_slice(&text)?;
            update(&mut manifest, &path, &archive.held);
            let mut out = SpooledTempFile::new_in(IN_MEMORY, self.folder);
            serde_json::to_writer_pretty(&mut out, &manifest)?;
            archive.put(self.named(path, 0, out))?;
        }
        let files = archive.held.len() as u64;
        Ok((archive.finish()?, files, self.binary))
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
fn update(manifest: &mut Value, path: &str, held: &[Held]) {
    let folder = path.strip_suffix("manifest.json").unwrap_or_default();
    let files = held.iter().filter(|file| file.path != path);
    let own = files.filter_map(|file| {
        file.path.strip_prefix(folder)?;
        // The folder itself may have another name now; below it a path starts behind as many parts as before.
        let parts = folder.matches('/').count();
        let below: Vec<&str> = file.written.split('/').skip(parts).collect();
        Some(serde_json::json!({"path": below.join("/"), "bytes": file.size, "sha256": file.digest}))
    });
    let own: Vec<Value> = own.collect();
    if let Some(map) = manifest.as_object_mut() {
        map.insert("files".into(), Value::Array(own));
        map.insert("redacted_again".into(), Value::Bool(true));
    }
}
