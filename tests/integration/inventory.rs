//! What `casefile inspect --files` says of every file of every sample.

use assert_cmd::Command;
use serde_json::Value;

use super::support::checkout;

#[test]
fn nothing_in_any_sample_is_unexplained() {
    let folders = ["bundles", "tests/layouts", "tests/scenarios"];
    let mut command = Command::cargo_bin("casefile").unwrap();
    command.args(["inspect", "--files", "--format", "json"]);
    let output = command.args(folders.map(checkout)).output().unwrap();
    let overviews: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let mut files = 0;
    let mut unexplained = Vec::new();
    for overview in &overviews {
        for file in overview["files"].as_array().unwrap() {
            files += 1;
            let detail = file["detail"].as_str().unwrap();
            // An empty file needs no words; everything else says what was read, whose log it is, or why nothing of it is used.
            let is_empty = file["treatment"] == "empty";
            if detail.contains("no known form") || detail.is_empty() && !is_empty {
                unexplained.push(format!("{} {}", overview["bundle"], file["path"]));
            }
        }
    }
    assert!(
        overviews.len() > 25 && files > 1_000,
        "{} bundles, {files} files",
        overviews.len()
    );
    assert_eq!(unexplained, Vec::<String>::new());
}
