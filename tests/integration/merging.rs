//! Several archives of one cluster: one report by itself or when told, every archive named in it.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::archives::{Bench, gz, tar_of};

const NODES: &str = "NAME   STATUS     ROLES    AGE   VERSION\nn1     Ready      master   66m   v1.26.9\nn2     Ready      worker   66m   v1.26.9\nn3     NotReady   worker   66m   v1.26.9\n";

/// The archive of one machine, without a time or the cluster in its name; a server has the list of nodes.
fn archive(bench: &Bench, name: &str, host: &str, time: &str, nodes: Option<&str>) {
    let date = format!("Sat Nov 21 {time} UTC 2026\n");
    let containers = "CONTAINER ID   IMAGE   COMMAND   CREATED      STATUS      PORTS   NAMES\n29a2614d4315   nginx   \"sh\"      2 days ago   Up 2 days           web\n";
    let mut files = vec![
        (format!("x/nodes/{host}/date"), date.as_bytes()),
        (format!("x/nodes/{host}/docker-ps-a"), containers.as_bytes()),
    ];
    files.extend(nodes.map(|nodes| ("x/kubectl/nodes".to_owned(), nodes.as_bytes())));
    let files: Vec<(&str, &[u8])> = files.iter().map(|(path, bytes)| (path.as_str(), *bytes)).collect();
    bench.put(name, &gz(&tar_of(&files)));
}

fn casefile(args: &[&str], folder: &Path) -> (String, String) {
    let output = Command::new(assert_cmd::cargo::cargo_bin!("casefile"))
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

fn report(folder: &Path, name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder.join(name)).unwrap()).unwrap()
}

fn inputs(report: &Value) -> Vec<&str> {
    let bundles = report["bundles"].as_array().unwrap();
    bundles.iter().map(|bundle| bundle["input"].as_str().unwrap()).collect()
}

#[test]
fn archives_of_one_cluster_in_one_folder_become_one_report_that_names_them_all() {
    let bench = Bench::new();
    // The worker comes first and knows its cluster only by the server's list.
    archive(&bench, "in/a.tgz", "n2", "10:21:00", None);
    archive(&bench, "in/b.tgz", "n1", "10:20:00", Some(NODES));
    archive(&bench, "in/late.tgz", "n3", "10:55:00", None);
    let folder = bench.0.path();
    let (_, said) = casefile(&["analyze", "in", "-f", "json", "--lang", "en", "-o", "out"], folder);
    assert!(
        said.contains("b is of the same cluster and time as a: one report for both"),
        "{said}"
    );
    let merged = report(folder, "out/a.en.json");
    assert_eq!(inputs(&merged), ["a.tgz", "b.tgz"]);
    let bundles = merged["bundles"].as_array().unwrap();
    assert_eq!(bundles[0]["nodes"], serde_json::json!(["n2"]));
    assert!(
        bundles
            .iter()
            .all(|bundle| bundle["sha256"].as_str().unwrap().len() == 64)
    );
    assert_ne!(bundles[0]["sha256"], bundles[1]["sha256"]);
    // A node without an archive of this time is a gap.
    assert!(
        merged["gaps"].to_string().contains("node n3 has no archive"),
        "{}",
        merged["gaps"]
    );
    assert_eq!(inputs(&report(folder, "out/late.en.json")), ["late.tgz"]);
    assert!(!folder.join("out/b.en.json").exists());
}

#[test]
fn archives_of_different_folders_or_clusters_stay_apart_unless_told() {
    let bench = Bench::new();
    archive(&bench, "one/a.tgz", "n1", "10:20:00", Some(NODES));
    archive(&bench, "two/b.tgz", "n2", "10:20:00", None);
    archive(
        &bench,
        "one/c.tgz",
        "m1",
        "10:20:00",
        Some("NAME   STATUS   ROLES    AGE   VERSION\nm1     Ready    master   66m   v1.26.9\n"),
    );
    let folder = bench.0.path();
    casefile(
        &["analyze", "one", "two", "-f", "json", "--lang", "en", "-o", "out"],
        folder,
    );
    for name in ["a", "b", "c"] {
        assert_eq!(
            inputs(&report(folder, &format!("out/{name}.en.json"))),
            [format!("{name}.tgz")]
        );
    }
    let (text, _) = casefile(
        &[
            "analyze",
            "one/a.tgz",
            "two/b.tgz",
            "--merge",
            "-f",
            "json",
            "--lang",
            "en",
            "-o",
            "-",
        ],
        folder,
    );
    assert_eq!(inputs(&serde_json::from_str(&text).unwrap()), ["a.tgz", "b.tgz"]);
}

#[test]
fn inspect_shows_every_archive_of_a_merge() {
    let bench = Bench::new();
    archive(&bench, "in/a.tgz", "n2", "10:21:00", None);
    archive(&bench, "in/b.tgz", "n1", "10:20:00", Some(NODES));
    let (text, said) = casefile(&["inspect", "in", "-f", "json"], bench.0.path());
    assert!(said.contains("same cluster"), "{said}");
    let overviews: Value = serde_json::from_str(&text).unwrap();
    let [one] = overviews.as_array().unwrap().as_slice() else {
        panic!("{overviews}")
    };
    let archives: Vec<&str> = one["archives"]
        .as_array()
        .unwrap()
        .iter()
        .map(|archive| archive["input"].as_str().unwrap())
        .collect();
    assert_eq!(archives, ["a.tgz", "b.tgz"]);
    assert_eq!(one["hosts"], serde_json::json!(["n2", "n1"]));
}

#[test]
fn what_was_applied_and_is_otherwise_stands_in_an_appendix() {
    let bench = Bench::new();
    let manifest = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: shop\nspec:\n  replicas: 3\n  template:\n    spec:\n      containers:\n      - name: web\n        image: shop/web:2\n        env:\n        - name: DB_PASSWORD\n          value: correct-horse-9\n";
    let live = manifest
        .replace("  namespace: shop\n", "  namespace: shop\n  uid: u1\n")
        .replace("replicas: 3", "replicas: 0")
        .replace("correct-horse-9", "battery-staple-7");
    bench.put("b/applied/web.yaml", manifest.as_bytes());
    bench.put("b/live/deployments.yaml", live.as_bytes());
    let (text, _) = casefile(
        &["analyze", "b", "-f", "json", "--lang", "en", "-o", "-"],
        bench.0.path(),
    );
    let report: Value = serde_json::from_str(&text).unwrap();
    let rows: Vec<(&str, usize)> = report["applied"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["path"].as_str().unwrap(), row["refs"].as_array().unwrap().len()))
        .collect();
    assert_eq!(
        rows,
        [
            ("spec.replicas", 2),
            ("spec.template.spec.containers[web].env[DB_PASSWORD].value", 2)
        ]
    );
    assert!(
        !text.contains("correct-horse") && !text.contains("battery-staple"),
        "masked on both sides"
    );
    let (text, _) = casefile(&["analyze", "b", "-f", "md", "--lang", "zh", "-o", "-"], bench.0.path());
    assert!(text.contains("## 附录 G 已应用的清单与集群实际状态"));
}
