//! Logs, kubelets and health checks that need a second request, and logs without a limit of their own, against the stub.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::json;

use super::stub::api;
use crate::collect::testing::{Answer, ok, status, unfinished};

const SICK: &str = "/api/v1/namespaces/shop/pods/sick/log";

#[test]
fn what_is_no_list_is_asked_for_again_too() {
    let asked: Mutex<BTreeMap<String, usize>> = Mutex::default();
    let mut host = api(move |target| {
        let path = target.split('?').next().unwrap().to_owned();
        let mut asked = asked.lock().unwrap();
        let before = asked
            .entry(format!("{path} {}", target.contains("previous")))
            .or_default();
        *before += 1;
        let first = *before == 1;
        match path.as_str() {
            "/readyz" if first => Some(status(429, "busy")),
            SICK if first && !target.contains("previous") => Some(status(503, "try again")),
            // Half of a log, and then all of it.
            SICK if first => Some(Answer::Close(unfinished(&[b"2026-11-21T10:00:00Z before\n"]))),
            SICK => Some(ok("2026-11-21T10:00:00Z before\n2026-11-21T10:00:01Z after\n")),
            "/api/v1/nodes/n1/proxy/configz" if first => Some(status(502, "bad gateway")),
            "/api/v1/nodes/n1/proxy/configz" => Some(ok(r#"{"kubeletconfig":{"maxPods":110}}"#)),
            "/api/v1/nodes/n1/proxy/logs/" if first => Some(status(503, "try again")),
            "/api/v1/nodes/n1/proxy/logs/" => Some(ok("I1121 kubelet started\n")),
            path if path.starts_with("/api/v1/nodes/n1/proxy") => Some(ok("{}")),
            _ => None,
        }
    });
    host.plan.limits.step_timeout = Duration::from_secs(30);
    let (summary, bundle) = host.collect();
    assert_eq!(summary.gaps, 0, "{:?}", bundle.manifest()["steps"]);
    assert!(bundle.files.contains_key("cluster-info/readyz.txt"));
    for file in ["app.log", "app-previous.log"] {
        let log = &bundle.files[&format!("cluster-resources/pods/logs/shop/sick/{file}")];
        assert!(log.ends_with(b"after\n"), "{file}: {}", String::from_utf8_lossy(log));
    }
    assert_eq!(
        bundle.cluster("nodes/n1/kubelet/configz.json")["kubeletconfig"]["maxPods"],
        110
    );
    assert!(bundle.files.contains_key("nodes/n1/kubelet/logs/kubelet.log"));
}

#[test]
fn a_log_that_never_comes_whole_keeps_its_longest_part() {
    let (_, bundle) = api(|target| {
        let cut = target.starts_with(SICK) && !target.contains("previous");
        cut.then(|| Answer::Close(unfinished(&[b"2026-11-21T10:00:00Z half of it\n"])))
    })
    .collect();
    let step = bundle.step("kubernetes/logs/unhealthy");
    assert_eq!(step["outcome"], "failed");
    assert!(step["notes"].to_string().contains("broke off"), "{step}");
    let log = &bundle.files["cluster-resources/pods/logs/shop/sick/app.log"];
    assert!(log.ends_with(b"half of it\n"));
}

#[test]
fn all_logs_are_kept_from_their_beginning_as_far_as_there_is_room() {
    let line = |n: usize| {
        format!(
            "2026-11-21T10:00:00Z line {n:07} password=pl4nted-Pa55word-{:03} of a long log\n",
            n % 100
        )
    };
    let long: String = (0..80_000).map(line).collect();
    let whole = long.len();
    let mut host = api(move |target| {
        (target.starts_with(SICK) && !target.contains("previous")).then(|| match target.contains("tailLines") {
            true => status(400, "nobody wants the end alone"),
            false => ok(&long),
        })
    });
    host.plan.limits.step_timeout = Duration::from_secs(60);
    host.plan.limits.max_file_bytes = 1024 * 1024;
    host.plan.cluster.all_logs = true;
    let (_, bundle) = host.collect();
    let log = String::from_utf8(bundle.files["cluster-resources/pods/logs/shop/sick/app.log"].clone()).unwrap();
    assert!(
        log.len() > 4 * 1024 * 1024 && whole > log.len(),
        "{} of {whole}",
        log.len()
    );
    assert_eq!(log.lines().count(), 80_000);
    assert!(!log.contains("pl4nted"), "{}", log.lines().next().unwrap());
    assert_eq!(bundle.step("kubernetes/logs/unhealthy")["cut"], json!([]));

    host.plan.limits.max_bundle_bytes = 2 * 1024 * 1024;
    host.plan.replace = true;
    let (_, bundle) = host.collect();
    let step = bundle.step("kubernetes/logs/unhealthy");
    assert_eq!(step["cut"][0]["which"], "head", "{step}");
    let log = &bundle.files["cluster-resources/pods/logs/shop/sick/app.log"];
    assert!(log.len() <= 2 * 1024 * 1024 && log.starts_with(b"2026-11-21T10:00:00Z line 0000000"));
}

#[test]
fn the_manifest_says_how_long_the_reading_of_a_list_took() {
    let mut host = api(|target| {
        if target.starts_with("/apis/example.com/v1/farms") {
            std::thread::sleep(Duration::from_millis(300));
        }
        None
    });
    host.plan.limits.step_timeout = Duration::from_secs(30);
    let (_, bundle) = host.collect();
    let step = bundle.step("kubernetes/objects/farms.example.com");
    assert!(step["reading_ms"].as_u64().unwrap() >= 300, "{step}");
    assert!(bundle.step("host/files").get("reading_ms").is_none());
}

#[test]
fn a_kubelet_that_sends_files_whole_or_has_none_is_understood() {
    let host = api(|target| {
        let query = target.strip_prefix("/api/v1/nodes/n1/proxy/logs/?query=");
        match query {
            Some("kubelet&tailLines=5000") => Some(ok(
                "\noptions present and query resolved to log files for [kubelet]\ntry without specifying options\n",
            )),
            Some("kubelet") => Some(ok("I1121 10:00:00.000000       1 server.go:1] Started kubelet\n")),
            Some("containerd&tailLines=5000") => Some(ok("\nlog not found for containerd\n")),
            _ if target.starts_with("/api/v1/nodes/n1/proxy") => Some(ok("{}")),
            _ if target.starts_with(SICK) && target.contains("previous") => {
                Some(ok("unable to retrieve container logs for containerd://370621f084b3"))
            }
            _ => None,
        }
    });
    let (summary, bundle) = host.collect();
    assert_eq!(summary.gaps, 0, "{:?}", bundle.manifest()["steps"]);
    let log = &bundle.files["nodes/n1/kubelet/logs/kubelet.log"];
    assert!(log.ends_with(b"Started kubelet\n"), "{}", String::from_utf8_lossy(log));
    assert!(!bundle.files.contains_key("nodes/n1/kubelet/logs/containerd.log"));
    let notes = bundle.step("kubernetes/nodes/n1")["notes"].to_string();
    assert!(notes.contains("no log of containerd: log not found"), "{notes}");
    // What the container said before its restart is no longer there, which is no log.
    let logs = "cluster-resources/pods/logs/shop/sick";
    assert!(bundle.files.contains_key(&format!("{logs}/app.log")));
    assert!(!bundle.files.contains_key(&format!("{logs}/app-previous.log")));
    let notes = bundle.step("kubernetes/logs/unhealthy")["notes"].to_string();
    assert!(notes.contains("1 of containers that have none"), "{notes}");
}

#[test]
fn a_kubelet_without_log_queries_is_asked_for_its_files() {
    let page = "<!doctype html>\n<meta name=\"viewport\" content=\"width=device-width\">\n<pre>\n<a href=\"apt/\">apt/</a>\n<a href=\"kubelet.log\">kubelet.log</a>\n<a href=\"messages.1\">messages.1</a>\n<a href=\"syslog\">syslog</a>\n</pre>\n";
    let host = api(move |target| {
        let log = target.strip_prefix("/api/v1/nodes/n1/proxy/logs/");
        match log.map(|log| log.split('?').next().unwrap_or_default()) {
            Some("") => Some(ok(page)),
            Some("kubelet.log") => Some(ok("I1121 10:00:00.000000       1 server.go:1] Started kubelet\n")),
            Some("syslog") => Some(ok("Nov 21 10:00:00 n1 kernel: eth0: link down\n")),
            Some(_) => Some(status(404, "404 page not found")),
            None if target.starts_with("/api/v1/nodes/n1/proxy") => Some(ok("{}")),
            None => None,
        }
    });
    let (summary, bundle) = host.collect();
    assert_eq!(summary.gaps, 0, "{:?}", bundle.manifest()["steps"]);
    for (file, words) in [("kubelet.log", "Started kubelet"), ("syslog", "link down")] {
        let log = String::from_utf8_lossy(&bundle.files[&format!("nodes/n1/kubelet/logs/{file}")]);
        assert!(log.contains(words), "{file}: {log}");
    }
    assert!(!bundle.files.contains_key("nodes/n1/kubelet/logs/messages"));
    let notes = bundle.step("kubernetes/nodes/n1")["notes"].to_string();
    assert!(notes.contains("its /var/log has kubelet.log, syslog"), "{notes}");
}
