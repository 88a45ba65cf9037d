//! Every limit of the budget against a small input that is over it: the rest of the bundle is read, and the coverage names the limit
//! and the option that raises it.

use casefile::bundle::Budget;
use casefile::cluster::Snapshot;
use casefile::model::ProblemKind;
use tar::{Builder, EntryType};

use super::archives::{Bench, LOG, bz2, gz, header, see_within, tar_of, try_see, zip_of, zst};
use super::support::{checkout, directory, snapshot_within};

#[test]
fn the_fourth_level_of_nesting_is_over_budget() {
    let bench = Bench::new();
    let mut bytes = tar_of(&[("deep.log", b"deep\n")]);
    for level in 0..=4 {
        let input = bench.put("a.tar", &bytes);
        let seen = see_within(&input, Budget::default());
        let path = ["n.tar.gz"; 5][..level]
            .iter()
            .fold(String::new(), |path, part| path + part + "/");
        if level <= 3 {
            assert_eq!(seen.text(&format!("{path}deep.log")), "deep\n");
            assert_eq!(seen.walked.problems, []);
        } else {
            assert_eq!(seen.walked.entries, 0);
            seen.assert_problem(
                ProblemKind::OverBudget,
                Some(path.trim_end_matches('/')),
                "3 levels of nested archives (--max-nesting",
            );
        }
        bytes = tar_of(&[("n.tar.gz", &gz(&bytes))]);
    }
}

#[test]
fn a_bomb_is_cut_by_its_ratio_and_the_rest_of_the_bundle_is_read() {
    let bench = Bench::new();
    let zeros = vec![0; 32 << 20];
    for (name, bomb) in [("bomb.zst", zst(&zeros)), ("bomb.bz2", bz2(&zeros))] {
        let bytes = tar_of(&[(name, &bomb), LOG]);
        let mut budget = Budget::default();
        let seen = try_see(&bench.put("a.tar", &bytes), &mut budget).unwrap();
        seen.assert_problem(
            ProblemKind::OverBudget,
            Some("bomb"),
            "1000 bytes for each compressed byte (--max-ratio",
        );
        assert_eq!(seen.files[LOG.0], LOG.1);
        assert!(budget.spent_bytes < 20 << 20, "{}", budget.spent_bytes);
    }
}

#[test]
fn too_many_entries_end_the_walk_with_one_problem() {
    let bench = Bench::new();
    let files: Vec<String> = (0..50).map(|n| format!("f{n}")).collect();
    let files: Vec<(&str, &[u8])> = files.iter().map(|name| (name.as_str(), &b"x"[..])).collect();
    for bytes in [tar_of(&files), zip_of(&files)] {
        let budget = Budget {
            max_entries: 20,
            ..Budget::default()
        };
        let seen = see_within(&bench.put("a", &bytes), budget);
        assert_eq!(seen.walked.entries, 20);
        assert_eq!(seen.walked.problems.len(), 1, "{:?}", seen.walked.problems);
        seen.assert_problem(ProblemKind::OverBudget, None, "20 entries per bundle (--max-entries");
    }
}

#[test]
fn a_file_over_its_limit_is_cut_and_the_next_one_is_whole() {
    let bench = Bench::new();
    let big = [b'a'; 3000];
    for bytes in [tar_of(&[("big", &big), LOG]), zip_of(&[("big", &big), LOG])] {
        let budget = Budget {
            max_entry_bytes: 1000,
            ..Budget::default()
        };
        let seen = see_within(&bench.put("a", &bytes), budget);
        assert_eq!(seen.files["big"].len(), 1000);
        seen.assert_problem(ProblemKind::OverBudget, Some("big"), "1000B per file (--max-entry-size");
        assert_eq!(seen.files[LOG.0], LOG.1);
    }
}

#[test]
fn the_bytes_of_nested_archives_add_up() {
    let bench = Bench::new();
    let inner = gz(&tar_of(&[("a", &[b'a'; 9000])]));
    let bytes = gz(&tar_of(&[
        ("one.tgz", &inner),
        ("two.tgz", &inner),
        ("three.tgz", &inner),
    ]));
    let budget = Budget {
        max_bytes: 20_000,
        ..Budget::default()
    };
    let seen = see_within(&bench.put("a", &bytes), budget);
    assert_eq!(seen.files["one.tgz/a"].len(), 9000);
    assert!(!seen.files.contains_key("three.tgz/a"));
    assert!(
        seen.walked
            .problems
            .iter()
            .all(|problem| problem.kind == ProblemKind::OverBudget)
    );
    assert!(
        seen.walked
            .problems
            .iter()
            .any(|problem| problem.detail.contains("20000B per bundle (--max-total-size"))
    );
}

