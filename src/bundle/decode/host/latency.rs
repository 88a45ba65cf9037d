//! How fast the disk below etcd is: etcd's own histograms (Prometheus text) and `fio`.
//!
//! Sources: etcd `server/storage/wal/metrics.go` and `server/storage/backend/metrics.go` (`etcd_disk_wal_fsync_duration_seconds`,
//! `etcd_disk_backend_commit_duration_seconds`, cumulative buckets); fio HOWTO, "interpreting the output" (`sync percentiles`).

use regex::Regex;
use serde_json::Value;

use crate::bundle::decode::docker_json::may_start;
use crate::bundle::decode::shape::{Shape, group};
use crate::bundle::decode::{Decoder, Fact, Section, TextFile};
use crate::model::Citation;

/// `etcd.wal-fsync-p99-us`, `etcd.backend-commit-p99-us`: the upper bound of the bucket that holds the 99th percentile.
pub(in crate::bundle::decode) const HISTOGRAM: Decoder = Decoder {
    name: "etcd metrics",
    decode: histogram,
};
/// `fio.sync-p99-us`.
pub(in crate::bundle::decode) const FIO: Decoder = Decoder {
    name: "fio",
    decode: fio,
};

static BUCKET: Shape = Shape::new(|| {
    Regex::new(
        r#"^etcd_disk_(?<name>wal_fsync|backend_commit)_duration_seconds_bucket\{(?:.*,)?le="(?<le>[^"]+)"\} (?<count>[\d.e+]+)$"#,
    )
});

/// All metrics of a server are one section: from a line `# HELP` or a bucket to the first line that is no metric.
fn histogram(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let first = file.line(start);
    if !first.starts_with("# HELP etcd_") && !BUCKET.fits(first) {
        return None;
    }
    let is_metric = |line: &&&str| {
        line.starts_with('#') || line.contains(|c: char| c == '_') && line.split_whitespace().count() >= 2
    };
    let end = start + file.lines.iter().skip(start).take_while(is_metric).count();
    let mut facts = Vec::new();
    for (name, key) in [
        ("wal_fsync", "etcd.wal-fsync-p99-us"),
        ("backend_commit", "etcd.backend-commit-p99-us"),
    ] {
        let buckets: Vec<(usize, f64, f64)> = (start..end)
            .filter_map(|line| {
                let found = BUCKET
                    .groups(file.line(line))
                    .filter(|found| group(found, "name") == name)?;
                let bound = if group(&found, "le") == "+Inf" {
                    f64::INFINITY
                } else {
                    group(&found, "le").parse().ok()?
                };
                Some((line, bound, group(&found, "count").parse().ok()?))
            })
            .collect();
        let total = buckets.iter().map(|(_, _, count)| *count).fold(0.0, f64::max);
        let holder = buckets
            .iter()
            .find(|(_, _, count)| total > 0.0 && *count >= total * 0.99);
        if let Some((line, bound, _)) = holder {
            let value = if bound.is_finite() {
                format!("{}", (bound * 1e6).round())
            } else {
                "inf".to_owned()
            };
            facts.push(Fact::Value {
                key: key.to_owned(),
                value,
                cite: file.cite(*line),
            });
        }
    }
    Some(Section {
        end: end.max(start + 1),
        facts,
        ..Section::default()
    })
}

fn fio(file: &TextFile<'_>, start: usize) -> Option<Section> {
    if may_start(file, start, &["\"fio version\""]) {
        return fio_json(file, start);
    }
    static HEADING: Shape =
        Shape::new(|| Regex::new(r"^\s+(?:f(?:data)?sync|sync(?:_file_range)?) percentiles \((?<unit>[num]sec)\):"));
    static P99: Shape = Shape::new(|| Regex::new(r"99\.00th=\[\s*(?<value>\d+)\]"));
    // The line with the percentiles of `sync` stands below `fsync/fdatasync/sync_file_range:`.
    let found = HEADING.groups(file.line(start))?;
    let line = (start + 1..start + 12).find(|&line| P99.fits(file.line(line)))?;
    let value: f64 = group(&P99.groups(file.line(line))?, "value").parse().ok()?;
    let micros = match group(&found, "unit") {
        "nsec" => value / 1000.0,
        "usec" => value,
        _ => value * 1000.0,
    };
    Some(Section {
        end: line + 1,
        facts: vec![p99(micros, file.cite(line))],
        ..Section::default()
    })
}

fn fio_json(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let mut stream = serde_json::Deserializer::from_str(file.from_line(start)).into_iter::<Value>();
    let value = stream.next()?.ok()?;
    let end = file.line_at_offset(file.offset_of_line(start) + stream.byte_offset().saturating_sub(1)) + 1;
    let jobs = value.get("jobs")?.as_array()?;
    // The slowest job counts.
    let slowest = jobs.iter().enumerate().filter_map(|(index, job)| {
        let pointer = "/sync/lat_ns/percentile/99.000000";
        Some((job.pointer(pointer)?.as_u64()?, format!("/jobs/{index}{pointer}")))
    });
    let fact = slowest.max().map(|(nanos, pointer)| {
        let cite = Citation::pointer(&file.bundle, file.path, pointer, format!("99.000000: {nanos}"));
        p99(nanos as f64 / 1000.0, cite)
    });
    Some(Section {
        end,
        facts: fact.into_iter().collect(),
        ..Section::default()
    })
}

fn p99(micros: f64, cite: Citation) -> Fact {
    Fact::Value {
        key: "fio.sync-p99-us".to_owned(),
        value: format!("{}", micros.round()),
        cite,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::values;
    use super::*;
    use crate::bundle::decode::sample::section;

    #[test]
    fn the_bucket_of_the_99th_percentile_is_found() {
        let text = "# HELP etcd_disk_wal_fsync_duration_seconds The latency\n# TYPE etcd_disk_wal_fsync_duration_seconds histogram\netcd_disk_wal_fsync_duration_seconds_bucket{le=\"0.001\"} 90\netcd_disk_wal_fsync_duration_seconds_bucket{le=\"0.032\"} 99\netcd_disk_wal_fsync_duration_seconds_bucket{le=\"+Inf\"} 100\nbye\n";
        let section = section(&HISTOGRAM, "x", text).unwrap();
        assert_eq!(
            (values(&section), section.end),
            (vec!["etcd.wal-fsync-p99-us=32000".to_owned()], 5)
        );
    }

    #[test]
    fn fio_is_read_as_text_and_as_json() {
        let text = "    sync percentiles (usec):\n     |  1.00th=[  355],  5.00th=[  404]\n     | 99.00th=[12518], 99.50th=[13042]\n";
        assert_eq!(values(&section(&FIO, "x", text).unwrap()), ["fio.sync-p99-us=12518"]);
        let text = "{\n  \"fio version\" : \"fio-3.28\",\n  \"jobs\" : [{\"sync\":{\"lat_ns\":{\"percentile\":{\"99.000000\":12518000}}}}]\n}\n";
        assert_eq!(values(&section(&FIO, "x", text).unwrap()), ["fio.sync-p99-us=12518"]);
    }

    #[test]
    fn other_text_is_declined() {
        for text in [
            "",
            "# HELP go_gc",
            "sync percentiles",
            "{\"fio version\":",
            "    clat percentiles (usec):\n",
        ] {
            assert!(
                section(&HISTOGRAM, "x", text).is_none() && section(&FIO, "x", text).is_none(),
                "{text}"
            );
        }
    }
}
