//! `casefile collect`: evidence of this host, as one archive.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::collect_cluster::{ClusterArgs, plan as cluster_plan};
use super::collect_nodes::{self, NodesArgs};
use super::collect_progress::Show;
use super::config::{Config, ConfigArgs};
use super::exit;
use super::keys::{random_key, read_key};
use super::terminal::{complain, safe};
use crate::collect::endpoint::Endpoint;
use crate::collect::{
    self, CollectError, Destination, EtcdPlan, Limits, NodesPlan, Plan, Progress, Summary, parse_size,
};

/// Complete: every step is done or had nothing to read.
const COMPLETE: u8 = 0;
/// The request makes no sense here.
const USAGE: u8 = 2;
/// A bundle with gaps.
const PARTIAL: u8 = 4;
/// No bundle.
const NOT_WRITTEN: u8 = 5;

/// Collect the evidence of this host and its cluster into one archive
///
/// Reads Docker over its socket, cron tables with their scripts and logs, the logs of kubelet, containerd and dockerd, the host
/// itself, and over the Kubernetes API all objects, logs and kubelets. Secrets are masked while collecting. Exit codes: 0 complete, 2 wrong usage, 4 written with gaps, 5 not written, 6 a secret would be in it.
#[derive(Debug, Args)]
pub struct CollectArgs {
    /// Write the archive to FILE, into a directory, or to standard output with `-` [default: casefile-<host>-<time>.tar.gz]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace FILE if it exists
    #[arg(long)]
    force: bool,
    /// Keep at most SIZE of each file: the end of a log, the beginning of anything else
    #[arg(long, value_name = "SIZE", default_value = "16M", value_parser = parse_size)]
    max_file_size: u64,
    /// Keep at most SIZE in all, before compression; with --nodes, of the cluster and of each node
    #[arg(long, value_name = "SIZE", default_value = "512M", value_parser = parse_size)]
    max_size: u64,
    /// Give each step at most SECONDS
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
    /// Read the host's files below DIR, where its root is mounted; no programs are run then
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// The Docker engine's socket [default: DOCKER_HOST if it is unix://…, else /var/run/docker.sock]
    #[arg(long, value_name = "PATH")]
    docker_socket: Option<PathBuf>,
    /// The container runtime's CRI socket [default: the one that crictl or the kubelet is told, else the usual ones of containerd, CRI-O,
    /// k3s and RKE2]
    #[arg(long, value_name = "PATH")]
    cri_socket: Option<PathBuf>,
    /// A member of etcd to ask, such as https://127.0.0.1:2379; may be given several times [default: what this host's settings say]
    #[arg(long, value_name = "URL", value_parser = parse_endpoint)]
    etcd_endpoint: Vec<String>,
    /// Whom to trust at --etcd-endpoint: the authority's certificate
    #[arg(long, value_name = "FILE", requires = "etcd_endpoint")]
    etcd_cacert: Option<PathBuf>,
    /// The client's certificate for --etcd-endpoint
    #[arg(long, value_name = "FILE", requires = "etcd_endpoint")]
    etcd_cert: Option<PathBuf>,
    /// Its key
    #[arg(long, value_name = "FILE", requires = "etcd_endpoint")]
    etcd_key: Option<PathBuf>,
    /// Also try the network: resolve and connect to API servers, registries and name servers, and ask each registry for HEAD /v2/
    #[arg(long)]
    probe: bool,
    /// Measure how long the disk below etcd takes for fdatasync, by writing 22 MB there; never done without this option
    #[arg(long)]
    disk_test: bool,
    /// The folder that --disk-test writes to [default: etcd's]
    #[arg(long, value_name = "DIR", requires = "disk_test")]
    disk_test_folder: Option<PathBuf>,
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    nodes: NodesArgs,
    /// Make tokens with the key in FILE, so that the same value has the same token in every bundle masked with it
    #[arg(long, value_name = "FILE")]
    redaction_key: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
    /// End early when standard input ends: casefile started this on a machine that it reached over ssh
    #[arg(long, hide = true)]
    end_with_stdin: bool,
    /// Say what would be written and read, and what is known to fail: a folder that cannot be written to, a kubeconfig that cannot be
    /// used; ends as the run would
    #[arg(long)]
    dry_run: bool,
    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
}

fn parse_endpoint(url: &str) -> Result<String, String> {
    match Endpoint::parse(url) {
        Some(endpoint) => Ok(endpoint.url()),
        None => Err("it needs a scheme and a port: https://10.0.0.1:2379".to_owned()),
    }
}

/// Runs the subcommand and returns the exit code.
pub fn run(args: &CollectArgs) -> u8 {
    match collect(args) {
        Ok(code) => code,
        // The standard streams are closed: nobody is left to be told.
        Err(_) => NOT_WRITTEN,
    }
}

