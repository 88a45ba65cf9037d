//! Running the steps, one after the other, into one archive.

use std::collections::{BTreeSet, VecDeque};
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::archive::Archive;
use super::context::{Context, Step};
use super::cri::Runtime;
use super::docker::Engine;
use super::evidence::Evidence;
use super::interruption::{Course, Stop, guarded};
use super::kubernetes::Session;
use super::nodes::Fleet;
use super::output::{Output, would_be};
use super::root::HostRoot;
use super::second_look::second_look;
use super::spool::SpoolFolder;
use super::{
    CollectError, DryRun, Manifest, Outcome, Plan, Progress, RedactionRecord, StepRecord, Summary, Tool, host,
    kubernetes, steps,
};
use crate::redact::Masker;

/// Version of the manifest's shape.
const SCHEMA_VERSION: u32 = 1;

/// Why nothing more was read.
const FULL: &str =
    "the disk of the bundle was full before this could be read; make room, or give another place with -o";

/// How long a step may take beyond its deadline, to write what it has; then it is dropped.
const GRACE: Duration = Duration::from_secs(2);

/// What a run would read and write, and what of it is known to fail; nothing is read but what the plan names, and nothing is written.
///
/// # Errors
/// The bundle cannot be written where the plan says.
pub fn dry_run(plan: &Plan) -> Result<DryRun, CollectError> {
    let host = HostRoot::new(plan.root.clone());
    let name = bundle_name(&host::facts(&host, Timestamp::now()).hostname, Timestamp::now());
    let output = would_be(&plan.destination, &format!("{name}.tar.gz"), plan.replace)?;
    let mut steps: Vec<_> = steps::all(plan)
        .into_iter()
        .map(|step| (step.name, step.reads))
        .collect();
    // What the other machines are asked for is what this one would be.
    if plan.nodes.as_ref().is_some_and(|nodes| !nodes.targets.is_empty()) {
        let there = steps::of_the_host(plan).into_iter();
        steps.extend(there.map(|step| (format!("nodes/<name>/{}", step.name), step.reads)));
    }
    let gaps = kubernetes::known_gaps(&plan.cluster)?;
    Ok(DryRun { output, steps, gaps })
}

