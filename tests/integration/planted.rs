//! Secrets of every main class in the places of a bundle that reach an output, and then every output there is: none of them anywhere.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::cli::{Desk, Ended};

/// Known by their looks or by what stands beside them.
const GITHUB: &str = "ghp_Zk8vQ2mXw4Lr7TbN5cJ9sHf3DgYpA6eUi1oK";
const RANCHER: &str = "l6m6c2wqxsl9zrmv4h5kjt7n8fpbdg2x4w9vqz6c5kxh7rt2mnp8bd";
const PASSWORD: &str = "Pl4nted-Env-Passw0rd";
const OLD_PASSWORD: &str = "Pl4nted-Old-Passw0rd";
const URL_PASSWORD: &str = "Pl4ntedUrlPw7";
const CRON_PASSWORD: &str = "Pl4ntedCronPw7";
const JWT: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQ6c2hvcDp3ZWIifQ.c2lnbmF0dXJlLW9mLXBsYW50ZWQ";
const KEY_LINE: &str = "MIIEpAIBAAKCAQEA04up8hoqzS1zQxJwKdIWq0tGxhQYd0cX0hlhYnmPO2oY7Q8J";
/// Known only because a Secret holds it.
const OPAQUE: &str = "plain-looking-planted-value";
/// What a registry's login is in `auth`, and the password in it.
const REGISTRY_PASSWORD: &str = "Pl4ntedRegistryPw7";

fn registry_auth() -> String {
    STANDARD.encode(format!("robot:{REGISTRY_PASSWORD}"))
}

/// Everything that must not be seen, as it is and in base64.
fn planted() -> Vec<String> {
    let raw = [
        GITHUB,
        RANCHER,
        PASSWORD,
        OLD_PASSWORD,
        URL_PASSWORD,
        CRON_PASSWORD,
        JWT,
        KEY_LINE,
        OPAQUE,
        REGISTRY_PASSWORD,
    ];
    let encoded = raw.iter().map(|value| STANDARD.encode(value));
    let mut all: Vec<String> = raw.iter().map(|value| (*value).to_owned()).chain(encoded).collect();
    all.push(registry_auth());
    all
}

/// A pod that fails in three ways, with secrets in what rules quote of it.
fn pod(password: &str) -> serde_json::Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "web-0", "namespace": "shop", "labels": {"app": "web"}, "creationTimestamp": "2026-11-21T09:00:00Z",
            "annotations": {"deploy/command": format!("helm upgrade --set token={RANCHER}")}},
        "spec": {"nodeName": "n1", "imagePullSecrets": [{"name": "regcred"}], "containers": [
            {"name": "app", "image": "harbor.example.com/shop/web:1", "command": ["/bin/web"], "args": ["--token", RANCHER, format!("--bearer={JWT}")],
             "env": [{"name": "DB_PASSWORD", "value": password}, {"name": "DB_URL", "value": format!("postgres://shop:{URL_PASSWORD}@db:5432/shop")}]},
            {"name": "side", "image": "harbor.example.com/shop/side:1"},
        ]},
        "status": {"phase": "Running", "startTime": "2026-11-21T09:00:00Z", "containerStatuses": [
            {"name": "app", "ready": false, "restartCount": 7, "image": "harbor.example.com/shop/web:1", "imageID": "",
             "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container=app"}},
             "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "startedAt": "2026-11-21T09:58:00Z", "finishedAt": "2026-11-21T09:59:00Z",
                "message": format!("FATAL: login with {OPAQUE} refused, DB_PASSWORD={password}")}}},
            {"name": "side", "ready": false, "restartCount": 0, "image": "harbor.example.com/shop/side:1", "imageID": "",
             "state": {"waiting": {"reason": "ImagePullBackOff", "message": format!("Back-off pulling image: failed to resolve reference: GET https://robot:{URL_PASSWORD}@harbor.example.com/v2/shop/side/manifests/1: 401 Unauthorized, token {GITHUB}")}}},
        ]},
    })
}

