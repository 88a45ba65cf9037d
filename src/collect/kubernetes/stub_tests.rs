//! Whole collections against a stub of an API server.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::stub::{PASSWORD, api, encode, list, named, page, pod};
use crate::collect::Kubeconfigs;
use crate::collect::testing::{Answer, CREDENTIAL, Host, ok, status, unfinished};

#[test]
fn a_cluster_is_laid_out_as_troubleshoot_does_and_no_value_of_a_secret_is_in_it() {
    let mut host = api(|_| None);
    // Nothing hangs here; a busy machine must not make it look so.
    host.plan.limits.step_timeout = Duration::from_secs(30);
    let (summary, bundle) = host.collect();
    assert_eq!(bundle.step("kubernetes/connect")["outcome"], "done");
    assert_eq!(
        bundle.cluster("cluster-resources/pods/shop.json")["items"][0]["kind"],
        "Pod"
    );
    assert_eq!(
        bundle.cluster("cluster-resources/namespaces.json")["kind"],
        "NamespaceList"
    );
    assert_eq!(
        bundle.cluster("cluster-resources/custom-resources/farms.example.com/shop.json")[0]["kind"],
        "Farm"
    );
    assert_eq!(bundle.cluster("cluster-info/cluster_version.json")["string"], "v1.35.4");
    let secret = &bundle.cluster("cluster-resources/secrets/shop.json")["items"][0];
    assert_eq!(
        (&secret["type"], &secret["data"]["password"]),
        (&json!("Opaque"), &json!("<withheld>"))
    );
    let log =
        String::from_utf8(bundle.files["cluster-resources/pods/logs/shop/sick/app-previous.log"].clone()).unwrap();
    assert!(log.starts_with("2026-11-21T10:00:00Z connecting with ‹"), "{log}");
    for planted in [PASSWORD, &encode(PASSWORD), CREDENTIAL] {
        assert!(!bundle.contains(planted), "{planted}");
    }
    // The stub has no kubelet behind it; nothing else is missing.
    assert_eq!(summary.gaps, 1);
    assert_eq!(bundle.step("kubernetes/nodes/n1")["outcome"], "failed");
}

#[test]
fn a_list_comes_in_pages_and_begins_anew_when_it_expires() {
    let expired = AtomicUsize::new(0);
    let (_, bundle) = api(move |target| {
        let (path, query) = target.split_once('?')?;
        (path == "/api/v1/pods").then(|| match query {
            _ if !query.contains("continue=") => page(&[pod("a", "one", 0), pod("b", "two", 0)], "to/2"),
            _ if expired.fetch_add(1, Ordering::SeqCst) == 0 => status(410, r#"{"kind":"Status","message":"too old"}"#),
            _ if query.contains("continue=to%2F2") => list(&[pod("b", "three", 0)]),
            _ => status(400, "an unknown token"),
        })
    })
    .collect();
    assert_eq!(bundle.step("kubernetes/objects/pods")["outcome"], "done");
    let names = |file: &str| -> Vec<String> {
        let list = bundle.cluster(file);
        list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|pod| pod["metadata"]["name"].as_str().unwrap().into())
            .collect()
    };
    assert_eq!(names("cluster-resources/pods/a.json"), ["one"]);
    assert_eq!(names("cluster-resources/pods/b.json"), ["two", "three"]);
}

