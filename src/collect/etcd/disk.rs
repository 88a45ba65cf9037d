//! `--disk-test`: how long the disk below etcd takes to make a small write durable, with the numbers of etcd's own advice.
//!
//! The documents of etcd ("Hardware recommendations", and the fio recipe that it links) measure `fdatasync` after writes of 2300 bytes, 22 MB
//! in all, and call a disk too slow whose 99th percentile is above 10 ms. The test writes into a file of its own beside etcd's data and
//! removes it again; it is never run unless it is asked for, because a disk that is in trouble gets more of it.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::collect::context::{Context, Step};
use crate::collect::{Outcome, Read};

/// Where etcd keeps its data: kubeadm and RKE1, RKE2, k3s, Debian's package.
const FOLDERS: [&str; 5] = [
    "/var/lib/etcd",
    "/var/lib/rancher/etcd",
    "/var/lib/rancher/rke2/server/db/etcd",
    "/var/lib/rancher/k3s/server/db/etcd",
    "/var/lib/etcd/default.etcd",
];

/// Bytes of each write, and all of them: `--bs=2300 --size=22m`.
const BLOCK: usize = 2300;
const WRITES: usize = 22 * 1024 * 1024 / BLOCK;

/// A very slow disk need not write all.
const LONGEST: Duration = Duration::from_secs(20);

/// The step; `folder` stands in for the usual ones.
pub(crate) fn step(folder: Option<PathBuf>) -> Step {
    let places = match &folder {
        Some(folder) => folder.display().to_string(),
        None => FOLDERS.join(", "),
    };
    let reads = vec![Read::File(format!(
        "writes {WRITES} times {BLOCK} bytes into a file of its own in {places}"
    ))];
    Step::new("etcd/disk-test", reads, move |ctx| Box::pin(run(ctx, folder)))
}

async fn run(ctx: &mut Context, folder: Option<PathBuf>) -> Outcome {
    let usual = || FOLDERS.iter().find(|folder| ctx.host.is_dir(folder)).map(PathBuf::from);
    let Some(folder) = folder.or_else(usual) else {
        return Outcome::Skipped("no folder of an etcd is on this host".into());
    };
    let place = folder.clone();
    let times = match tokio::task::spawn_blocking(move || measure(&place)).await {
        Ok(Ok(times)) => times,
        Ok(Err(error)) => return Outcome::Failed(format!("cannot write in {}: {error}", folder.display())),
        Err(error) => return Outcome::Failed(format!("the test was broken off: {error}")),
    };
    let command = format!(
        "fio --rw=write --ioengine=sync --fdatasync=1 --directory={} --size=22m --bs={BLOCK} --name=casefile",
        folder.display()
    );
    ctx.evidence.note(format!("measured as `{command}` does, without fio"));
    ctx.evidence.line("etcd/disk-test.txt", &as_fio(&times));
    Outcome::Done
}

/// The time of each `fdatasync`; the file vanishes when it is dropped.
fn measure(folder: &Path) -> std::io::Result<Vec<Duration>> {
    let mut temporary = tempfile::Builder::new()
        .prefix(".casefile-disk-test-")
        .tempfile_in(folder)?;
    let file: &mut File = temporary.as_file_mut();
    let block = [0x5a; BLOCK];
    let begun = Instant::now();
    let mut times = Vec::with_capacity(WRITES);
    while times.len() < WRITES && begun.elapsed() < LONGEST {
        file.write_all(&block)?;
        let synced = Instant::now();
        file.sync_data()?;
        times.push(synced.elapsed());
    }
    Ok(times)
}

/// The percentiles as fio prints them (fio HOWTO, "Interpreting the output").
fn as_fio(times: &[Duration]) -> String {
    let mut micros: Vec<u128> = times.iter().map(Duration::as_micros).collect();
    micros.sort_unstable();
    let at = |share: f64| {
        let index = ((micros.len() as f64 * share).ceil() as usize).saturating_sub(1);
        micros.get(index).copied().unwrap_or_default()
    };
    let mean = micros.iter().sum::<u128>() as f64 / micros.len().max(1) as f64;
    let mut text = format!(
        "  fsync/fdatasync/sync_file_range:\n    sync (usec): min={}, max={}, avg={mean:.2}, writes={}\n    sync percentiles (usec):\n",
        micros.first().copied().unwrap_or_default(),
        micros.last().copied().unwrap_or_default(),
        micros.len()
    );
    for row in [[50.0, 90.0], [95.0, 99.0], [99.9, 99.99]] {
        let cells = row.map(|percent| format!("{percent:.2}th=[{:>5}]", at(percent / 100.0)));
        text.push_str(&format!("     | {}\n", cells.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_read_as_those_of_fio() {
        let times: Vec<Duration> = (1..=1000).map(Duration::from_micros).collect();
        let text = as_fio(&times);
        assert!(text.contains("    sync percentiles (usec):\n"));
        assert!(text.contains("99.00th=[  990]"), "{text}");
    }

    #[test]
    fn the_test_leaves_no_file_behind() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!measure(folder.path()).unwrap().is_empty());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