fn put_bundle(desk: &Desk, folder: &str, password: &str) {
    let put = |path: &str, text: String| desk.put(&format!("{folder}/{path}"), text);
    put(
        "cluster-resources/pods/shop.json",
        json!({"kind": "PodList", "apiVersion": "v1", "items": [pod(password)]}).to_string(),
    );
    put("cluster-resources/nodes.json", json!({"kind": "NodeList", "apiVersion": "v1", "items": [
        {"metadata": {"name": "n1"}, "status": {"conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": {"kubeletVersion": "v1.31.1"}}}]}).to_string());
    let docker = json!({"auths": {"harbor.example.com": {"username": "robot", "password": REGISTRY_PASSWORD, "auth": registry_auth()}}});
    let pem = format!("-----BEGIN RSA PRIVATE KEY-----\n{KEY_LINE}\n-----END RSA PRIVATE KEY-----\n");
    put("cluster-resources/secrets/shop.json", json!({"kind": "SecretList", "apiVersion": "v1", "items": [
        {"metadata": {"name": "db", "namespace": "shop"}, "type": "Opaque", "data": {"value": STANDARD.encode(OPAQUE)}},
        {"metadata": {"name": "tls", "namespace": "shop"}, "type": "kubernetes.io/tls", "data": {"tls.key": STANDARD.encode(&pem)}},
        {"metadata": {"name": "regcred", "namespace": "shop"}, "type": "kubernetes.io/dockerconfigjson",
         "data": {".dockerconfigjson": STANDARD.encode(docker.to_string())}},
    ]}).to_string());
    let event = |reason: &str, message: String| {
        json!({"kind": "Event", "apiVersion": "v1", "metadata": {"name": format!("web-0.{}", reason.to_lowercase()), "namespace": "shop"},
            "involvedObject": {"kind": "Pod", "name": "web-0", "namespace": "shop"}, "type": "Warning", "reason": reason, "message": message,
            "firstTimestamp": "2026-11-21T09:30:00Z", "lastTimestamp": "2026-11-21T09:59:30Z", "count": 9})
    };
    put("cluster-resources/events/shop.json", json!({"kind": "EventList", "apiVersion": "v1", "items": [
        event("Failed", format!("Failed to pull image \"harbor.example.com/shop/side:1\": failed to authorize: https://robot:{URL_PASSWORD}@harbor.example.com/token: 401 Unauthorized")),
        event("BackOff", format!("Back-off restarting failed container app, started with --token {RANCHER}")),
        event("FailedMount", format!("MountVolume.SetUp failed for volume \"data\": mount failed: exit status 32, options password={password},{OPAQUE}")),
    ]}).to_string());
    let mut log = String::new();
    for second in 0..20 {
        let at = format!("2026-11-21T09:59:{second:02}.000000000Z");
        log.push_str(&format!("{at} FATAL: password authentication failed for user \"shop\" (dsn postgres://shop:{URL_PASSWORD}@db:5432/shop)\n"));
        log.push_str(&format!(
            "{at} dial tcp 10.0.0.9:5432: connect: connection refused, DB_PASSWORD={password} {OPAQUE}\n"
        ));
        log.push_str(&format!(
            "{at} ERROR order {second} not sent: Authorization: Bearer {JWT} was rejected by {GITHUB}\n"
        ));
    }
    log.push_str(&pem);
    log.push_str(&format!(
        "2026-11-21T09:59:30.000000000Z panic: cannot start with {OPAQUE} and {RANCHER}\n"
    ));
    put("cluster-resources/pods/logs/shop/web-0/app.log", log.clone());
    put("cluster-resources/pods/logs/shop/web-0/app-previous.log", log);
    // What was applied is otherwise in the cluster.
    put(
        "applied/web.yaml",
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web-0\n  namespace: shop\nspec:\n  containers:\n  - name: app\n    image: harbor.example.com/shop/web:2\n    env:\n    - name: DB_PASSWORD\n      value: {OLD_PASSWORD}\n    args: [\"--token\", \"{GITHUB}\"]\n"
        ),
    );
    // Files, and folders, that are named after a secret.
    put(
        &format!("nodes/n1/logs/{OPAQUE}.log"),
        "E1121 09:59:00.000000       1 kubelet.go:1] dial tcp 10.0.0.1:6443: connect: connection refused\n".into(),
    );
    put(
        &format!("backup-{GITHUB}/broken.json"),
        format!("{{\"kind\": \"Pod\", \"token\": \"{RANCHER}\", "),
    );
    put(
        "nodes/n1/etc/cron.d/clean",
        format!("0 2 * * * root /opt/clean.sh --password {CRON_PASSWORD}\n"),
    );
    put(
        "nodes/n1/opt/clean.sh",
        format!("#!/bin/sh\nexport API_TOKEN={GITHUB}\ndocker container prune -f\n"),
    );
}

/// Every file below a folder, with its path.
fn written(folder: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            written(&path, found);
        } else {
            found.insert(path.display().to_string(), fs::read(&path).unwrap());
        }
    }
}

#[track_caller]
fn assert_clean(what: &str, bytes: &[u8]) {
    for secret in planted() {
        if let Some(at) = memchr::memmem::find(bytes, secret.as_bytes()) {
            let from = at.saturating_sub(120);
            let around = String::from_utf8_lossy(&bytes[from..(at + 60).min(bytes.len())]).into_owned();
            panic!("{what} holds {secret}: …{around}…");
        }
    }
}

#[track_caller]
fn assert_says_nothing(what: &str, ended: &Ended) {
    assert_clean(&format!("standard output of {what}"), ended.out.as_bytes());
    assert_clean(&format!("standard error of {what}"), ended.err.as_bytes());
}

