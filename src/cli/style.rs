//! The options that say how a report is shown.

use clap::{Args, ValueEnum};

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
