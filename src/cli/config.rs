//! Settings that hold for every run: from variables of the environment and from files, each overridden by options.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Deserialize;

use super::folders::is_folder_of_bundles;
use super::terminal::remark;
use crate::model::near::{nearest, position};
use crate::redact::Said;
use crate::report::{Policy, SeverityScheme};

/// Which settings are used.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Settings")]
pub(super) struct ConfigArgs {
    /// Read settings from FILE only [default: ./.casefile.toml, then casefile/config.toml in XDG_CONFIG_HOME or ~/.config]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Read no file of settings
    #[arg(long, conflicts_with = "config")]
    no_config: bool,
}

/// The file of settings. Every key may be missing; unknown ones are errors.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// Languages of reports, as `--lang`.
    pub(super) lang: Option<String>,
    /// Time zone of what is shown, as `--tz`.
    pub(super) tz: Option<String>,
    /// Formats, as `--format`.
    pub(super) formats: Option<Vec<String>>,
    /// A healthy bundle to compare with, relative to the file of settings.
    pub(super) baseline: Option<PathBuf>,
    /// The names of severity levels: `p1` (P1 to P4), `p0` (P0 to P3), `sev1` (SEV1 to SEV4).
    severity_scheme: Option<Scheme>,
    /// Planes without which the business stops: `management`.
    critical_planes: Option<Vec<Plane>>,
    /// `production`, or any other word for what is not.
    environment: Option<String>,
    /// What is masked beyond what casefile finds, and what is not.
    #[serde(default)]
    pub(super) redact: Said,
    /// Which rules are tried.
    #[serde(default)]
    pub(super) rules: RuleChoice,
    /// Owners by namespace, proposed beside the blanks of actions.
    #[serde(default)]
    owners: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Scheme {
    P1,
    P0,
    Sev1,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Plane {
    Management,
}

/// Which rules are tried beside the built-in ones, and which are not.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleChoice {
    /// Rules that are not tried.
    #[serde(default)]
    pub(super) disable: Vec<String>,
    /// Directories of one's own rules, as `--rules`, relative to the file of settings.
    #[serde(default)]
    pub(super) dirs: Vec<PathBuf>,
    /// Which file or variable names the directories.
    #[serde(skip)]
    pub(super) origin: String,
}

/// Every key, for what is mistyped.
const KEYS: [&str; 14] = [
    "lang",
    "tz",
    "formats",
    "baseline",
    "severity_scheme",
    "critical_planes",
    "environment",
    "redact",
    "rules",
    "owners",
    "extra",
    "allow",
    "disable",
    "dirs",
];

/// Variables of the environment, and the keys that they set. Lists are separated by commas.
const VARIABLES: [(&str, &str); 11] = [
    ("CASEFILE_LANG", "lang"),
    ("CASEFILE_TZ", "tz"),
    ("CASEFILE_FORMATS", "formats"),
    ("CASEFILE_BASELINE", "baseline"),
    ("CASEFILE_SEVERITY_SCHEME", "severity_scheme"),
    ("CASEFILE_CRITICAL_PLANES", "critical_planes"),
    ("CASEFILE_ENVIRONMENT", "environment"),
    ("CASEFILE_REDACT_EXTRA", "redact.extra"),
    ("CASEFILE_REDACT_ALLOW", "redact.allow"),
    ("CASEFILE_RULES_DISABLE", "rules.disable"),
    ("CASEFILE_RULES_DIRS", "rules.dirs"),
];

impl Config {
    /// Everything that is set, the nearest first: the environment, `./.casefile.toml`, the user's own file.
    ///
    /// Whoever made a bundle must not choose how it is judged, so a file of settings inside one of `bundles` is never read by itself.
    ///
    /// # Errors
    /// A file that was named cannot be read, or a file or variable holds what is not known.
    pub(super) fn load(args: &ConfigArgs, bundles: &[PathBuf]) -> Result<Self, String> {
        let mut config = Self::of_environment(std::env::vars_os())?;
        "by CASEFILE_RULES_DIRS".clone_into(&mut config.rules.origin);
        if let Some(file) = &args.config {
            let text = std::fs::read_to_string(file)
                .map_err(|error| format!("cannot read {}: {error}; check --config", file.display()))?;
            config.fill(Self::of_file(file, &text)?);
        } else if !args.no_config {
            for file in usual_files() {
                if let Some(bundle) = bundles.iter().find(|bundle| is_in_bundle(&file, bundle)) {
                    remark(&format!(
                        "{} is not read: it is part of the bundle {}; name it with --config where it is yours",
                        file.display(),
                        bundle.display()
                    ));
                    continue;
                }
                if let Ok(text) = std::fs::read_to_string(&file) {
                    config.fill(Self::of_file(&file, &text)?);
                }
            }
        }
        Ok(config)
    }

