//! What the program says of itself: version, completions, manual pages.

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use serde_json::json;

use super::terminal::{complain, deliver};
use super::{Cli, exit};
use crate::report::model::SCHEMA_VERSION;

/// Print the version of casefile and of what it writes
#[derive(Debug, Args)]
pub(super) struct VersionArgs {
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Print the completions of a shell
///
/// bash: casefile completions bash > ~/.local/share/bash-completion/completions/casefile. zsh: into a folder of $fpath, as _casefile.
/// fish: ~/.config/fish/completions/casefile.fish. PowerShell: casefile completions powershell | Out-String | Invoke-Expression.
#[derive(Debug, Args)]
pub(super) struct CompletionArgs {
    /// Of which shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Print a manual page in roff: casefile man | man -l -
#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// Of this command; of the whole program when none is named
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
}

/// Runs `version` and gives the exit code.
pub(super) fn version(args: &VersionArgs) -> u8 {
    let version = env!("CARGO_PKG_VERSION");
    print(&if args.json {
        let document = json!({"name": "casefile", "version": version, "schema_version": SCHEMA_VERSION});
        format!("{document:#}")
    } else {
        format!("casefile {version}")
    })
}

/// Runs `completions` and gives the exit code.
pub(super) fn completions(args: &CompletionArgs) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "casefile", &mut script);
    print(String::from_utf8_lossy(&script).trim_end())
}

/// Runs `man` and gives the exit code.
pub(super) fn man(args: &ManArgs) -> u8 {
    let mut program = Cli::command();
    program.build();
    let command = match &args.command {
        None => Some(program),
        Some(name) => program.find_subcommand(name).cloned(),
    };
    let Some(command) = command else {
        complain(&format!(
            "no command {}; see casefile help",
            args.command.as_deref().unwrap_or_default()
        ));
        return exit::USAGE;
    };
    let mut page = Vec::new();
    match clap_mangen::Man::new(command).render(&mut page) {
        Ok(()) => print(String::from_utf8_lossy(&page).trim_end()),
        Err(error) => {
            complain(&format!("the manual page cannot be written: {error}"));
            exit::DEFECT
        }
    }
}

fn print(text: &str) -> u8 {
    match deliver(text) {
        Ok(()) => exit::DONE,
        Err(message) => {
            complain(&message);
            exit::OUTPUT
        }
    }
}
