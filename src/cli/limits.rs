//! The options that bound what a bundle may cost to read.

use clap::{Args, value_parser};

use crate::bundle::Budget;
use crate::model::Size;

/// One option for each limit of [`Budget`]. Sizes take a unit: `512`, `64MiB`, `2GiB`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(super) struct LimitArgs {
    /// Files, folders and links of one bundle
    #[arg(long, value_name = "N", default_value_t = Budget::DEFAULT.max_entries, value_parser = value_parser!(u64).range(1..))]
    max_entries: u64,
    /// Bytes of one file, decompressed
    #[arg(long, value_name = "SIZE", default_value_t = Size(Budget::DEFAULT.max_entry_bytes))]
    max_entry_size: Size,
    /// Bytes of one bundle, decompressed
    #[arg(long, value_name = "SIZE", default_value_t = Size(Budget::DEFAULT.max_bytes))]
    max_total_size: Size,
    /// Bytes that one compressed byte may become
    #[arg(long, value_name = "N", default_value_t = Budget::DEFAULT.max_ratio, value_parser = value_parser!(u64).range(1..))]
    max_ratio: u64,
    /// Levels of archives inside the bundle
    #[arg(long, value_name = "N", default_value_t = Budget::DEFAULT.max_nesting, value_parser = value_parser!(u64).range(..=100))]
    max_nesting: u64,
    /// Bytes of a path, the names of outer archives included
    #[arg(long, value_name = "SIZE", default_value_t = Size(Budget::DEFAULT.max_path_bytes))]
    max_path: Size,
    /// Bytes of a file that is decoded as a whole; a larger one is scanned as a log
    #[arg(long, value_name = "SIZE", default_value_t = Size(Budget::DEFAULT.max_parsed_bytes))]
    max_parsed_size: Size,
    /// Values that aliases may add to one YAML document; the parser itself follows at most 100 aliases for each of its values
    #[arg(long, value_name = "N", default_value_t = Budget::DEFAULT.max_yaml_aliases)]
    max_yaml_aliases: u64,
    /// Levels of one YAML document, 1 to 127
    #[arg(long, value_name = "N", default_value_t = Budget::DEFAULT.max_yaml_depth, value_parser = value_parser!(u64).range(1..=Budget::DEEPEST))]
    max_yaml_depth: u64,
    /// Levels of one JSON document, 1 to 127
    #[arg(long, value_name = "N", default_value_t = Budget::DEFAULT.max_json_depth, value_parser = value_parser!(u64).range(1..=Budget::DEEPEST))]
    max_json_depth: u64,
    /// Values in the JSON and YAML of one file
    #[arg(long, value_name = "N", default_value_t = Budget::DEFAULT.max_values)]
    max_values: u64,
    /// Bytes of a line that are searched
    #[arg(long, value_name = "SIZE", default_value_t = Size(Budget::DEFAULT.max_line_bytes))]
    max_line: Size,
    /// Objects, rows of tables and other facts that are kept of one bundle
    #[arg(long, value_name = "N", default_value_t = Budget::DEFAULT.max_objects)]
    max_objects: u64,
}

impl LimitArgs {
    /// The budget of each bundle.
    pub(super) fn budget(&self) -> Budget {
        Budget {
            max_entries: self.max_entries,
            max_entry_bytes: self.max_entry_size.0,
            max_bytes: self.max_total_size.0,
            max_ratio: self.max_ratio,
            max_nesting: self.max_nesting,
            max_path_bytes: self.max_path.0,
            max_parsed_bytes: self.max_parsed_size.0,
            max_yaml_aliases: self.max_yaml_aliases,
            max_yaml_depth: self.max_yaml_depth,
            max_json_depth: self.max_json_depth,
            max_values: self.max_values,
            max_line_bytes: self.max_line.0,
            max_objects: self.max_objects,
            ..Budget::DEFAULT
        }
    }
}

/// The limits that hold for the files of rules, as for every document in YAML.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(super) struct RuleLimits {
    /// Values that aliases may add to one rule
    #[arg(long, value_name = "N", default_value_t = Budget::DEFAULT.max_yaml_aliases)]
    max_yaml_aliases: u64,
    /// Levels of one rule, 1 to 127
    #[arg(long, value_name = "N", default_value_t = Budget::DEFAULT.max_yaml_depth, value_parser = value_parser!(u64).range(1..=Budget::DEEPEST))]
    max_yaml_depth: u64,
    /// Values in one rule
    #[arg(long, value_name = "N", default_value_t = Budget::DEFAULT.max_values)]
    max_values: u64,
}

impl RuleLimits {
    /// The budget of each file of rules, and of each example.
    pub(super) fn budget(&self) -> Budget {
        Budget {
            max_yaml_aliases: self.max_yaml_aliases,
            max_yaml_depth: self.max_yaml_depth,
            max_values: self.max_values,
            ..Budget::DEFAULT
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::*;

    fn parse(args: &[String]) -> Budget {
        let command = LimitArgs::augment_args(clap::Command::new("x"));
        let args = ["x".to_owned()].into_iter().chain(args.iter().cloned());
        let matches = command.try_get_matches_from(args).unwrap();
        LimitArgs::from_arg_matches(&matches).unwrap().budget()
    }

    #[test]
    fn no_option_is_the_default_budget() {
        assert_eq!(parse(&[]), Budget::DEFAULT);
    }

    #[test]
    fn every_limit_names_an_option_that_sets_it() {
        for (at, limit) in Budget::DEFAULT.limits().iter().enumerate() {
            let budget = parse(&[format!("--{}", limit.option()), "77".to_owned()]);
            let values = budget.limits().map(|limit| limit.value());
            assert!(values[at] == "77" || values[at] == "77B", "{limit}: {values:?}");
            let others = budget
                .limits()
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != at)
                .all(|(other, changed)| Budget::DEFAULT.limits()[other] == *changed);
            assert!(others, "{limit}");
        }
    }
}