#[test]
fn an_absurdly_long_path_is_not_read() {
    let bench = Bench::new();
    // A character that cannot stand in a path takes three bytes there.
    for long in [format!("{}/x", "d/".repeat(3000)), "\u{1}".repeat(3000)] {
        let mut builder = Builder::new(Vec::new());
        builder.append_pax_extensions([("path", long.as_bytes())]).unwrap();
        builder
            .append(&header(EntryType::Regular, "short", 1), &b"p"[..])
            .unwrap();
        builder
            .append(&header(EntryType::Regular, "next", 1), &b"n"[..])
            .unwrap();
        let seen = see_within(&bench.put("a.tar", &builder.into_inner().unwrap()), Budget::default());
        assert_eq!(seen.order, ["next"]);
        assert!(
            seen.walked
                .problems
                .iter()
                .any(|problem| problem.detail.contains("4KiB per path (--max-path"))
        );
    }
}

/// A file read as a bundle of its own under a budget, with a small file beside it that must be read whatever happens.
fn read_beside(name: &str, text: &str, budget: Budget) -> Snapshot {
    let beside = r#"{"kind": "Node", "apiVersion": "v1", "metadata": {"name": "n1"}}"#;
    let files = directory(&[(name, text.as_bytes()), ("zz-node.json", beside.as_bytes())]);
    let snapshot = snapshot_within(files.path(), budget);
    assert!(
        snapshot.object("Node", "", "n1").is_some(),
        "the file beside {name} was lost"
    );
    snapshot
}

#[track_caller]
fn assert_over(snapshot: &Snapshot, file: &str, words: &str) {
    let problems = &snapshot.coverage.problems;
    assert!(
        problems.iter().any(|problem| problem.kind == ProblemKind::OverBudget
            && problem.file.as_ref().is_some_and(|known| known.as_str() == file)
            && problem.detail.contains(words)),
        "{file} {words}: {problems:#?}"
    );
}

#[test]
fn a_file_too_large_to_decode_is_scanned_as_a_log() {
    let list = format!("{{\"kind\": \"PodList\", \"items\": [{}]}}", "  ".repeat(3000));
    let small = Budget {
        max_parsed_bytes: 5000,
        ..Budget::DEFAULT
    };
    let snapshot = read_beside("pods.json", &list, small);
    assert_over(
        &snapshot,
        "pods.json",
        "5000B for files that are decoded as a whole (--max-parsed-size",
    );
    assert!(!snapshot.coverage.has("pods"));
    let exactly = Budget {
        max_parsed_bytes: list.len() as u64,
        ..Budget::DEFAULT
    };
    let snapshot = read_beside("pods.json", &list, exactly);
    assert!(snapshot.coverage.has("pods") && snapshot.coverage.problems.is_empty());
}

#[test]
fn a_yaml_document_whose_aliases_stand_for_gigabytes_is_left_out() {
    let of = |name: &str| format!("[{}]", vec![name; 300].join(","));
    let bomb = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\na: &a {}\nb: &b {}\nc: &c {}\nd: {}\n",
        of("x"),
        of("*a"),
        of("*b"),
        of("*c")
    );
    let snapshot = read_beside("bomb.yaml", &bomb, Budget::DEFAULT);
    assert_over(
        &snapshot,
        "bomb.yaml",
        "100000 values that aliases add to a YAML document (--max-yaml-aliases",
    );
    assert!(snapshot.kind("ConfigMap").next().is_none());
}

#[test]
fn a_yaml_document_that_nests_too_deep_is_left_out() {
    let deep = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {}{}\n",
        "[".repeat(200),
        "]".repeat(200)
    );
    let snapshot = read_beside("deep.yaml", &deep, Budget::DEFAULT);
    assert_over(
        &snapshot,
        "deep.yaml",
        "100 levels of a YAML document (--max-yaml-depth",
    );
}

#[test]
fn a_json_document_that_nests_too_deep_is_left_out() {
    for levels in [110, 100_000] {
        let deep = format!(
            r#"{{"kind": "ConfigMap", "apiVersion": "v1", "metadata": {{"name": "a"}}, "data": {}{}}}"#,
            "[".repeat(levels),
            "]".repeat(levels)
        );
        let snapshot = read_beside("deep.json", &deep, Budget::DEFAULT);
        assert_over(
            &snapshot,
            "deep.json",
            "100 levels of a JSON document (--max-json-depth",
        );
        assert!(snapshot.kind("ConfigMap").next().is_none());
    }
    let raised = Budget {
        max_json_depth: 120,
        ..Budget::DEFAULT
    };
    let deep = format!(
        r#"{{"kind": "ConfigMap", "apiVersion": "v1", "metadata": {{"name": "a"}}, "data": {}{}}}"#,
        "[".repeat(110),
        "]".repeat(110)
    );
    assert!(
        read_beside("deep.json", &deep, raised)
            .kind("ConfigMap")
            .next()
            .is_some()
    );
}

