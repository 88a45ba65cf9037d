//! Servers and kubelets that are silent, and limits, against a stub of an API server.

use std::net::TcpListener;
use std::time::Duration;

use serde_json::{Value, json};

use super::stub::{api, list, pod};
use crate::collect::Kubeconfigs;
use crate::collect::testing::Answer;

/// A pod of a node of its own that restarts.
fn sick(number: usize) -> Value {
    let mut pod = pod("shop", &format!("sick-{number}"), 3);
    pod["spec"]["nodeName"] = json!(format!("n{number}"));
    pod
}

#[test]
fn every_kubeconfig_has_its_own_time_and_each_failure_is_noted() {
    // They take connections and say nothing.
    let silent: Vec<TcpListener> = (0..7).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let mut host = api(|_| None);
    let Kubeconfigs::Named(files) = host.plan.cluster.kubeconfigs.clone() else {
        panic!()
    };
    let working = std::fs::read_to_string(&files[0]).unwrap();
    let (before, rest) = working.split_once("server: \"").unwrap();
    let (_, after) = rest.split_once('"').unwrap();
    let places = [
        "etc/kubernetes/admin.conf",
        "etc/kubernetes/super-admin.conf",
        "etc/rancher/rke2/rke2.yaml",
        "etc/rancher/k3s/k3s.yaml",
        "root/.kube/config",
        "etc/kubernetes/kubelet.conf",
        "var/lib/rancher/rke2/agent/kubelet.kubeconfig",
    ];
    let put = |place: &str, text: &str| {
        let path = host.plan.root.join(place);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    for (place, listener) in places.iter().zip(&silent) {
        let server = format!("http://{}", listener.local_addr().unwrap());
        put(place, &format!("{before}server: \"{server}\"{after}"));
    }
    // The same silent server once more, which is not waited for again.
    let server = format!("http://{}", silent[0].local_addr().unwrap());
    put(
        "var/lib/rancher/k3s/agent/kubelet.kubeconfig",
        &format!("{before}server: \"{server}\"{after}"),
    );
    put("etc/kubernetes/ssl/kubecfg-kube-node.yaml", &working);
    host.plan.cluster.kubeconfigs = Kubeconfigs::Search {
        own: None,
        working_directory: None,
        in_cluster: false,
    };
    let (_, bundle) = host.collect();
    let step = bundle.step("kubernetes/connect");
    assert_eq!(step["outcome"], "done", "{step}");
    let notes = step["notes"].to_string();
    for place in places {
        assert!(notes.contains(place), "{place}: {notes}");
    }
    assert_eq!(notes.matches("did not lead to a server").count(), 8, "{notes}");
    assert_eq!(notes.matches("not asked again").count(), 1, "{notes}");
}

#[test]
fn silent_kubelets_do_not_make_the_server_pass_for_dead() {
    let mut host = api(|target| {
        let path = target.split('?').next().unwrap();
        match path {
            "/api/v1/pods" => {
                let all: Vec<Value> = (0..20).map(sick).chain([pod("default", "quiet", 0)]).collect();
                Some(list(&all))
            }
            _ if path.contains("/pods/sick-") => Some(Answer::Hang(Vec::new())),
            _ => None,
        }
    });
    host.plan.limits.step_timeout = Duration::from_millis(600);
    let (_, bundle) = host.collect();
    assert!(
        bundle
            .files
            .contains_key("cluster-resources/pods/logs/default/quiet/app.log"),
        "{}",
        bundle.step("kubernetes/logs/other")
    );
}

#[test]
fn logs_for_which_no_time_is_left_are_not_asked_for_and_do_not_count_as_failed() {
    let mut host = api(|target| {
        let path = target.split('?').next().unwrap();
        match path {
            "/api/v1/pods" => Some(list(&(0..200).map(sick).collect::<Vec<_>>())),
            _ if path.contains("/pods/sick-") => Some(Answer::Hang(Vec::new())),
            _ => None,
        }
    });
    host.plan.limits.step_timeout = Duration::from_millis(300);
    let (_, bundle) = host.collect();
    let step = bundle.step("kubernetes/logs/unhealthy");
    assert_eq!(step["outcome"], "timed-out", "{step}");
    assert!(step["notes"].to_string().contains("not reached in time"), "{step}");
}

#[test]
fn files_of_objects_keep_to_the_limit_of_a_file_and_no_object_is_lost() {
    let mut host = api(|target| {
        let many: Vec<Value> = (0..400).map(|n| pod("shop", &format!("pod-{n}"), 0)).collect();
        target.starts_with("/api/v1/pods?").then(|| list(&many))
    });
    host.plan.limits.max_file_bytes = 20_000;
    let (_, bundle) = host.collect();
    let mut objects = 0;
    for (path, bytes) in &bundle.files {
        if path.starts_with("cluster-resources/pods/shop") && path.ends_with(".json") {
            assert!(bytes.len() <= 20_000, "{path}: {}", bytes.len());
            let document: Value = serde_json::from_slice(bytes).unwrap();
            objects += document["items"].as_array().unwrap().len();
        }
    }
    assert_eq!(objects, 400);
}