fn collect(args: &CollectArgs) -> io::Result<u8> {
    let root = match std::fs::canonicalize(&args.root) {
        Ok(root) if root.is_dir() => root,
        _ => {
            complain(&format!("--root {} is no directory", args.root.display()));
            return Ok(USAGE);
        }
    };
    let plan = match plan(args, root) {
        Ok(plan) => plan,
        Err(message) => {
            complain(&message);
            return Ok(USAGE);
        }
    };
    if args.dry_run {
        return list(&plan);
    }
    let show = Show::new(args.quiet);
    let ended = collect::run(&plan, &mut |event: Progress<'_>| show.event(&event));
    show.end();
    match ended {
        Ok(summary) => {
            // The archive itself may be on standard output.
            let mut out: Box<dyn Write> = if summary.path.is_some() {
                Box::new(io::stdout())
            } else {
                Box::new(io::stderr())
            };
            // The bundle is written, whether or not anybody reads this.
            let _ = summarise(&summary, &mut out);
            Ok(if summary.gaps > 0 || summary.squeezed > 0 || summary.interrupted {
                PARTIAL
            } else {
                COMPLETE
            })
        }
        Err(error) => refuse(&error),
    }
}

/// `--dry-run`: one line per step, and one for each thing that it reads.
fn list(plan: &Plan) -> io::Result<u8> {
    let dry = match collect::dry_run(plan) {
        Ok(dry) => dry,
        Err(error) => return refuse(&error),
    };
    let mut out = io::stdout().lock();
    let place = dry
        .output
        .map_or_else(|| "standard output".into(), |path| path.display().to_string());
    writeln!(out, "would write {}", safe(&place))?;
    for (name, reads) in dry.steps {
        writeln!(out, "{name}")?;
        for read in reads {
            writeln!(out, "    {read}")?;
        }
    }
    writeln!(out, "and for each container docker/logs/<name>: its last 2000 lines")?;
    dry.gaps.iter().for_each(|gap| complain(gap));
    Ok(if dry.gaps.is_empty() { COMPLETE } else { PARTIAL })
}

fn refuse(error: &CollectError) -> io::Result<u8> {
    complain(&error.to_string());
    Ok(match error {
        CollectError::NotLinux | CollectError::Form(_) => USAGE,
        CollectError::Output { .. } | CollectError::Runtime(_) => NOT_WRITTEN,
        CollectError::Secret(_) => exit::SECRET,
    })
}

/// What the machines that are reached over ssh are asked for: whatever is about a host.
fn options_there(args: &CollectArgs) -> Vec<String> {
    let mut options = vec![
        // Settings are of this side; what comes is masked by them here.
        "--no-config".to_owned(),
        format!("--max-file-size={}", args.max_file_size),
        format!("--max-size={}", args.max_size),
        format!("--timeout={}", args.timeout),
    ];
    let paths = [
        ("--docker-socket", &args.docker_socket),
        ("--cri-socket", &args.cri_socket),
        ("--etcd-cacert", &args.etcd_cacert),
        ("--etcd-cert", &args.etcd_cert),
        ("--etcd-key", &args.etcd_key),
        ("--disk-test-folder", &args.disk_test_folder),
    ];
    for (option, path) in paths {
        // A path that is no text cannot be said to a shell on another machine.
        if let Some(path) = path.as_deref().map(Path::as_os_str).and_then(OsStr::to_str) {
            options.push(format!("{option}={path}"));
        }
    }
    options.extend(args.etcd_endpoint.iter().map(|url| format!("--etcd-endpoint={url}")));
    options.extend(args.probe.then(|| "--probe".into()));
    options.extend(args.disk_test.then(|| "--disk-test".into()));
    options
}

fn plan(args: &CollectArgs, root: PathBuf) -> Result<Plan, String> {
    let config = Config::load(&args.config, &[])?;
    let redaction_key = args.redaction_key.as_deref().map(read_key).transpose()?;
    let key = || redaction_key.clone().map_or_else(random_key, Ok);
    let nodes: Option<NodesPlan> = collect_nodes::plan(&args.nodes, options_there(args), key)?;
    let destination = match &args.output {
        None => Destination::Default,
        Some(path) if path == Path::new("-") => Destination::Stdout,
        Some(path) => Destination::Path(path.clone()),
    };
    let from_environment = || {
        std::env::var("DOCKER_HOST")
            .ok()?
            .strip_prefix("unix://")
            .map(PathBuf::from)
    };
    let docker_socket = args
        .docker_socket
        .clone()
        .or_else(from_environment)
        .unwrap_or_else(|| root.join("var/run/docker.sock"));
    let limits = Limits {
        max_file_bytes: args.max_file_size,
        max_bundle_bytes: args.max_size,
        step_timeout: Duration::from_secs(args.timeout),
    };
    Ok(Plan {
        destination,
        replace: args.force,
        limits,
        root,
        docker_socket,
        cri_socket: args.cri_socket.clone(),
        probe: args.probe,
        etcd: EtcdPlan {
            endpoints: args.etcd_endpoint.clone(),
            authority: args.etcd_cacert.clone(),
            certificate: args.etcd_cert.clone(),
            key: args.etcd_key.clone(),
            disk_test: args.disk_test,
            disk_folder: args.disk_test_folder.clone(),
        },
        cluster: cluster_plan(&args.cluster),
        nodes,
        redaction_key,
        said: config.redact,
        end_with_stdin: args.end_with_stdin,
    })
}

fn summarise(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let place = summary
        .path
        .as_deref()
        .map_or_else(|| "standard output".into(), |path| path.display().to_string());
    let Summary {
        bytes,
        done,
        skipped,
        forbidden,
        gaps,
        ..
    } = summary;
    let forbidden = if *forbidden == 0 {
        String::new()
    } else {
        format!(", {forbidden} forbidden")
    };
    writeln!(
        out,
        "{}: {bytes} bytes; {done} steps done, {skipped} skipped{forbidden}, {gaps} failed or timed out",
        safe(&place)
    )?;
    if summary.squeezed > 0 {
        writeln!(
            out,
            "--max-size has cut or left out {} files, which the manifest names; give more to have them",
            summary.squeezed
        )?;
    }
    if !summary.as_root {
        writeln!(
            out,
            "the user who ran it is not root: what only root may read is missing; run it with sudo where that may be"
        )?;
    }
    if summary.interrupted {
        writeln!(out, "interrupted: the bundle holds what was collected until then")?;
    }
    Ok(())
}
