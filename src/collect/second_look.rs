//! The last look at a bundle before it gets its name: what only a later file gave away may stand in an earlier one.

use std::path::PathBuf;

use super::output::Output;
use super::rewrite::{RewriteError, RewritePlan, rewrite, search};
use super::{CollectError, Destination};
use crate::bundle::Budget;
use crate::redact::Masker;

/// Gives the bundle its name, masked once more where it needs that. What went to standard output is gone, and is not looked at.
/// Returns the path, if it is a file, and the size.
///
/// # Errors
/// The bundle cannot be read or written, or a secret stays in it also without its files that are no text.
pub(super) fn second_look(
    output: Output,
    replace: bool,
    masker: &mut Masker,
) -> Result<(Option<PathBuf>, u64), CollectError> {
    let Output::File { temporary, path, .. } = &output else {
        return output.commit();
    };
    let target = output.name();
    let found = search(temporary.as_file(), &target, &masker.leak_finder()).map_err(|source| CollectError::Output {
        path: target.clone(),
        source,
    })?;
    if found.is_none() {
        return output.commit();
    }
    let plan = |drop_binary| RewritePlan {
        destination: Destination::Path(path.clone()),
        replace,
        drop_binary,
        has_manifest: true,
        budget: unlimited(),
    };
    let written = match rewrite(temporary.path(), &plan(false), masker, None) {
        // What is no text cannot be masked; the rest of the bundle is worth having.
        Err(RewriteError::Leak { .. }) => rewrite(temporary.path(), &plan(true), masker, None),
        written => written,
    };
    match written {
        Ok(written) => Ok((written.path, written.bytes)),
        Err(RewriteError::Output(error)) => Err(error),
        Err(error @ (RewriteError::Leak { .. } | RewriteError::Input(_))) => {
            Err(CollectError::Secret(error.to_string()))
        }
    }
}

/// The limits of collecting have been kept already, so reading its own bundle needs none.
fn unlimited() -> Budget {
    Budget {
        max_entries: u64::MAX,
        max_entry_bytes: u64::MAX,
        max_bytes: u64::MAX,
        max_ratio: u64::MAX,
        max_path_bytes: u64::MAX,
        ..Budget::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use crate::collect::testing::Host;

    const LATE: &str = "Zt7-late-secret-Qm4x";

    #[test]
    fn what_a_later_file_gives_away_is_masked_in_an_earlier_one() {
        let log = format!("connecting with password={LATE}\n");
        let hosts = format!("127.0.0.1 localhost # {LATE}\n");
        let host = Host::with_files(&[("/etc/hosts", &hosts), ("/var/log/kubelet.log", &log)]);
        let (_, bundle) = host.collect();
        assert!(bundle.text("etc/hosts").starts_with("127.0.0.1 localhost # "));
        for (name, bytes) in &bundle.files {
            assert!(!String::from_utf8_lossy(bytes).contains(LATE), "{name}");
        }
        let manifest = bundle.manifest();
        let record = |file: &str| {
            manifest["files"]
                .as_array()
                .unwrap()
                .iter()
                .find(|record| record["path"] == file)
                .unwrap()
                .clone()
        };
        let path = "nodes/node-1/etc/hosts";
        assert_eq!(record(path)["bytes"], bundle.files[path].len());
        assert_eq!(bundle.names.last().unwrap(), "manifest.json");
    }
}
