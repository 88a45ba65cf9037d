use super::*;
use crate::cluster::reading_for;
use crate::rules::{Outcome, Rules};

fn loaded(rule: &str) -> Rules {
    let header = format!("id: one\nlevel: warning\ntitle: {{en: x}}\n{rule}");
    Rules::of_header("team/one.yaml", &header).unwrap_or_else(|error| panic!("{error}"))
}

/// The names of what a rule finds in these documents; what it lacks where it cannot tell.
fn found(rule: &str, files: &[(&str, &str)]) -> Result<Vec<String>, Vec<String>> {
    let rules = loaded(rule);
    let snapshot = reading_for(rules.signatures(), files);
    let input = Input {
        snapshot: &snapshot,
        baseline: None,
    };
    match rules.get("one").unwrap().judge(&input) {
        Outcome::Judged(found) => Ok(found.into_iter().map(|finding| finding.subject.name).collect()),
        Outcome::Unknown(missing) => Err(missing),
        other => panic!("{other:?}"),
    }
}

const USES_KEYS: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, uid: '1'}
spec: {template: {spec: {containers: [{name: web, env: [{name: MODE, valueFrom: {configMapKeyRef: {name: settings, key: mode}}}]}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop, uid: '2'}
spec: {template: {spec: {containers: [{name: cart, env: [{name: MODE, valueFrom: {configMapKeyRef: {name: others, key: mode}}}]}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: plain, namespace: shop, uid: '3'}
spec: {template: {spec: {containers: [{name: plain, env: [{name: MODE, value: fast}]}]}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop, uid: '4'}
data: {mode: fast}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: others, namespace: shop, uid: '5'}
data: {level: high}
";

const ENV: &str = "/spec/template/spec/containers/0/env";
const KEY_REF: &str = "item/valueFrom/configMapKeyRef";

#[test]
fn the_object_that_a_field_names_is_looked_at() {
    let files = [("all.yaml", USES_KEYS)];
    let with = |which: &str, condition: &str| {
        format!(
            "objects:\n  kind: Deployment\n  each: {ENV}\n  {which}:\n    - {{kind: ConfigMap, named: {KEY_REF}/name, where: [{condition}]}}\n"
        )
    };
    let has_key = format!("{{path: /data, contains: {{field: {KEY_REF}/key}}}}");
    assert_eq!(found(&with("with", &has_key), &files), Ok(vec!["web".to_owned()]));
    // What names no ConfigMap lacks none.
    assert_eq!(found(&with("without", &has_key), &files), Ok(vec!["cart".to_owned()]));
    let missing =
        "objects:\n  kind: Deployment\n  without: [{kind: Secret, named: \"'tls-' ~ object.metadata.name\"}]\n";
    assert_eq!(found(missing, &files), Err(vec!["secrets".to_owned()]));
}

#[test]
fn objects_that_name_each_other_may_be_in_other_namespaces() {
    let files = [(
        "all.yaml",
        "apiVersion: example.org/v1
kind: Buyer
metadata: {name: north, namespace: a, uid: '1'}
spec: {seller: {name: main, namespace: b}}
---
apiVersion: example.org/v1
kind: Seller
metadata: {name: main, namespace: b, uid: '2'}
spec: {buyer: south}
",
    )];
    let rule = |condition: &str| {
        format!(
            "objects:\n  kind: Buyer\n  with:\n    - kind: Seller\n      named: /spec/seller/name\n      namespace: /spec/seller/namespace\n      where: [{condition}]\n"
        )
    };
    let differs = rule("{path: /spec/buyer, is_not: {field: /metadata/name}}");
    assert_eq!(found(&differs, &files), Ok(vec!["north".to_owned()]));
    let same = rule("{path: /spec/buyer, is: {field: /metadata/name}}");
    assert_eq!(found(&same, &files), Ok(Vec::new()));
}

const BUDGETS: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, uid: '1'}
spec: {replicas: 2, template: {metadata: {labels: {app: web}}}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: first, namespace: shop, uid: '2'}
spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: second, namespace: shop, uid: '3'}
spec: {minAvailable: 2, selector: {matchLabels: {app: web}}}
";

#[test]
fn an_expression_holds_with_any_of_the_objects_beside() {
    let files = [("all.yaml", BUDGETS)];
    let rule = |least: u8| {
        format!(
            "objects:\n  kind: Deployment\n  with: [{{kind: PodDisruptionBudget, same: selector}}]\n  when: other.spec.minAvailable >= {least}\n"
        )
    };
    // The second of them, and none.
    assert_eq!(found(&rule(2), &files), Ok(vec!["web".to_owned()]));
    assert_eq!(found(&rule(3), &files), Ok(Vec::new()));
    // All of them: there is none of which it does not hold.
    let without = |least: u8| {
        format!(
            "objects:\n  kind: Deployment\n  without: [{{kind: PodDisruptionBudget, same: selector, when: other.spec.minAvailable < {least}}}]\n"
        )
    };
    assert_eq!(found(&without(1), &files), Ok(vec!["web".to_owned()]));
    assert_eq!(found(&without(2), &files), Ok(Vec::new()));
}

#[test]
fn text_and_objects_together_are_about_one_pod() {
    let pod = |name: &str, host_network: bool| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop, uid: '{name}'}}\nspec: {{hostNetwork: {host_network}, containers: [{{name: app}}]}}\n---\n"
        )
    };
    let pods = [pod("a", true), pod("b", true), pod("c", false)].concat();
    let rule = "text:\n  - {id: gone, in: [container-log], pattern: 'ledger is gone'}\nobjects:\n  kind: Pod\n  where: [{path: /spec/hostNetwork, is: true}]\n";
    let says = |pod: &str, line: &'static str| (format!("pods/shop/{pod}/app.log"), line);
    let logs = [
        says("a", "2026-01-01T00:00:00Z ledger is gone\n"),
        says("b", "2026-01-01T00:00:00Z all is well\n"),
        says("c", "2026-01-01T00:00:00Z ledger is gone\n"),
    ];
    let mut files: Vec<(&str, &str)> = vec![("pods.yaml", &pods)];
    files.extend(logs.iter().map(|(path, text)| (path.as_str(), *text)));
    assert_eq!(found(rule, &files), Ok(vec!["a".to_owned()]));
    // Without the logs of a pod that meets the conditions nobody knows.
    files.remove(1);
    assert_eq!(found(rule, &files), Err(vec!["container-logs".to_owned()]));
}