    fn of_file(file: &Path, text: &str) -> Result<Self, String> {
        let mut config: Self = toml::from_str(text).map_err(|error| {
            let (line, column) = position(text, error.span().map_or(0, |span| span.start));
            format!(
                "{}, line {line}, column {column}: {}",
                file.display(),
                told(error.message())
            )
        })?;
        let folder = file.parent().unwrap_or(Path::new(""));
        config.baseline = config.baseline.map(|baseline| folder.join(baseline));
        for place in &mut config.rules.dirs {
            *place = folder.join(&*place);
        }
        config.rules.origin = format!("by dirs under [rules] of {}", file.display());
        Ok(config)
    }

    /// Settings of variables, which are read as the same keys of a file.
    fn of_environment(
        variables: impl Iterator<Item = (std::ffi::OsString, std::ffi::OsString)>,
    ) -> Result<Self, String> {
        let mut table = toml::Table::new();
        for (name, value) in variables {
            let (Some(name), Some(value)) = (name.to_str(), value.to_str()) else {
                continue;
            };
            if !name.starts_with("CASEFILE_") || value.is_empty() {
                continue;
            }
            let Some((_, key)) = VARIABLES.iter().find(|(known, _)| *known == name) else {
                let hint =
                    nearest(name, VARIABLES.map(|(known, _)| known)).map(|near| format!("; did you mean {near}?"));
                return Err(format!("unknown variable {name}{}", hint.unwrap_or_default()));
            };
            let list = || toml::Value::Array(items(value).into_iter().map(toml::Value::String).collect());
            match key.split_once('.') {
                Some((outer, inner)) => {
                    let outer = table
                        .entry(outer)
                        .or_insert_with(|| toml::Value::Table(toml::Table::new()));
                    if let Some(outer) = outer.as_table_mut() {
                        outer.insert(inner.to_owned(), list());
                    }
                }
                None if ["formats", "critical_planes"].contains(key) => drop(table.insert((*key).to_owned(), list())),
                None => drop(table.insert((*key).to_owned(), toml::Value::String(value.to_owned()))),
            }
        }
        table
            .try_into()
            .map_err(|error: toml::de::Error| format!("a variable CASEFILE_…: {}", told(error.message())))
    }

    /// Takes from `other` what is not set here.
    fn fill(&mut self, other: Self) {
        self.lang = self.lang.take().or(other.lang);
        self.tz = self.tz.take().or(other.tz);
        self.formats = self.formats.take().or(other.formats);
        self.baseline = self.baseline.take().or(other.baseline);
        self.severity_scheme = self.severity_scheme.or(other.severity_scheme);
        self.critical_planes = self.critical_planes.take().or(other.critical_planes);
        self.environment = self.environment.take().or(other.environment);
        if self.redact.extra.is_empty() {
            self.redact.extra = other.redact.extra;
        }
        let lists = [
            (&mut self.redact.allow, other.redact.allow),
            (&mut self.rules.disable, other.rules.disable),
        ];
        for (own, others) in lists {
            if own.is_empty() {
                *own = others;
            }
        }
        if self.owners.is_empty() {
            self.owners = other.owners;
        }
        if self.rules.dirs.is_empty() {
            self.rules.dirs = other.rules.dirs;
            self.rules.origin = other.rules.origin;
        }
    }

    /// What of it changes a report.
    pub(super) fn policy(&self) -> Policy {
        Policy {
            environment: self.environment.clone().unwrap_or_default(),
            critical_planes: self
                .critical_planes
                .iter()
                .flatten()
                .map(|plane| match plane {
                    Plane::Management => "management".to_owned(),
                })
                .collect(),
            scheme: match self.severity_scheme {
                None | Some(Scheme::P1) => SeverityScheme::P1,
                Some(Scheme::P0) => SeverityScheme::P0,
                Some(Scheme::Sev1) => SeverityScheme::Sev1,
            },
            owners: self.owners.clone().into_iter().collect(),
        }
    }
}

