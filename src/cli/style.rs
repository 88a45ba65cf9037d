//! The options that say how a report is shown.

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use crate::cluster::Snapshot;
use crate::model::Lang;
use crate::report::{Flavor, Style, Zone};

/// How a report is shown.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Style")]
pub(super) struct StyleArgs {
    /// Time zone of what is shown: UTC, an offset such as +08:00, or a name such as Asia/Shanghai [default: UTC]
    #[arg(long, value_name = "ZONE", allow_hyphen_values = true, value_parser = |name: &str| name.parse::<Zone>())]
    pub(super) tz: Option<Zone>,
    /// Where the Markdown will be read: plain has no HTML at all, github and gitlab fold quotes and draw the causal chain
    #[arg(long, value_name = "FLAVOR", value_enum, default_value_t = MdFlavor::Plain)]
    md_flavor: MdFlavor,
    /// Whether Markdown for github and gitlab holds the causal chain as a Mermaid diagram, where it is short enough to be drawn
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Mermaid::Auto)]
    mermaid: Mermaid,
    /// Stamp the report with this time, as 2026-11-21T09:00:00Z [default: SOURCE_DATE_EPOCH if that is set, else reports have no stamp]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    generated_at: Option<Timestamp>,
}

fn parse_time(text: &str) -> Result<Timestamp, String> {
    text.parse()
        .map_err(|_| "no time with a zone; write it as 2026-11-21T09:00:00Z or 2026-11-21T17:00:00+08:00".to_owned())
}

/// Whether a report of this bundle can have been made at this time: not before it was collected.
pub(super) fn is_after_collection(stamp: Timestamp, snapshot: &Snapshot) -> bool {
    let collected = snapshot.bundle.collected_at.as_ref();
    collected.is_none_or(|collected| collected.earliest <= stamp)
}

/// What is said of a report that goes without the stamp that was asked for.
pub(super) fn before_collection(alias: &str, stamp: Timestamp) -> String {
    format!("{alias}: the stamp {stamp} is before the bundle was collected, so the report has none")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum MdFlavor {
    Plain,
    Github,
    Gitlab,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mermaid {
    Auto,
    Off,
}

impl StyleArgs {
    /// The time with which reports are stamped; never that of the clock. `SOURCE_DATE_EPOCH` is in seconds since 1970
    /// (reproducible-builds.org/specs/source-date-epoch).
    ///
    /// # Errors
    /// The variable holds something else.
    pub(super) fn stamp(&self, variable: impl Fn(&str) -> Option<String>) -> Result<Option<Timestamp>, String> {
        let epoch = || variable("SOURCE_DATE_EPOCH").filter(|text| !text.is_empty());
        match (self.generated_at, epoch()) {
            (Some(time), _) => Ok(Some(time)),
            (None, None) => Ok(None),
            (None, Some(text)) => {
                let seconds = text.parse().ok();
                let time = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
                time.map(Some).ok_or_else(|| {
                    format!("SOURCE_DATE_EPOCH is {text}, and not a number of seconds since 1970; correct or unset it")
                })
            }
        }
    }

    /// The style of a report in one language.
    pub(super) fn style(&self, lang: Lang) -> Style {
        Style {
            zone: self.tz.clone().unwrap_or_default(),
            flavor: match self.md_flavor {
                MdFlavor::Plain => Flavor::Plain,
                MdFlavor::Github => Flavor::Github,
                MdFlavor::Gitlab => Flavor::Gitlab,
            },
            mermaid: self.mermaid == Mermaid::Auto,
            ..Style::new(lang)
        }
    }
}
