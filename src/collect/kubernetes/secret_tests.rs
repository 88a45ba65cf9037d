//! What long values of Secrets give away, against a stub of an API server.

use std::io::Write;
use std::time::Duration;

use serde_json::{Value, json};

use super::stub::{api, encode, list};
use crate::collect::testing::ok;

/// Collects a cluster whose only Secret holds `data`, and of which every log says `line`.
fn logged(kind: &'static str, data: Value, line: String) -> crate::collect::testing::Bundle {
    let mut host = api(move |target| {
        let path = target.split('?').next().unwrap();
        match path {
            "/api/v1/secrets" => Some(list(&[
                json!({"metadata": {"name": "long", "namespace": "shop"}, "type": kind, "data": data}),
            ])),
            _ if path.ends_with("/log") => Some(ok(format!("2026-11-21T10:00:00Z {line}\n"))),
            _ => None,
        }
    });
    host.plan.limits.step_timeout = Duration::from_secs(30);
    host.collect().1
}

#[test]
fn settings_of_a_long_file_in_a_secret_are_masked_wherever_they_stand() {
    let mut file: String = (0..900)
        .map(|n| format!("# a comment that makes the file long {n}\n"))
        .collect();
    file.push_str("broker.credentials=Fx9-correct-horse\n");
    assert!(file.len() > 8 * 1024);
    let bundle = logged(
        "Opaque",
        json!({"app.properties": encode(&file)}),
        "it said Fx9-correct-horse".into(),
    );
    assert_eq!(bundle.step("kubernetes/objects/secrets")["outcome"], "done");
    assert!(!bundle.contains("Fx9-correct-horse"));
}

#[test]
fn a_long_value_without_lines_is_masked_as_a_whole() {
    let blob: String = (0..3000).map(|n| format!("{:04x}Zq", n * 7919 % 65_536)).collect();
    let bundle = logged("Opaque", json!({"store": encode(&blob)}), format!("store {blob} read"));
    assert!(!bundle.contains(&blob[..40]) && !bundle.contains(&blob[blob.len() - 40..]));
}

#[test]
fn what_a_release_of_helm_was_told_to_set_is_masked_and_the_release_is_not_searched_for() {
    let release = json!({"name": "shop", "config": {"db": {"adminPassword": "Fx9correcthorse"}, "replicas": 3}});
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(release.to_string().as_bytes()).unwrap();
    let packed = {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(gzip.finish().unwrap())
    };
    let line = format!("login as Fx9correcthorse, {}", &packed[..40]);
    let bundle = logged("helm.sh/release.v1", json!({"release": encode(&packed)}), line);
    assert!(!bundle.contains("Fx9correcthorse"));
    assert!(bundle.contains(&packed[..40]));
}