#[test]
fn a_list_that_keeps_expiring_goes_on_where_the_server_offers_it() {
    let (_, bundle) = api(|target| {
        let (path, query) = target.split_once('?')?;
        (path == "/api/v1/pods").then(|| match query {
            _ if query.contains("continue=resumed") => list(&[pod("b", "three", 0)]),
            _ if query.contains("continue=") => status(410, r#"{"kind":"Status","metadata":{"continue":"resumed"}}"#),
            _ => page(&[pod("b", "two", 0)], "next"),
        })
    })
    .collect();
    let step = bundle.step("kubernetes/objects/pods");
    assert_eq!(step["outcome"], "done");
    assert!(step["notes"].to_string().contains("later moment"), "{step}");
    assert_eq!(
        bundle.cluster("cluster-resources/pods/b.json")["items"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn a_busy_server_is_asked_again_after_the_time_that_it_names() {
    let asked = AtomicUsize::new(0);
    let mut host = api(move |target| {
        let first = target.starts_with("/api/v1/pods?") && asked.fetch_add(1, Ordering::SeqCst) == 0;
        first.then(|| {
            let head = "HTTP/1.1 429 Too Many\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n";
            Answer::Close(head.into())
        })
    });
    host.plan.limits.step_timeout = Duration::from_secs(5);
    let begun = Instant::now();
    let (_, bundle) = host.collect();
    assert_eq!(bundle.step("kubernetes/objects/pods")["outcome"], "done");
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[test]
fn a_page_that_is_cut_or_is_no_list_is_asked_for_again() {
    let asked = AtomicUsize::new(0);
    let mut host = api(move |target| {
        (target.starts_with("/api/v1/pods?")).then(|| match asked.fetch_add(1, Ordering::SeqCst) {
            0 => Answer::Close(unfinished(&[br#"{"items":[{"metadata":"#])),
            1 => ok(r#"{"items":[{"metadata":"#),
            2 => ok("<html>a proxy's page</html>"),
            _ => list(&[pod("a", "one", 0)]),
        })
    });
    host.plan.limits.step_timeout = Duration::from_secs(5);
    let (_, bundle) = host.collect();
    assert_eq!(bundle.step("kubernetes/objects/pods")["outcome"], "done");
    assert_eq!(
        bundle.cluster("cluster-resources/pods/a.json")["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_list_that_hangs_times_out_and_the_others_are_there() {
    let (summary, bundle) = api(|target| {
        let hangs = target.starts_with("/apis/example.com/v1/farms");
        hangs.then(|| Answer::Hang(Vec::new()))
    })
    .collect();
    assert!(summary.gaps >= 1);
    assert_eq!(
        bundle.step("kubernetes/objects/farms.example.com")["outcome"],
        "timed-out"
    );
    assert_eq!(bundle.step("kubernetes/objects/pods")["outcome"], "done");
}

#[test]
fn a_second_page_that_never_comes_leaves_the_first() {
    let (_, bundle) = api(|target| {
        let (path, query) = target.split_once('?')?;
        (path == "/api/v1/pods").then(|| match query {
            _ if query.contains("continue=") => status(500, r#"{"message":"etcdserver: leader changed"}"#),
            _ => page(&[pod("a", "one", 0)], "next"),
        })
    })
    .collect();
    let step = bundle.step("kubernetes/objects/pods");
    assert_eq!(step["outcome"], "failed");
    assert!(step["reason"].as_str().unwrap().contains("leader changed"), "{step}");
    assert_eq!(
        bundle.cluster("cluster-resources/pods/a.json")["items"][0]["metadata"]["name"],
        "one"
    );
}

#[test]
fn where_the_whole_list_is_forbidden_each_namespace_is_tried_and_that_is_no_failure() {
    let (_, bundle) = api(|target| {
        let path = target.split('?').next().unwrap();
        let forbidden = || {
            Some(status(
                403,
                r#"{"kind":"Status","message":"pods is forbidden: User \"u\" cannot list"}"#,
            ))
        };
        match path {
            "/api/v1/pods" | "/api/v1/namespaces/default/pods" | "/api/v1/secrets" => forbidden(),
            "/api/v1/namespaces/default/secrets" | "/api/v1/namespaces/shop/secrets" => forbidden(),
            "/api/v1/namespaces/shop/pods" => Some(list(&[pod("shop", "mine", 0)])),
            _ => None,
        }
    })
    .collect();
    let step = bundle.step("kubernetes/objects/pods");
    assert_eq!(step["outcome"], "forbidden");
    assert!(
        step["reason"]
            .as_str()
            .unwrap()
            .contains("1 namespaces may not be read"),
        "{step}"
    );
    assert_eq!(
        bundle.cluster("cluster-resources/pods/shop.json")["items"][0]["metadata"]["name"],
        "mine"
    );
    assert_eq!(bundle.step("kubernetes/objects/secrets")["outcome"], "forbidden");
}

#[test]
fn the_one_namespace_that_may_be_read_is_found_among_many_and_asked_first_afterwards() {
    let (_, bundle) = api(|target| {
        let path = target.split('?').next().unwrap();
        match path {
            "/api/v1/namespaces" => {
                let names: Vec<Value> = (0..30)
                    .map(|n| named(&format!("a{n:02}")))
                    .chain([named("shop")])
                    .collect();
                Some(list(&names))
            }
            "/api/v1/namespaces/shop/pods" => Some(list(&[pod("shop", "mine", 0)])),
            "/apis/example.com/v1/namespaces/shop/farms" => {
                Some(list(&[json!({"metadata": {"name": "f", "namespace": "shop"}})]))
            }
            "/api/v1/pods" | "/apis/example.com/v1/farms" | "/api/v1/secrets" => Some(status(403, "no")),
            _ => path
                .starts_with("/api")
                .then(|| path.contains("/namespaces/").then(|| status(403, "no")))
                .flatten(),
        }
    })
    .collect();
    assert!(bundle.files.contains_key("cluster-resources/pods/shop.json"));
    assert!(
        bundle
            .files
            .contains_key("cluster-resources/custom-resources/farms.example.com/shop.json")
    );
    let notes = bundle.step("kubernetes/objects/farms.example.com")["notes"].to_string();
    assert!(notes.contains("22 further namespaces were not tried"), "{notes}");
}

#[test]
fn only_the_named_namespaces_are_asked_for() {
    let mut host = api(|target| {
        let path = target.split('?').next().unwrap();
        match path {
            "/api/v1/pods" => Some(status(500, "nobody asks for this")),
            "/api/v1/namespaces/shop/pods" => Some(list(&[pod("shop", "mine", 0)])),
            _ => None,
        }
    });
    host.plan.cluster.namespaces = vec!["shop".into()];
    let (_, bundle) = host.collect();
    assert_eq!(bundle.step("kubernetes/objects/pods")["outcome"], "done");
    assert!(bundle.files.contains_key("cluster-resources/pods/shop.json"));
}

#[test]
fn a_log_without_an_end_is_bounded_and_a_pod_that_is_gone_is_counted() {
    let mut host = api(|target| match target {
        _ if target.starts_with("/api/v1/namespaces/shop/pods/sick/log") && !target.contains("previous") => {
            let line = b"2026-11-21T10:00:00Z again\n".repeat(100);
            let mut chunk = format!("{:x}\r\n", line.len()).into_bytes();
            chunk.extend(line);
            chunk.extend(b"\r\n");
            Some(Answer::Endless(unfinished(&[]), chunk))
        }
        _ if target.contains("previous=true") => Some(status(404, r#"{"message":"pods \"sick\" not found"}"#)),
        _ => None,
    });
    host.plan.limits.max_file_bytes = 100_000;
    let (_, bundle) = host.collect();
    let log = &bundle.files["cluster-resources/pods/logs/shop/sick/app.log"];
    assert!(log.len() <= 100_000 && log.len() > 90_000, "{}", log.len());
    let step = bundle.step("kubernetes/logs/unhealthy");
    assert_eq!(step["cut"][0]["which"], "tail");
    let notes = step["notes"].to_string();
    assert!(
        notes.contains("did not end in its time") && notes.contains("1 of pods that were removed"),
        "{notes}"
    );
    assert!(
        bundle
            .files
            .contains_key("cluster-resources/pods/logs/default/quiet/app.log")
    );
}

#[test]
fn a_server_that_stops_answering_does_not_cost_its_time_for_every_kind() {
    let begun = Instant::now();
    let kinds: Vec<(String, Value)> = (0..200).map(|n| (format!("k{n}"), json!({}))).collect();
    let mut host = api(move |target| match target {
        "/apis/example.com/v1" => {
            let all: Vec<Value> = kinds
                .iter()
                .map(|(name, _)| json!({"name": name, "kind": "K", "namespaced": false, "verbs": ["list"]}))
                .collect();
            Some(ok(json!({"resources": all}).to_string()))
        }
        "/version" | "/api/v1" | "/apis" => None,
        _ => Some(Answer::Hang(Vec::new())),
    });
    host.plan.limits.step_timeout = Duration::from_millis(300);
    let (_, bundle) = host.collect();
    assert_eq!(bundle.step("kubernetes/objects/k99.example.com")["outcome"], "failed");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn a_bundle_that_is_full_ends_its_list_properly_and_says_so() {
    let mut host = api(|target| {
        let many: Vec<Value> = (0..400).map(|n| pod("shop", &format!("pod-{n}"), 0)).collect();
        target.starts_with("/api/v1/pods?").then(|| list(&many))
    });
    host.plan.limits.max_bundle_bytes = 20_000;
    let (_, bundle) = host.collect();
    let pods = bundle.cluster("cluster-resources/pods/shop.json");
    assert!(pods["items"].as_array().unwrap().len() > 10);
    let step = bundle.step("kubernetes/objects/pods");
    assert_eq!(step["cut"][0]["file"], "cluster-resources/pods/shop.json");
}

#[test]
fn a_server_that_is_not_there_is_a_failed_step_and_the_host_is_collected() {
    let mut host = Host::with_files(&[("/etc/hosts", "127.0.0.1 localhost\n")]);
    host.kubeconfig("http://127.0.0.1:1");
    let (summary, bundle) = host.collect();
    assert_eq!(summary.gaps, 1);
    let step = bundle.step("kubernetes/connect");
    assert!(step["reason"].as_str().unwrap().contains("onnection refused"), "{step}");
    assert_eq!(bundle.step("kubernetes/objects/secrets")["outcome"], "skipped");
    assert_eq!(bundle.text("etc/hosts"), "127.0.0.1 localhost\n");
}

#[test]
fn credentials_that_are_refused_say_so() {
    let (_, bundle) = api(|_| Some(status(401, r#"{"kind":"Status","message":"Unauthorized"}"#))).collect();
    let step = bundle.step("kubernetes/connect");
    assert_eq!(step["outcome"], "failed");
    assert!(
        step["reason"]
            .as_str()
            .unwrap()
            .contains("does not accept these credentials"),
        "{step}"
    );
}

#[test]
fn a_host_without_a_kubeconfig_is_complete_without_a_cluster() {
    let mut host = Host::with_files(&[]);
    host.plan.cluster.kubeconfigs = Kubeconfigs::Search {
        own: None,
        working_directory: None,
        in_cluster: false,
    };
    let (summary, bundle) = host.collect();
    assert_eq!(summary.gaps, 0);
    let step = bundle.step("kubernetes/connect");
    assert_eq!(step["outcome"], "skipped");
    assert!(step["reason"].as_str().unwrap().contains("--kubeconfig"), "{step}");
}

#[test]
fn a_leftover_kubeconfig_does_not_hide_the_one_that_works() {
    let mut host = api(|_| None);
    let Kubeconfigs::Named(files) = host.plan.cluster.kubeconfigs.clone() else {
        panic!()
    };
    let working = host.plan.root.join("etc/kubernetes/admin.conf");
    std::fs::create_dir_all(working.parent().unwrap()).unwrap();
    std::fs::copy(&files[0], &working).unwrap();
    // Read before the installed ones: a pod's service account, which there is none of here.
    host.plan.cluster.kubeconfigs = Kubeconfigs::Search {
        own: None,
        working_directory: None,
        in_cluster: true,
    };
    let (_, bundle) = host.collect();
    let step = bundle.step("kubernetes/connect");
    assert_eq!(step["outcome"], "done");
    assert!(
        step["notes"]
            .to_string()
            .contains("service account of this pod did not lead to a server"),
        "{step}"
    );
    assert!(bundle.files.contains_key("cluster-resources/pods/shop.json"));
}
