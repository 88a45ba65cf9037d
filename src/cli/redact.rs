//! `casefile redact`: a bundle without its secrets.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::config::{Config, ConfigArgs};
use super::inputs::Piped;
use super::keys::{random_key, read_key};
use super::limits::LimitArgs;
use super::terminal::{complain, safe};
use super::{exit, terminal};
use crate::cluster::{Snapshot, read_bundle};
use crate::collect::{CollectError, Destination, RewriteError, RewritePlan, Rewritten, is_named_manifest, rewrite};
use crate::logs::SignatureSet;
use crate::redact::{Masker, Pseudonyms};
use crate::report::learn_secrets;

/// Write a bundle of any layout once more without its secrets
///
/// First what the structure of objects gives away is learned, then every file is masked by its structure and its looks, and in the end
/// the result is searched for everything that was masked: raw, in base64, and escaped for URLs, JSON and HTML. Files keep their paths;
/// archives inside the bundle become folders of their name. Image digests, checksums of authorities and resource versions stay. Files
/// that are not text stay as they are. Exit codes: 0 done, 2 wrong usage, 3 the bundle could not be read, 5 not written, 6 a secret
/// would be in it and nothing was written, 130 or 143 interrupted by Ctrl-C or SIGTERM, and nothing was written.
#[derive(Debug, Args)]
pub(super) struct RedactArgs {
    /// The bundle, in any layout and container; - for an archive on standard input
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// Write a .tar.gz to OUT, into a directory, or to standard output with `-`
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Make tokens with the key in FILE, so that the same value has the same token in every bundle masked with it
    #[arg(long, value_name = "FILE")]
    redaction_key: Option<PathBuf>,
    /// Also give hosts, people, domains and IP addresses other names, the same ones everywhere; subnets stay subnets
    ///
    /// Without --redaction-key the names are other ones each time.
    #[arg(long)]
    anonymize: bool,
    /// Leave out files that are not text, since they cannot be masked
    #[arg(long)]
    drop_binary: bool,
    /// Replace OUT if it exists
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

/// Runs the subcommand and gives the exit code.
pub(super) fn run(args: &RedactArgs) -> u8 {
    match redact(args) {
        Ok(done) => {
            // The bundle is written, whether or not anybody reads this; it may be on standard output itself.
            let mut out: Box<dyn Write> = if done.path.is_some() {
                Box::new(io::stdout())
            } else {
                Box::new(io::stderr())
            };
            let _ = summarise(&done, &mut out);
            exit::DONE
        }
        Err((code, message)) => {
            complain(&message);
            code
        }
    }
}

fn redact(args: &RedactArgs) -> Result<Rewritten, (u8, String)> {
    let config =
        Config::load(&args.config, std::slice::from_ref(&args.bundle)).map_err(|message| (exit::USAGE, message))?;
    let budget = args.limits.budget();
    let named = std::slice::from_ref(&args.bundle);
    let piped = Piped::take(named, budget.max_bytes).map_err(|message| (exit::INPUT, message))?;
    let bundle = piped.bundles.first().map_or(args.bundle.as_path(), PathBuf::as_path);
    let key = match &args.redaction_key {
        Some(path) => Some(read_key(path).map_err(|message| (exit::USAGE, message))?),
        None => None,
    };
    let signatures = SignatureSet::new([]).map_err(|error| {
        (
            exit::DEFECT,
            format!("the scanner of logs could not be made: {error}; please report this"),
        )
    })?;
    let snapshot =
        read_bundle(bundle, "bundle", &signatures, budget.clone()).map_err(|error| (exit::INPUT, error.to_string()))?;
    let mut masker = key.clone().map_or_else(Masker::new, Masker::with_key);
    masker.heed(&config.redact);
    learn_secrets(&mut masker, &snapshot);
    let mut pseudonyms = match args.anonymize {
        true => {
            let key = key
                .map_or_else(random_key, Ok)
                .map_err(|message| (exit::DEFECT, message))?;
            Some(named_hosts(Pseudonyms::new(key), &snapshot))
        }
        false => None,
    };
    let has_manifest = snapshot
        .coverage
        .files
        .iter()
        .any(|file| is_named_manifest(file.path.as_str()));
    drop(snapshot);
    let destination = if args.output == Path::new("-") {
        Destination::Stdout
    } else {
        Destination::Path(args.output.clone())
    };
    let plan = RewritePlan {
        destination,
        replace: args.force,
        drop_binary: args.drop_binary,
        has_manifest,
        budget,
    };
    rewrite(bundle, &plan, &mut masker, pseudonyms.as_mut()).map_err(|error| {
        let code = match &error {
            RewriteError::Input(_) => exit::INPUT,
            RewriteError::Output(CollectError::NotLinux) => exit::DEFECT,
            RewriteError::Output(CollectError::Form(_)) => exit::USAGE,
            RewriteError::Output(_) => exit::OUTPUT,
            RewriteError::Leak { .. } => exit::SECRET,
        };
        (code, error.to_string())
    })
}

/// The machines of the bundle, by whatever names it knows them.
fn named_hosts(mut pseudonyms: Pseudonyms, snapshot: &Snapshot) -> Pseudonyms {
    for node in snapshot.kind("Node") {
        pseudonyms.learn_host(&node.key.name);
    }
    for host in &snapshot.hosts {
        pseudonyms.learn_host(host.node_name());
        for resolver in &host.resolvers {
            resolver
                .search
                .iter()
                .for_each(|domain| pseudonyms.learn_domain(domain));
        }
    }
    pseudonyms
}

fn summarise(done: &Rewritten, out: &mut dyn Write) -> io::Result<()> {
    let place = done
        .path
        .as_deref()
        .map_or_else(|| "standard output".into(), |path| path.display().to_string());
    let mut classes: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for token in &done.tokens {
        let (values, places) = classes.entry(token.class.slug()).or_default();
        *values += 1;
        *places += token.count;
    }
    writeln!(out, "{}: {} bytes, {} files", safe(&place), done.bytes, done.files)?;
    for (class, (values, places)) in classes {
        writeln!(out, "  {class}: {values} values in {places} places")?;
    }
    for path in &done.binary {
        writeln!(out, "  not text, not masked: {}", safe(path))?;
    }
    for path in &done.links {
        writeln!(
            out,
            "  a link, left out (the file that it leads to is there): {}",
            safe(path)
        )?;
    }
    for problem in &done.problems {
        terminal::remark(&problem.detail);
    }
    Ok(())
}
