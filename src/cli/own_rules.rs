//! `--rules DIR`: the user's own rules beside the built-in ones.

use std::path::{Path, PathBuf};

use clap::Args;
use walkdir::WalkDir;

use super::exit;
use super::terminal::remark;
use crate::rules::{RuleFile, Rules};

/// A rule is some kilobytes; what is larger is no rule.
const LARGEST: u64 = 1 << 20;

/// Where rules come from.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct OwnRules {
    /// A directory of your own rules (*.yaml), or one of them, beside the built-in ones; may be given again
    #[arg(long = "rules", value_name = "DIR|FILE")]
    places: Vec<PathBuf>,
}

impl OwnRules {
    pub(super) fn of(place: &Path) -> Self {
        Self {
            places: vec![place.to_owned()],
        }
    }

    /// The built-in rules and those of the directories; with an exit code and a message where they are not to be used.
    pub(super) fn load(&self) -> Result<Rules, (u8, String)> {
        if self.places.is_empty() {
            return Rules::load().map_err(|error| {
                (
                    exit::DEFECT,
                    format!("the built-in rules do not load: {error}; please report this"),
                )
            });
        }
        let mut files = Vec::new();
        for place in &self.places {
            read(place, &mut files).map_err(|message| (exit::USAGE, message))?;
        }
        Rules::with_files(&files).map_err(|mistakes| {
            // A picture of several lines each, the caret below its place.
            for line in mistakes.iter().flat_map(|mistake| lines(mistake.to_string())) {
                remark(&line);
            }
            (
                exit::USAGE,
                format!(
                    "mistakes in your rules: {}; mend them and run this again",
                    mistakes.len()
                ),
            )
        })
    }
}

fn lines(text: String) -> Vec<String> {
    text.lines().map(ToOwned::to_owned).collect()
}

/// Reads the rules of a directory, in order of their paths.
fn read(place: &Path, files: &mut Vec<RuleFile>) -> Result<(), String> {
    let before = files.len();
    for entry in WalkDir::new(place).sort_by_file_name() {
        let entry = entry.map_err(|error| format!("rules cannot be read: {error}"))?;
        let path = entry.path();
        let is_yaml = path
            .extension()
            .is_some_and(|ending| ending == "yaml" || ending == "yml");
        if !entry.file_type().is_file() || !(is_yaml || entry.depth() == 0) {
            continue;
        }
        let shown = path.display();
        let size = entry.metadata().map_or(0, |metadata| metadata.len());
        if size > LARGEST {
            return Err(format!("{shown}: {size} bytes are too many for a rule; is this one?"));
        }
        let text = std::fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
        let folder = path.parent().and_then(Path::file_name);
        files.push(RuleFile {
            place: shown.to_string(),
            family: folder.map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            text,
        });
    }
    if files.len() == before {
        return Err(format!(
            "{}: no rule is in it; a rule is a .yaml file, and `casefile rules new my-rule` writes a start",
            place.display()
        ));
    }
    Ok(())
}
