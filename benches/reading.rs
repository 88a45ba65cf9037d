//! How fast text is read, in bytes per second: `cargo bench --bench reading [-- NAME]`. Compare figures of one machine only, and read
//! ratios to other programs off `benches/ratios.sh`.
#![expect(
    clippy::unwrap_used,
    reason = "a measuring tool for people at a terminal, over text that it makes itself"
)]

use std::hint::black_box;

use casefile::bundle::Budget;
use casefile::bundle::decode::{DECODERS, TextFile};
use casefile::logs::{LogScan, SignatureSet, Stream};
use casefile::model::EntryPath;
use casefile::rules::Rules;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// A line of a kubelet that says nothing, but for every thousandth.
fn log(lines: usize) -> String {
    let line = |number: usize| {
        let (minute, second) = (number / 60 % 60, number % 60);
        if number % 1000 == 999 {
            return format!(
                "E1121 09:{minute:02}:{second:02}.000000 6441 pod_workers.go:1301] \"Error syncing pod, skipping\" err=\"failed to \\\"StartContainer\\\" for \\\"web\\\" with CrashLoopBackOff\" pod=\"shop/web-{number}\"\n"
            );
        }
        format!(
            "I1121 09:{minute:02}:{second:02}.000000 6441 kubelet.go:2461] \"SyncLoop (PLEG): event for pod\" pod=\"shop/web-{number}\" event={{\"Type\":\"ContainerStarted\"}}\n"
        )
    };
    (0..lines).map(line).collect()
}

fn table(rows: usize) -> String {
    let row = |number: usize| {
        format!(
            "shop        web-{number:<6}   1/1     Running   0          5d3h   10.42.0.{:<4}   node-{}\n",
            number % 250,
            number % 9
        )
    };
    let heading = "NAMESPACE   NAME         READY   STATUS    RESTARTS   AGE    IP            NODE\n".to_owned();
    heading + &(0..rows).map(row).collect::<String>()
}

fn description(pods: usize) -> String {
    let pod = |number: usize| {
        format!(
            "Name:             web-{number}\nNamespace:        shop\nPriority:         0\nNode:             node-1/10.0.0.1\nLabels:           app=web\nStatus:           Running\nIP:               10.42.0.7\nContainers:\n  web:\n    Image:          registry.local:5000/web:1\n    Port:           80/TCP\n    State:          Waiting\n      Reason:       CrashLoopBackOff\n    Last State:     Terminated\n      Reason:       Error\n      Exit Code:    1\n    Ready:          False\n    Restart Count:  7\nConditions:\n  Type              Status\n  Ready             False\nEvents:\n  Type     Reason   Age                 From     Message\n  ----     ------   ----                ----     -------\n  Warning  BackOff  2m (x30 over 10m)   kubelet  Back-off restarting failed container\n\n\n"
        )
    };
    (0..pods).map(pod).collect()
}

/// A list of pods as `kubectl get pods -o json` has it.
fn pods(number: usize) -> serde_json::Value {
    let pod = |number: usize| {
        serde_json::json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "creationTimestamp": "2026-11-21T09:00:00Z",
                "labels": {"app": "web", "pod-template-hash": "666489dfdd"},
                "name": format!("web-{number}"),
                "namespace": "shop",
                "ownerReferences": [{"apiVersion": "apps/v1", "controller": true, "kind": "ReplicaSet", "name": "web-666489dfdd"}],
                "uid": format!("ba78f1d1-2229-4998-aa9c-{number:012x}"),
            },
            "spec": {
                "containers": [{
                    "args": ["--port=80", "--verbose"],
                    "image": "registry.local:5000/web:1",
                    "name": "web",
                    "ports": [{"containerPort": 80, "protocol": "TCP"}],
                    "resources": {"limits": {"cpu": "500m", "memory": "128Mi"}},
                }],
                "nodeName": "node-1",
                "restartPolicy": "Always",
            },
            "status": {
                "conditions": [{"lastTransitionTime": "2026-11-21T09:00:05Z", "status": "True", "type": "Ready"}],
                "phase": "Running",
                "podIP": "10.42.0.7",
            },
        })
    };
    serde_json::json!({"apiVersion": "v1", "items": (0..number).map(pod).collect::<Vec<_>>(), "kind": "List"})
}

/// Reads all sections of one decoder.
fn decode(name: &str, text: &str) {
    let path = EntryPath::new("text");
    let decoder = DECODERS.iter().find(|decoder| decoder.name == name).unwrap();
    let file = TextFile::new("b".into(), &path, text);
    let mut line = 0;
    while line < file.lines.len() {
        line = match (decoder.decode)(&file, line) {
            Some(section) => black_box(section).end,
            None => line + 1,
        };
    }
}

fn scan(signatures: &SignatureSet, text: &str) {
    let longest = usize::try_from(Budget::DEFAULT.max_line_bytes).unwrap();
    let mut scan = LogScan::new(signatures, EntryPath::new("kubelet.log"), Stream::Unknown, longest);
    scan.feed(text, 1);
    black_box(scan.finish());
}

fn reading(criterion: &mut Criterion) {
    let rules = Rules::load().unwrap();
    let mut group = criterion.benchmark_group("reading");
    group.sample_size(20);
    let log = log(20_000);
    group.throughput(Throughput::Bytes(log.len() as u64));
    group.bench_function("log", |bencher| bencher.iter(|| scan(rules.signatures(), &log)));
    let objects = pods(1000);
    for (decoder, text) in [
        ("kubectl get", table(10_000)),
        ("kubectl describe", description(1000)),
        ("json", serde_json::to_string_pretty(&objects).unwrap()),
        ("yaml", serde_yaml::to_string(&objects).unwrap()),
    ] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(decoder, |bencher| bencher.iter(|| decode(decoder, &text)));
    }
    group.finish();
}

criterion_group!(benches, reading);
criterion_main!(benches);