#[test]
fn of_an_endless_line_the_start_is_searched() {
    // Longer than what is read at a time, so that it is never in memory as a whole.
    let endless = format!(
        "2026-11-21T10:20:00Z start\n{}\n2026-11-21T10:20:01Z end\n",
        "x".repeat(3 << 20)
    );
    let snapshot = read_beside("app.log", &endless, Budget::DEFAULT);
    assert_over(&snapshot, "app.log", "64KiB per line (--max-line");
    let log = snapshot.logs.iter().find(|log| log.path.as_str() == "app.log").unwrap();
    assert_eq!((log.lines, log.cut_line), (3, Some(2)));
    assert!(log.last_stamped.as_deref().unwrap().ends_with("end"));
}

#[test]
fn more_objects_than_are_kept_are_said_once() {
    let pods: Vec<String> = (0..50)
        .map(|n| format!(r#"{{"metadata": {{"name": "p{n}", "namespace": "shop"}}}}"#))
        .collect();
    let list = format!(
        r#"{{"kind": "PodList", "apiVersion": "v1", "items": [{}]}}"#,
        pods.join(",")
    );
    let files = directory(&[
        ("pods.json", list.as_bytes()),
        ("pods2.json", list.replace("shop", "bank").as_bytes()),
    ]);
    let snapshot = snapshot_within(
        files.path(),
        Budget {
            max_objects: 30,
            ..Budget::DEFAULT
        },
    );
    assert_eq!(snapshot.pods().count(), 30);
    assert_over(
        &snapshot,
        "pods.json",
        "30 objects and other facts per bundle (--max-objects",
    );
    assert_eq!(snapshot.coverage.problems.len(), 1);
}

#[test]
fn a_json_file_with_too_many_values_is_left_out() {
    let list = format!(
        r#"{{"kind": "ConfigMap", "apiVersion": "v1", "metadata": {{"name": "a"}}, "data": [{}1]}}"#,
        "1,".repeat(2000)
    );
    let few = Budget {
        max_values: 1000,
        ..Budget::DEFAULT
    };
    let snapshot = read_beside("many.json", &list, few);
    assert_over(
        &snapshot,
        "many.json",
        "1000 values in the JSON and YAML of one file (--max-values",
    );
    assert!(snapshot.kind("ConfigMap").next().is_none());
}

#[test]
fn of_a_long_table_only_the_rows_that_are_kept_are_made() {
    let rows: String = (0..500)
        .map(|n| format!("shop        web-{n}   1/1     Running   0          5d\n"))
        .collect();
    let table = format!("NAMESPACE   NAME    READY   STATUS    RESTARTS   AGE\n{rows}");
    let files = directory(&[("pods.txt", table.as_bytes())]);
    let snapshot = snapshot_within(
        files.path(),
        Budget {
            max_objects: 30,
            ..Budget::DEFAULT
        },
    );
    assert_eq!(snapshot.pods().count(), 30);
    assert_over(
        &snapshot,
        "pods.txt",
        "30 objects and other facts per bundle (--max-objects",
    );
    // The rows that were left out are no log either.
    assert!(snapshot.logs.is_empty());
}

#[test]
fn a_yaml_stream_is_left_where_it_is_broken_and_its_problems_are_counted() {
    let broken = "- apiVersion: v1\n  kind: Pod\n  metadata: {name: \"a\n".repeat(5000);
    let list = format!("apiVersion: v1\nkind: List\nitems:\n{broken}");
    let documents = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: \"a\n".repeat(5000);
    for text in [list, documents] {
        let snapshot = read_beside("broken.yaml", &text, Budget::DEFAULT);
        let of_file = snapshot
            .coverage
            .problems
            .iter()
            .filter(|problem| problem.file.is_some())
            .count();
        assert!((1..=101).contains(&of_file), "{of_file}");
    }
}

#[test]
fn the_readme_has_every_limit_with_its_default() {
    let readme = std::fs::read_to_string(checkout("README.md")).unwrap();
    let rows: Vec<&str> = readme.lines().filter(|line| line.starts_with("| `--max-")).collect();
    let limits = Budget::DEFAULT.limits();
    assert_eq!(rows.len(), limits.len());
    for (row, limit) in rows.iter().zip(limits) {
        let wanted = format!("| `--{}` | {} |", limit.option(), limit.value());
        assert!(row.starts_with(&wanted), "{row} should start with {wanted}");
    }
}
