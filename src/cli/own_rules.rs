//! `--rules DIR`: the user's own rules beside the built-in ones.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use walkdir::WalkDir;

use super::exit;
use super::terminal::remark;
use crate::bundle::Budget;
use crate::model::Lang;
use crate::rules::{MonitorKind, RuleFile, Rules};

/// Bytes of a file that are read: more than a rule may have, so that one that is too large is told from others.
const MOST_READ: u64 = 2 << 20;

/// Where rules come from.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct OwnRules {
    /// A directory of your own rules (*.yaml), or one of them, beside the built-in ones; may be given again
    ///
    /// Rule files of node-problem-detector (*.json: kmsg, journald and filelog) are used as they are.
    #[arg(long = "rules", value_name = "DIR|FILE")]
    places: Vec<PathBuf>,
    /// What named a place, where it was not the option.
    #[arg(skip)]
    settings: Vec<(PathBuf, String)>,
}

/// Rules, and what of the directories was passed over, one line each.
pub(super) struct Loaded {
    pub(super) rules: Rules,
    pub(super) remarks: Vec<String>,
}

impl OwnRules {
    pub(super) fn of(places: &[PathBuf]) -> Self {
        Self::default().and(places, "on the command line")
    }

    /// With further directories, which `origin` names. One that is there already is not read twice.
    pub(super) fn and(&self, places: &[PathBuf], origin: &str) -> Self {
        let mut all = self.clone();
        let same =
            |a: &Path, b: &Path| a == b || a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b));
        for place in places {
            if !all.places.iter().any(|known| same(known, place)) {
                all.places.push(place.clone());
                all.settings.push((place.clone(), origin.to_owned()));
            }
        }
        all
    }

    /// The built-in rules and those of the directories; with an exit code and a message where they are not to be used.
    pub(super) fn load(&self, lang: Lang, budget: &Budget) -> Result<Loaded, (u8, String)> {
        if self.places.is_empty() {
            let defect = |error| {
                (
                    exit::DEFECT,
                    format!("the built-in rules do not load: {error}; please report this"),
                )
            };
            return Ok(Loaded {
                rules: Rules::load().map_err(defect)?,
                remarks: Vec::new(),
            });
        }
        let mut found = Found::default();
        for place in &self.places {
            let named = self.settings.iter().find(|(known, _)| known == place);
            let origin = named.map_or("by --rules", |(_, origin)| origin);
            found
                .read(place, origin, lang)
                .map_err(|message| (exit::USAGE, message))?;
        }
        let rules = Rules::with_files_within(&found.files, budget).map_err(|mistakes| {
            // A picture of several lines each, the caret below its place.
            for line in mistakes.iter().flat_map(|mistake| lines(mistake.shown(lang))) {
                remark(&line);
            }
            (exit::USAGE, mistaken(mistakes.len(), lang))
        })?;
        let mut remarks = found.remarks;
        remarks.extend(rules.remarks().iter().map(|remark| remark.get(lang).to_owned()));
        Ok(Loaded { rules, remarks })
    }
}

fn mistaken(mistakes: usize, lang: Lang) -> String {
    match lang {
        Lang::Zh => format!("规则中有 {mistakes} 处错误；请改正后重新运行"),
        Lang::En => format!("mistakes in your rules: {mistakes}; mend them and run this again"),
    }
}

fn lines(text: String) -> Vec<String> {
    text.lines().map(ToOwned::to_owned).collect()
}

/// What is in the directories.
#[derive(Default)]
struct Found {
    files: Vec<RuleFile>,
    remarks: Vec<String>,
}

impl Found {
    /// Reads the rules of a directory, in order of their paths.
    fn read(&mut self, place: &Path, origin: &str, lang: Lang) -> Result<(), String> {
        let before = self.files.len();
        if !place.exists() {
            return Err(format!(
                "{}: no such file or directory; it is named {origin} as a place of rules; make it, or name another one",
                place.display()
            ));
        }
        for entry in WalkDir::new(place).sort_by_file_name() {
            let entry = entry.map_err(|error| format!("the rules that are named {origin} cannot be read: {error}"))?;
            let path = entry.path();
            let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or("");
            let is_rule = ["yaml", "yml", "json"].contains(&ending);
            if !entry.file_type().is_file() || !(is_rule || entry.depth() == 0) {
                continue;
            }
            let shown = path.display();
            let mut bytes = Vec::new();
            let mut file = std::fs::File::open(path).map_err(|error| format!("{shown}: {error}"))?;
            let read = file.by_ref().take(MOST_READ).read_to_end(&mut bytes);
            read.map_err(|error| format!("{shown}: {error}"))?;
            let folder = path.parent().and_then(Path::file_name);
            let family = folder.map_or_else(String::new, |name| name.to_string_lossy().into_owned());
            let file = RuleFile::of_bytes(shown.to_string(), family, bytes);
            // Beside rules of node-problem-detector stand its other files; one that is named by itself is meant.
            if ending == "json"
                && entry.depth() > 0
                && file.refusal.is_none()
                && let Some(refusal) = MonitorKind::of(&file.text).refusal()
            {
                let refusal = refusal.get(lang);
                self.remarks.push(match lang {
                    Lang::Zh => format!("已跳过 {shown}：{refusal}"),
                    Lang::En => format!("skipped {shown}: {refusal}"),
                });
                continue;
            }
            self.files.push(file);
        }
        if self.files.len() == before {
            return Err(format!(
                "{}: no rule is in it; a rule is a .yaml file, and `casefile rules new my-rule` writes a start",
                place.display()
            ));
        }
        Ok(())
    }
}