/// Collects, and writes the bundle; `progress` is told of each step.
///
/// A step that fails is in the manifest, never an error here. SIGINT and SIGTERM end it early with a readable bundle.
///
/// # Errors
/// The bundle cannot be created (found out before the first step) or written.
pub fn run(plan: &Plan, progress: &mut dyn FnMut(Progress<'_>)) -> Result<Summary, CollectError> {
    let now = Timestamp::now();
    let host = HostRoot::new(plan.root.clone());
    let facts = host::facts(&host, now);
    let name = bundle_name(&facts.hostname, now);
    let mut output = Output::open(&plan.destination, &format!("{name}.tar.gz"), plan.replace)?;
    let target = output.name();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(CollectError::Runtime)?;
    let failed = |source| CollectError::Output {
        path: target.clone(),
        source,
    };

    let spools = SpoolFolder(output.folder());
    let is_full = output.keep_room();
    let archive = Archive::new(output, name, now).map_err(failed)?;
    let key = plan.nodes.as_ref().map(|nodes| nodes.key.clone());
    let mut masker = key
        .or(plan.redaction_key.clone())
        .map_or_else(Masker::new, Masker::with_key);
    masker.heed(&plan.said);
    let mut evidence = Evidence::new(archive, masker, plan.limits, &facts.hostname, spools);
    if let Some(is_full) = is_full {
        evidence.heed(is_full);
    }
    let runtime_socket = plan.cri_socket.as_deref();
    let fleet = {
        // What is begun here runs while the steps do.
        let _within = runtime.enter();
        Fleet::begin(plan.nodes.as_ref(), &plan.limits, plan.cluster.concurrency, &evidence)
    };
    let is_a_node = plan.nodes.as_ref().is_none_or(|nodes| nodes.this_host);
    let mut ctx = Context {
        evidence,
        runtime: Runtime::new(&host, runtime_socket),
        host,
        engine: Engine::new(plan.docker_socket.clone()),
        cluster: Session::new(plan.cluster.clone()),
        deadline: Instant::now(),
        step_timeout: plan.limits.step_timeout,
        now,
        scheduled: Vec::new(),
        etcd: plan.etcd.clone(),
        registries: BTreeSet::new(),
        container_logs: Vec::new(),
        pod_resolvers: Vec::new(),
        has_journal: false,
        spawned: Vec::new(),
        reading: None,
        gauge: Arc::default(),
        fleet,
        names: is_a_node.then(|| facts.hostname.clone()).into_iter().collect(),
        nodes: Vec::new(),
        merged: Vec::new(),
    };
    let (records, interrupted) = runtime.block_on(run_steps(&mut ctx, plan, &target, progress))?;
    // Nothing of the runtime may outlive the steps: a hanging connection would keep it alive.
    runtime.shutdown_background();

    // The session's tasks and connections belong to the runtime.
    drop(ctx.cluster);
    drop(ctx.fleet);
    let of = |fits: fn(&Outcome) -> bool| records.iter().filter(|record| fits(&record.outcome)).count();
    let done = of(|outcome| *outcome == Outcome::Done);
    let skipped = of(|outcome| matches!(outcome, Outcome::Skipped(_)));
    let forbidden = of(|outcome| matches!(outcome, Outcome::Forbidden(_)));
    let gaps = of(Outcome::is_gap);
    let squeezed = ctx.evidence.squeezed();
    let (mut archive, files, tokens, mut masker) = ctx.evidence.finish();
    // Who owns the process is who runs it (proc(5)).
    let as_root = std::fs::metadata("/proc/self").map_or(true, |own| own.uid() == 0);
    let manifest = Manifest {
        schema_version: SCHEMA_VERSION,
        tool: Tool {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
        },
        collected_at: now,
        finished_at: Timestamp::now(),
        interrupted,
        as_root,
        host: facts,
        nodes: ctx.nodes,
        redaction: RedactionRecord { enabled: true, tokens },
        limits: plan.limits,
        steps: records,
        files,
    };
    let manifest = serde_json::to_vec_pretty(&manifest).map_err(|error| failed(error.into()))?;
    archive.add("manifest.json", &manifest).map_err(failed)?;
    let output = archive.finish().map_err(failed)?;
    let (path, bytes) = second_look(output, plan.replace, &mut masker)?;
    Ok(Summary {
        path,
        bytes,
        done,
        skipped,
        forbidden,
        gaps,
        squeezed,
        interrupted,
        as_root,
    })
}

/// `casefile-<host>-<time>`.
fn bundle_name(hostname: &str, now: Timestamp) -> String {
    format!("casefile-{}-{}", name_part(hostname), now.strftime("%Y%m%dT%H%M%SZ"))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A host's name as a part of a file's name: a host may call itself anything, a label of DNS has at most 63 of these characters
/// (RFC 1035, section 2.3.4).
fn name_part(hostname: &str) -> String {
    hostname
        .chars()
        .take(63)
        .map(|c| {
            if c.is_ascii_alphanumeric() || "._-".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect()
}

async fn run_steps(
    ctx: &mut Context,
    plan: &Plan,
    target: &str,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(Vec<StepRecord>, bool), CollectError> {
    let mut stop = Stop::new(plan.end_with_stdin).map_err(CollectError::Runtime)?;
    let mut course = Course::Running;
    let mut waiting: VecDeque<Step> = steps::all(plan).into();
    let mut records = Vec::new();
    while let Some(step) = waiting.pop_front() {
        let Step {
            name,
            reads,
            run,
            patience,
            saves,
        } = step;
        let number = records.len() + 1;
        progress(Progress::Begun {
            number,
            total: records.len() + waiting.len() + 1,
            name: &name,
            gauge: &ctx.gauge,
        });
        ctx.gauge.begin(0);
        let started_at = Timestamp::now();
        let begun = Instant::now();
        ctx.deadline = begun + plan.limits.step_timeout * patience;
        let before = course;
        let halt = ctx.fleet.halt.clone();
        let outcome = match (course, saves) {
            _ if ctx.evidence.is_full() => Outcome::Failed(FULL.into()),
            (Course::Running, _) | (Course::Interrupted, true) => {
                let until = ctx.deadline + GRACE;
                guarded(&mut stop, &mut course, &halt, saves, until, run(ctx)).await
            }
            _ => Outcome::Skipped("interrupted".into()),
        };
        if before == Course::Running && course != before {
            progress(Progress::Interrupted);
        }
        // A step that was ended from outside may have left a list half written.
        kubernetes::rescue(ctx);
        if let Some(source) = ctx.evidence.take_error() {
            return Err(CollectError::Output {
                path: target.into(),
                source,
            });
        }
        // A step's own steps run next, in their order.
        for step in ctx.spawned.drain(..).rev() {
            waiting.push_front(step);
        }
        let outcome = match outcome {
            Outcome::Failed(reason) => Outcome::Failed(ctx.evidence.masked(&reason)),
            Outcome::Forbidden(reason) => Outcome::Forbidden(ctx.evidence.masked(&reason)),
            other => other,
        };
        let written = ctx.evidence.end_step();
        let record = StepRecord {
            name,
            reads,
            outcome,
            started_at,
            duration_ms: millis(begun.elapsed()),
            reading_ms: ctx.reading.take().map(millis),
            files: written.files,
            bytes: written.bytes,
            cut: written.cut,
            notes: written.notes,
        };
        progress(Progress::Ended {
            number,
            total: records.len() + waiting.len() + 1,
            record: &record,
        });
        records.push(record);
        records.append(&mut ctx.merged);
    }
    Ok((records, course != Course::Running))
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::collect::Destination;
    use crate::collect::testing::Host;

    const SCRIPT: &str = "#!/bin/bash\nLOG=/var/log/docker-clean.log\ndocker container prune -f >> $LOG 2>&1\n";

    fn incident() -> Host {
        Host::with_files(&[
            (
                "/etc/cron.d/docker-clean",
                "0 2 * * * root /opt/scripts/docker-clean.sh\n",
            ),
            ("/opt/scripts/docker-clean.sh", SCRIPT),
            (
                "/var/log/docker-clean.log",
                "2026-11-21 10:20:33 start clean\nDeleted Containers:\n",
            ),
            (
                "/var/log/kubelet.log",
                "I1121 10:00:00.000000       1 server.go:1] started\n",
            ),
            ("/var/log/unrelated.log", "not asked for\n"),
            ("/etc/shadow", "root:$6$salt$hash\n"),
            ("/proc/sys/net/ipv4/ip_forward", "1\n"),
            ("/proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n"),
        ])
    }

    #[test]
    fn the_table_its_script_and_the_scripts_log_are_in_the_bundle_under_their_own_paths() {
        let (summary, bundle) = incident().collect();
        assert_eq!(summary.gaps, 0);
        assert_eq!(
            bundle.text("etc/cron.d/docker-clean"),
            "0 2 * * * root /opt/scripts/docker-clean.sh\n"
        );
        assert_eq!(bundle.text("opt/scripts/docker-clean.sh"), SCRIPT);
        assert!(bundle.text("var/log/docker-clean.log").contains("10:20:33 start clean"));
        assert!(bundle.text("var/log/kubelet.log").contains("server.go:1"));
        assert!(bundle.text("host/sysctl.txt").contains("net.ipv4.ip_forward = 1\n"));
        assert!(!bundle.has("var/log/unrelated.log"));
        assert!(!bundle.has("etc/shadow"));
    }

    #[test]
    fn the_manifest_is_last_and_has_the_hash_of_every_file_as_written() {
        let (_, bundle) = incident().collect();
        assert_eq!(bundle.names.last().unwrap(), "manifest.json");
        let manifest = bundle.manifest();
        assert_eq!(manifest["schema_version"], 1);
        assert_eq!(manifest["host"]["hostname"], "node-1");
        let files = manifest["files"].as_array().unwrap();
        assert_eq!(files.len(), bundle.files.len() - 1);
        for file in files {
            let bytes = &bundle.files[file["path"].as_str().unwrap()];
            let hash: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(file["sha256"], hash, "{file}");
            assert_eq!(file["bytes"], bytes.len());
        }
    }

    #[test]
    fn a_file_over_its_limit_keeps_its_end_if_it_is_a_log_and_the_manifest_says_so() {
        let mut host = Host::with_files(&[("/var/log/kubelet.log", &"0123456789\n".repeat(30_000))]);
        host.plan.limits.max_file_bytes = 1100;
        let (_, bundle) = host.collect();
        assert_eq!(bundle.text("var/log/kubelet.log"), "0123456789\n".repeat(100));
        let cut = &bundle.step("logs/files")["cut"][0];
        assert_eq!(cut["file"], "nodes/node-1/var/log/kubelet.log");
        assert_eq!(cut["which"], "tail");
        assert_eq!(
            (cut["kept_bytes"].as_u64(), cut["of_bytes"].as_u64()),
            (Some(1100), Some(330_000))
        );
    }

    #[test]
    fn a_bundle_over_its_limit_says_which_files_it_left_out() {
        let mut host = Host::with_files(&[
            ("/etc/crontab", &"# 1234567\n".repeat(1000)),
            ("/etc/hosts", "127.0.0.1 localhost\n"),
        ]);
        host.plan.limits.max_bundle_bytes = 5000;
        let (_, bundle) = host.collect();
        assert_eq!(bundle.text("etc/crontab").len(), 5000);
        assert!(!bundle.has("etc/hosts"));
        let cut = bundle.step("host/files")["cut"].as_array().unwrap().clone();
        assert!(
            cut.iter()
                .any(|cut| cut["file"] == "nodes/node-1/etc/hosts" && cut["kept_bytes"] == 0),
            "{cut:?}"
        );
    }

    #[test]
    fn an_output_that_cannot_be_written_is_found_before_the_first_step() {
        let mut host = incident();
        host.plan.destination = Destination::Path(host.beside("no/such/folder/x.tar.gz"));
        let mut begun = 0;
        let result = run(&host.plan, &mut |_| begun += 1);
        assert!(matches!(result, Err(CollectError::Output { .. })));
        assert_eq!(begun, 0);
    }

    #[test]
    fn what_is_no_regular_file_is_never_replaced_by_a_bundle() {
        let mut host = incident();
        let _socket = std::os::unix::net::UnixListener::bind(host.beside("socket")).unwrap();
        host.plan.destination = Destination::Path(host.beside("socket"));
        assert!(matches!(run(&host.plan, &mut |_| {}), Err(CollectError::Output { .. })));
    }

    #[test]
    fn a_file_that_exists_is_replaced_only_when_asked_for() {
        let mut host = incident();
        let kept = host.beside("keep.tar.gz");
        std::fs::write(&kept, "precious").unwrap();
        host.plan.destination = Destination::Path(kept.clone());
        let mut begun = 0;
        assert!(matches!(
            run(&host.plan, &mut |_| begun += 1),
            Err(CollectError::Output { .. })
        ));
        assert_eq!(begun, 0);
        assert_eq!(std::fs::read(&kept).unwrap(), b"precious");
        host.plan.replace = true;
        run(&host.plan, &mut |_| {}).unwrap();
        assert_ne!(std::fs::read(&kept).unwrap(), b"precious");
    }

    #[test]
    fn a_hosts_name_is_harmless_in_a_files_name() {
        assert_eq!(name_part("node-1.example"), "node-1.example");
        assert_eq!(name_part("a/../\u{1b}[31m 节点"), "a_..___31m___");
        assert_eq!(name_part(&"x".repeat(300)).len(), 63);
    }

    #[test]
    fn only_the_bundle_is_left_in_its_folder_and_only_its_owner_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let mut host = incident();
        let folder = host.beside("out");
        std::fs::create_dir(&folder).unwrap();
        host.plan.destination = Destination::Path(folder.clone());
        run(&host.plan, &mut |_| {}).unwrap();
        let files: Vec<_> = std::fs::read_dir(folder).unwrap().flatten().collect();
        assert_eq!(files.len(), 1);
        assert!(files[0].file_name().to_str().unwrap().starts_with("casefile-node-1-"));
        assert_eq!(files[0].metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn every_step_says_what_it_reads() {
        for (name, reads) in dry_run(&incident().plan).unwrap().steps {
            assert!(!reads.is_empty(), "{name}");
        }
    }
}