#[test]
fn what_is_found_by_a_value_costs_what_is_taken_from_its_namespace() {
    let rules = loaded(
        "objects:\n  kind: Pod\n  with: [{kind: Pod, same: namespace, where: [{path: /spec/priority, is: {field: /spec/priority}}]}]\n",
    );
    let tested = |namespaces: usize| {
        let pods: String = (0..200)
            .map(|number| {
                let namespace = number % namespaces;
                format!(
                    "apiVersion: v1\nkind: Pod\nmetadata: {{name: p{number}, namespace: n{namespace}, uid: '{number}'}}\nspec: {{priority: 1}}\n---\n"
                )
            })
            .collect();
        let snapshot = reading_for(rules.signatures(), &[("pods.yaml", pods.as_str())]);
        let input = Input {
            snapshot: &snapshot,
            baseline: None,
        };
        let header = &rules.get("one").unwrap().header;
        let tested = judge_within(&input, header, header.objects.as_ref().unwrap(), &Effort::of(20_000));
        (tested.failed.is_some(), tested.found.len())
    };
    assert_eq!(tested(100), (false, 200), "two candidates each");
    assert!(tested(1).0, "200 candidates each");
}

#[test]
fn what_a_rule_costs_is_bounded_in_all() {
    let pods: String = (0..50)
        .map(|number| {
            format!(
                "apiVersion: v1\nkind: Pod\nmetadata: {{name: p{number}, namespace: shop, uid: '{number}'}}\nspec: {{priority: 1}}\n---\n"
            )
        })
        .collect();
    for costly in [
        "  when: object.metadata.name|upper|lower|upper|lower == 'p0' or true\n",
        "  where: [{path: /metadata/name, matches: 'p(?:[0-9]{0,30}x?){0,30}'}]\n",
        "  with: [{kind: Pod, same: namespace, where: [{path: /spec/priority, is: 2}]}]\n",
    ] {
        let rules = loaded(&format!("objects:\n  kind: Pod\n{costly}"));
        let snapshot = reading_for(rules.signatures(), &[("pods.yaml", pods.as_str())]);
        let input = Input {
            snapshot: &snapshot,
            baseline: None,
        };
        let header = &rules.get("one").unwrap().header;
        let test = header.objects.as_ref().unwrap();
        let tested = judge_within(&input, header, test, &Effort::of(500));
        let failed = tested.failed.unwrap();
        assert!(failed.en.contains("used up"), "{costly}: {failed:?}");
        assert!(tested.found.len() < 50, "{costly}");
        assert_eq!(judge_objects(&input, header, test).failed, None, "{costly}");
    }
}