const FORMATS: &str =
    "md,html,json,sarif,junit,csv,jsonl,github-issue,jira,jira-adf,zendesk,actions-csv,actions-json,text";

#[test]
fn no_output_of_any_command_holds_a_planted_secret() {
    let desk = Desk::new();
    // Bundles that are named after secrets: one that shows by its looks, and one that only the bundle itself gives away.
    let names = [format!("ticket-{GITHUB}"), OPAQUE.to_owned()];
    for name in &names {
        put_bundle(&desk, name, PASSWORD);
    }
    put_bundle(&desk, "good", OLD_PASSWORD);
    let mut seen = 0;
    for name in &names {
        for flavor in ["plain", "github", "gitlab"] {
            let out = format!("out/{seen}");
            let ended = desk.run(&[
                "analyze",
                name,
                "--baseline",
                "good",
                "-f",
                FORMATS,
                "--lang",
                "zh,en",
                "--md-flavor",
                flavor,
                "-o",
                &out,
                "-vv",
            ]);
            assert_eq!(ended.code, 0, "{}", ended.err);
            assert_says_nothing("analyze", &ended);
            seen += 1;
        }
        for args in [
            &["inspect", name, "--files"][..],
            &["inspect", name, "--files", "-f", "json"],
            &["diff", "good", name],
            &["diff", "good", name, "-f", "markdown", "--lang", "zh"],
            &["diff", "good", name, "-f", "json"],
            &["analyze", name, "-o", "-", "-f", "text"],
        ] {
            let ended = desk.run(args);
            assert_eq!(ended.code, 0, "{args:?}: {}", ended.err);
            assert!(!ended.out.is_empty(), "{args:?}");
            assert_says_nothing(&args.join(" "), &ended);
        }
    }
    let mut files = BTreeMap::new();
    written(&desk.path().join("out"), &mut files);
    assert_eq!(
        files.len(),
        names.len() * 3 * 2 * FORMATS.split(',').count(),
        "{:#?}",
        files.keys()
    );
    for (path, bytes) in &files {
        let below = path.strip_prefix(&desk.path().display().to_string()).unwrap();
        assert_clean("the name of a report", below.as_bytes());
        assert_clean(below, bytes);
    }
    // What was looked for is what the reports are about: rules quoted the lines and fields that held it.
    let report: String = files
        .iter()
        .filter(|(path, _)| path.ends_with(".json"))
        .map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned())
        .collect();
    for quoted in [
        "password authentication failed",
        "401 Unauthorized",
        "‹credential-",
        "‹password-",
        "‹token-",
        "‹jwt-",
        "‹secret-",
    ] {
        assert!(report.contains(quoted), "{quoted} is in no report");
    }
}

#[test]
fn messages_about_what_went_wrong_hold_no_planted_secret() {
    let desk = Desk::new();
    let name = format!("ticket-{GITHUB}");
    put_bundle(&desk, &name, PASSWORD);
    desk.put(&format!("{name}-empty.tar.gz"), "");
    desk.put("answers.toml", format!("reporter = \"{GITHUB}\n"));
    let empty = format!("{name}-empty.tar.gz");
    let gone = format!("{name}-gone.tar.gz");
    let into = format!("{name}/cluster-resources/nodes.json");
    for args in [
        &["analyze", &empty][..],
        &["analyze", &gone],
        &["analyze", &gone, "--error-format", "json"],
        &["inspect", &gone],
        &["diff", &gone, &name],
        &["redact", &gone, "-o", "x.tar.gz"],
        &["verify", &name],
        &["lint", &gone],
        &["analyze", &name, "--answers", "answers.toml"],
        &["analyze", &name, "-o", &into, "-f", "md,html"],
        &["analyze", &name, "--rules", &gone],
        &["analyze", &name, "--config", &gone],
        &["collect", "-o", &into, "--root", &gone],
        &["analyze", &name, "--lang", GITHUB],
        &["inspect", &name, &format!("--token={RANCHER}")],
    ] {
        let ended = desk.run(args);
        assert_ne!(ended.code, 0, "{args:?}");
        assert!(!ended.err.is_empty(), "{args:?}");
        assert_says_nothing(&args.join(" "), &ended);
    }
}

#[test]
fn a_bundle_written_once_more_has_no_planted_secret_in_names_or_files() {
    let desk = Desk::new();
    put_bundle(&desk, "b", PASSWORD);
    let ended = desk.run(&["redact", "b", "-o", "clean.tar.gz"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert_says_nothing("redact", &ended);
    let files = super::support::files(&desk.path().join("clean.tar.gz"));
    for (path, text) in &files {
        assert_clean("the name of a file", path.as_bytes());
        assert_clean(path, text.as_bytes());
    }
    assert_eq!(files.len(), 11, "{:?}", files.keys());
}