/// The items of a list with commas. A comma between the slashes of a pattern separates nothing.
fn items(value: &str) -> Vec<String> {
    let mut items: Vec<String> = Vec::new();
    for part in value.split(',') {
        let closes = part.trim_end().ends_with('/') && !part.trim_start().starts_with('/');
        let is_open = |item: &str| item.starts_with('/') && (item.len() < 2 || !item.ends_with('/'));
        match items.iter().rposition(|item| is_open(item)).filter(|_| closes) {
            Some(open) => {
                let rest = items.split_off(open);
                items.push(format!("{},{}", rest.join(","), part.trim_end()));
            }
            None => items.push(part.trim().to_owned()),
        }
    }
    items
}

/// The message of the parser, and the nearest key where one is unknown.
fn told(message: &str) -> String {
    let unknown = message
        .strip_prefix("unknown field `")
        .and_then(|rest| rest.split_once('`'));
    let near = unknown.and_then(|(key, _)| nearest(key, KEYS));
    match near {
        Some(near) => format!("{message}; did you mean {near}?"),
        None => message.to_owned(),
    }
}

/// True for a file in a directory that is a bundle, at whatever depth. A folder that only holds archives is none.
fn is_in_bundle(file: &Path, bundle: &Path) -> bool {
    let (Ok(file), Ok(bundle)) = (file.canonicalize(), bundle.canonicalize()) else {
        return false;
    };
    bundle.is_dir() && file.starts_with(&bundle) && !is_folder_of_bundles(&bundle)
}

/// In the working directory, then in the user's folder of settings (XDG Base Directory Specification: a relative one is ignored).
fn usual_files() -> Vec<PathBuf> {
    let set = std::env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let home = set.or_else(|| std::env::home_dir().map(|home| home.join(".config")));
    let own = home.map(|home| home.join("casefile").join("config.toml"));
    std::iter::once(PathBuf::from(".casefile.toml")).chain(own).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_environment(pairs: &[(&str, &str)]) -> Result<Config, String> {
        Config::of_environment(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())))
    }

    #[test]
    fn what_is_unknown_is_told_with_its_place_and_the_nearest_key() {
        let error = Config::of_file(Path::new(".casefile.toml"), "lang = \"zh\"\nformts = [\"md\"]\n").unwrap_err();
        assert!(
            error.starts_with(".casefile.toml, line 2, column 1: unknown field `formts`"),
            "{error}"
        );
        assert!(error.ends_with("did you mean formats?"), "{error}");
        let error = Config::of_file(Path::new("x"), "[redact]\nalow = []\n").unwrap_err();
        assert!(
            error.starts_with("x, line 2, column 1") && error.ends_with("did you mean allow?"),
            "{error}"
        );
        let error = of_environment(&[("CASEFILE_LAN", "zh")]).unwrap_err();
        assert_eq!(error, "unknown variable CASEFILE_LAN; did you mean CASEFILE_LANG?");
        assert!(
            of_environment(&[("CASEFILE_SEVERITY_SCHEME", "p9")])
                .unwrap_err()
                .contains("p9")
        );
    }

    #[test]
    fn commas_separate_items_but_not_the_parts_of_a_pattern() {
        assert_eq!(items("a, b"), ["a", "b"]);
        assert_eq!(items("/x{2,3}yz/, /srv/a,b/c, d"), ["/x{2,3}yz/", "/srv/a", "b/c", "d"]);
        assert_eq!(items("/etc/a,/etc/b"), ["/etc/a", "/etc/b"]);
    }

    #[test]
    fn the_environment_comes_before_files_key_by_key() {
        let mut config = of_environment(&[
            ("CASEFILE_LANG", "en"),
            ("CASEFILE_RULES_DISABLE", "a, b"),
            ("HOME", "x"),
        ])
        .unwrap();
        let file = "lang = \"zh\"\ntz = \"+08:00\"\nbaseline = \"good.tar.gz\"\n[rules]\ndirs = [\"team\", \"/opt/npd\"]\n[owners]\nshop = \"team shop\"\n";
        config.fill(Config::of_file(Path::new("/etc/c/config.toml"), file).unwrap());
        assert_eq!(
            (config.lang.as_deref(), config.tz.as_deref()),
            (Some("en"), Some("+08:00"))
        );
        assert_eq!(config.rules.disable, ["a", "b"]);
        assert_eq!(config.baseline.as_deref(), Some(Path::new("/etc/c/good.tar.gz")));
        assert_eq!(config.rules.dirs, ["/etc/c/team", "/opt/npd"].map(PathBuf::from));
        assert_eq!(config.policy().owners, [("shop".to_owned(), "team shop".to_owned())]);
    }
}
