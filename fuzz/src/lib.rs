//! What the fuzz targets share. A target fails by a panic, by taking longer than libFuzzer's `-timeout`, or by taking more memory than
//! its `-rss_limit_mb`; what else must hold is asserted here.

use casefile::bundle::decode::{DECODERS, TextFile, to_text};
use casefile::cluster::{BundleInfo, Reader, Snapshot};
use casefile::logs::SignatureSet;
use casefile::model::EntryPath;

/// Reads bytes as a text file, as the reader of a bundle does: at each line the decoders whose name `wanted` takes are asked, and the
/// first that answers consumes its lines.
pub fn decode(path: &str, bytes: &[u8], wanted: fn(&str) -> bool) {
    let path = EntryPath::new(path);
    let text = to_text(bytes);
    let file = TextFile::new("b".into(), &path, &text);
    let mut line = 0;
    while line < file.lines.len() {
        let found = DECODERS
            .iter()
            .filter(|decoder| wanted(decoder.name))
            .find_map(|decoder| Some((decoder.name, (decoder.decode)(&file, line)?)));
        line = match found {
            Some((name, section)) => {
                assert!(section.end > line, "{name} accepted at {line} and consumed nothing");
                assert!(section.end <= file.lines.len(), "{name} at {line} went beyond the end");
                section.end
            }
            None => line + 1,
        };
    }
}

/// Reads files, given as path and content, into a snapshot.
pub fn snapshot<'f>(signatures: &SignatureSet, files: impl IntoIterator<Item = (&'f str, &'f [u8])>) -> Snapshot {
    let mut reader = Reader::new(signatures, "b");
    for (path, mut content) in files {
        reader.file(&EntryPath::new(path), &mut content);
    }
    reader.finish(BundleInfo {
        alias: "b".into(),
        input: "b.tar.gz".into(),
        layout: String::new(),
        sha256: String::new(),
        collected_at: None,
    })
}
