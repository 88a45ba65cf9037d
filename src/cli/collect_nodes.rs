//! The options of `casefile collect` about other machines.

use std::path::PathBuf;

use clap::Args;

use crate::collect::{NodeAddress, NodesPlan};
use crate::redact::Key;

/// Which machines, and how ssh reaches them.
#[derive(Debug, Args)]
#[command(next_help_heading = "Other nodes")]
pub(super) struct NodesArgs {
    /// Collect these machines over ssh instead of this one: ssh://user@host:port, of which ssh's configuration may know user and port, or
    /// `local` for this one too; repeat it or separate by commas
    ///
    /// The system's ssh is used with its configuration, and asks nobody anything. casefile copies itself there, becomes root by `sudo -n`
    /// where it may, collects, sends the archive back, and removes itself. The cluster is asked from here, once.
    #[arg(long, value_name = "NODE", value_delimiter = ',', value_parser = parse, conflicts_with = "root")]
    nodes: Vec<Node>,
    /// Give ssh this configuration file in place of the user's own
    #[arg(long, value_name = "FILE", requires = "nodes")]
    ssh_config: Option<PathBuf>,
}

/// A machine as it is named on the command line.
#[derive(Debug, Clone)]
enum Node {
    /// This one.
    Local,
    /// Another one.
    Far(NodeAddress),
}

fn parse(text: &str) -> Result<Node, String> {
    match text {
        "local" => Ok(Node::Local),
        _ => text.parse().map(Node::Far),
    }
}

/// What the options ask for; none for this machine alone. `options` are those of the collection there, `key` is the one for all tokens.
///
/// # Errors
/// casefile does not find itself.
pub(super) fn plan(
    args: &NodesArgs,
    options: Vec<String>,
    key: impl FnOnce() -> Result<Key, String>,
) -> Result<Option<NodesPlan>, String> {
    let mut targets: Vec<NodeAddress> = Vec::new();
    for node in &args.nodes {
        if let Node::Far(address) = node
            && !targets.contains(address)
        {
            targets.push(address.clone());
        }
    }
    if targets.is_empty() {
        return Ok(None);
    }
    // The link leads to the running program also after a newer one took its name.
    let program = std::env::current_exe()
        .map(|own| match own.exists() {
            true => own,
            false => PathBuf::from("/proc/self/exe"),
        })
        .map_err(|error| format!("casefile does not find itself to copy it: {error}"))?;
    Ok(Some(NodesPlan {
        targets,
        this_host: args.nodes.iter().any(|node| matches!(node, Node::Local)),
        program,
        ssh_config: args.ssh_config.clone(),
        options,
        key: key()?,
    }))
}
