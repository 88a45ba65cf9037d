//! Descriptions of workloads: deployments, replica sets, stateful sets, daemon sets, jobs, cron jobs, autoscalers, disruption budgets.
//!
//! Source: the describers of these kinds in `k8s.io/kubectl/pkg/describe/describe.go`.

use serde_json::{Value, json};

use super::super::build::ObjectBuilder;
use super::super::values::{int_or_string, integer, label_selector, present, timestamp};
use super::outline::{Item, Outline};
use super::{containers, decode, node, volumes};

/// A deployment. Its replica sets stand in `casefileReplicaSets` as names.
pub(crate) fn deployment(outline: &Outline<'_>, to: &mut ObjectBuilder<'_, '_>) {
    common(outline, to);
    for item in outline.roots() {
        let line = item.line;
        match item.key {
            // `2 desired | 2 updated | 2 total | 2 available | 0 unavailable`
            "Replicas" => {
                for part in item.value.split('|') {
                    let (number, word) = part.trim().split_once(' ').unwrap_or((part.trim(), ""));
                    let pointer = match word {
                        "desired" => "/spec/replicas",
                        "updated" => "/status/updatedReplicas",
                        "total" => "/status/replicas",
                        "available" => "/status/availableReplicas",
                        "unavailable" => "/status/unavailableReplicas",
                        _ => continue,
                    };
                    to.set_some(pointer, integer(number), line);
                }
            }
            "StrategyType" => to.set_some("/spec/strategy/type", present(item.value), line),
            "MinReadySeconds" => to.set_some("/spec/minReadySeconds", integer(item.value), line),
            // `25% max unavailable, 25% max surge`
            "RollingUpdateStrategy" => {
                for part in item.value.split(", ") {
                    if let Some((amount, word)) = part.split_once(" max ") {
                        let field = if word == "surge" { "maxSurge" } else { "maxUnavailable" };
                        to.set(
                            &format!("/spec/strategy/rollingUpdate/{field}"),
                            int_or_string(amount),
                            line,
                        );
                    }
                }
            }
            "OldReplicaSets" | "NewReplicaSet" => {
                // `web-1 (1/1 replicas created), web-2 (…)`
                for set in item.value.split("), ") {
                    let name = set.split(" (").next().unwrap_or(set);
                    if let Some(name) = present(name) {
                        to.push(
                            "/casefileReplicaSets",
                            json!({"name": name, "new": item.key == "NewReplicaSet"}),
                            line,
                        );
                    }
                }
            }
            _ => {}
        }
    }
}

/// A replica set or replication controller: `2 current / 2 desired`.
pub(crate) fn replica_set(outline: &Outline<'_>, to: &mut ObjectBuilder<'_, '_>) {
    common(outline, to);
    if let Some(item) = outline.root("Replicas") {
        for part in item.value.split('/') {
            let (number, word) = part.trim().split_once(' ').unwrap_or((part.trim(), ""));
            let pointer = if word == "desired" {
                "/spec/replicas"
            } else {
                "/status/replicas"
            };
            to.set_some(pointer, integer(number), item.line);
        }
    }
}

/// A stateful set: `2 desired | 1 total`.
pub(crate) fn stateful_set(outline: &Outline<'_>, to: &mut ObjectBuilder<'_, '_>) {
    common(outline, to);
    for item in outline.roots() {
        match item.key {
            "Replicas" => {
                for part in item.value.split('|') {
                    let (number, word) = part.trim().split_once(' ').unwrap_or((part.trim(), ""));
                    let pointer = if word == "desired" {
                        "/spec/replicas"
                    } else {
                        "/status/replicas"
                    };
                    to.set_some(pointer, integer(number), item.line);
                }
            }
            "Update Strategy" => to.set_some("/spec/updateStrategy/type", present(item.value), item.line),
            "Volume Claims" => {
                for claim in outline.children(item).filter(|claim| claim.key == "Name") {
                    to.push(
                        "/spec/volumeClaimTemplates",
                        json!({"metadata": {"name": claim.value}}),
                        claim.line,
                    );
                }
                let last = to.count("/spec/volumeClaimTemplates").saturating_sub(1);
                for field in outline
                    .children(item)
                    .filter(|field| field.key == "StorageClass" && present(field.value).is_some())
                {
                    to.set(
                        &format!("/spec/volumeClaimTemplates/{last}/spec/storageClassName"),
                        field.value,
                        field.line,
                    );
                }
            }
            _ => {}
        }
    }
}

/// A daemon set.
pub(crate) fn daemon_set(outline: &Outline<'_>, to: &mut ObjectBuilder<'_, '_>) {
    common(outline, to);
    for item in outline.roots() {
        let field = match item.key {
            "Desired Number of Nodes Scheduled" => "desiredNumberScheduled",
            "Current Number of Nodes Scheduled" => "currentNumberScheduled",
            "Number of Nodes Scheduled with Up-to-date Pods" => "updatedNumberScheduled",
            "Number of Nodes Scheduled with Available Pods" => "numberAvailable",
            "Number of Nodes Misscheduled" => "numberMisscheduled",
            "Node-Selector" => {
                decode::map(outline, item, "/spec/template/spec/nodeSelector", to);
                continue;
            }
            _ => continue,
        };
        to.set_some(&format!("/status/{field}"), integer(item.value), item.line);
    }
}

/// A job: `Pods Statuses:  0 Active (0 Ready) / 0 Succeeded / 3 Failed`.
pub(crate) fn job(outline: &Outline<'_>, to: &mut ObjectBuilder<'_, '_>) {
    common(outline, to);
    for item in outline.roots() {
        let line = item.line;
        match item.key {
            "Parallelism" => to.set_some("/spec/parallelism", integer(item.value), line),
            "Completions" => to.set_some("/spec/completions", integer(item.value), line),
            "Backoff Limit" => to.set_some("/spec/backoffLimit", integer(item.value), line),
            "Active Deadline Seconds" => to.set_some(
                "/spec/activeDeadlineSeconds",
                integer(item.value.trim_end_matches('s')),
                line,
            ),
            "Suspend" => to.set("/spec/suspend", item.value == "true", line),
            "Start Time" => to.set_some("/status/startTime", present(item.value).map(timestamp), line),
            "Completed At" => to.set_some("/status/completionTime", present(item.value).map(timestamp), line),
            "Pods Statuses" => {
                for part in item.value.split(" / ") {
                    let mut words = part.split_whitespace();
                    if let (Some(number), Some(word @ ("Active" | "Running" | "Succeeded" | "Failed"))) =
                        (words.next().and_then(integer), words.next())
                    {
                        let field = if word == "Running" {
                            "active".to_owned()
                        } else {
                            word.to_ascii_lowercase()
                        };
                        to.set(&format!("/status/{field}"), number, line);
                    }
                }
            }
            _ => {}
        }
    }
}

/// A cron job.
pub(crate) fn cron_job(outline: &Outline<'_>, to: &mut ObjectBuilder<'_, '_>) {
    for item in outline.roots() {
        let line = item.line;
        match item.key {
            "Schedule" => to.set_some("/spec/schedule", present(item.value), line),
            "Concurrency Policy" => to.set_some("/spec/concurrencyPolicy", present(item.value), line),
            "Suspend" => to.set("/spec/suspend", item.value.eq_ignore_ascii_case("true"), line),
            "Starting Deadline Seconds" => to.set_some(
                "/spec/startingDeadlineSeconds",
                integer(item.value.trim_end_matches('s')),
                line,
            ),
            "Active Jobs" => {
                let jobs = present(item.value).unwrap_or("").split(',').map(str::trim);
                let active: Vec<Value> = jobs
                    .filter(|job| !job.is_empty())
                    .map(|job| json!({"name": job}))
                    .collect();
                to.set("/status/active", active, line);
            }
            "Last Schedule Time" => to.set_some("/status/lastScheduleTime", present(item.value).map(timestamp), line),
            "Pod Template" => template(outline, item, "/spec/jobTemplate/spec/template", to),
            _ => {}
        }
    }
}

/// A horizontal pod autoscaler. The metrics stand in `status.casefileTargets` as written.
pub(crate) fn autoscaler(outline: &Outline<'_>, to: &mut ObjectBuilder<'_, '_>) {
    for item in outline.roots() {
        let line = item.line;
        match item.key {
            "Reference" => {
                if let Some((kind, name)) = item.value.split_once('/') {
                    to.set("/spec/scaleTargetRef", json!({"kind": kind, "name": name}), line);
                }
            }
            "Min replicas" => to.set_some("/spec/minReplicas", integer(item.value), line),
            "Max replicas" => to.set_some("/spec/maxReplicas", integer(item.value), line),
            "Metrics" => {
                let metrics: Vec<&str> = outline.below(item).iter().map(|metric| metric.text).collect();
                to.set("/status/casefileTargets", metrics.join("; "), line);
                for metric in outline.below(item) {
                    utilisation(metric.text, metric.line, to);
                }
            }
            // `Deployment pods: 2 current / 2 desired`, and the same of other kinds.
            key if key.ends_with(" pods") => {
                let (current, desired) = item.value.split_once('/').unwrap_or((item.value, ""));
                let number = |text: &str| integer(text.split_whitespace().next()?);
                to.set_some("/status/currentReplicas", number(current), line);
                to.set_some("/status/desiredReplicas", number(desired), line);
            }
            "Conditions" => node::conditions(outline, item, "/status/conditions", to),
            // `Deployment pods:  2 current / 2 desired`, after the kind of what is scaled.
            key if key.ends_with(" pods") => {
                let numbers = item
                    .value
                    .split('/')
                    .map(|part| part.split_whitespace().collect::<Vec<_>>());
                for words in numbers {
                    let pointer = match words.as_slice() {
                        [_, "current"] => "/status/currentReplicas",
                        [_, "desired"] => "/status/desiredReplicas",
                        _ => continue,
                    };
                    to.set_some(pointer, words.first().copied().and_then(integer), line);
                }
            }
            _ => {}
        }
    }
}

/// `resource cpu on pods  (as a percentage of request):  99% (498m) / 65%`: the first metric of this kind counts.
fn utilisation(text: &str, line: usize, to: &mut ObjectBuilder<'_, '_>) {
    let Some((name, values)) = text.split_once("(as a percentage of request):") else {
        return;
    };
    let percent = |text: &str| integer(text.split_whitespace().next()?.strip_suffix('%')?);
    if let Some((now, wanted)) = values.split_once('/')
        && let (Some(now), Some(wanted)) = (percent(now), percent(wanted))
    {
        let name = name.split_whitespace().nth(1).unwrap_or("");
        let resource = |at: &str, value: i64| json!([{"type": "Resource", "resource": {"name": name, at: {"averageUtilization": value}}}]);
        to.set("/status/currentMetrics", resource("current", now), line);
        to.set("/spec/metrics", resource("target", wanted), line);
    }
}

/// A pod disruption budget.
pub(crate) fn disruption_budget(outline: &Outline<'_>, to: &mut ObjectBuilder<'_, '_>) {
    common(outline, to);
    for item in outline.roots() {
        match item.key {
            "Min available" => to.set("/spec/minAvailable", int_or_string(item.value), item.line),
            "Max unavailable" => to.set("/spec/maxUnavailable", int_or_string(item.value), item.line),
            "Status" => {
                for field in outline.children(item) {
                    let pointer = match field.key {
                        "Allowed disruptions" => "/status/disruptionsAllowed",
                        "Current" => "/status/currentHealthy",
                        "Desired" => "/status/desiredHealthy",
                        "Total" => "/status/expectedPods",
                        _ => continue,
                    };
                    to.set_some(pointer, integer(field.value), field.line);
                }
            }
            _ => {}
        }
    }
}

/// What all of them have: selector, pod template, conditions.
fn common(outline: &Outline<'_>, to: &mut ObjectBuilder<'_, '_>) {
    for item in outline.roots() {
        match item.key {
            "Selector" => to.set_some("/spec/selector", present(item.value).map(label_selector), item.line),
            "Pod Template" => template(outline, item, "/spec/template", to),
            "Conditions" => node::conditions(outline, item, "/status/conditions", to),
            _ => {}
        }
    }
}

fn template(outline: &Outline<'_>, item: &Item<'_>, pointer: &str, to: &mut ObjectBuilder<'_, '_>) {
    let spec = format!("{pointer}/spec");
    for field in outline.children(item) {
        match field.key {
            "Labels" => decode::map(outline, field, &format!("{pointer}/metadata/labels"), to),
            "Containers" => containers::read(outline, field, &format!("{spec}/containers"), None, to),
            "Init Containers" => containers::read(outline, field, &format!("{spec}/initContainers"), None, to),
            _ => volumes::pod_field(outline, field, &spec, to),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::testing::{at, find, text};
    use super::super::decode;

    #[test]
    fn a_deployment_with_its_template_and_conditions() {
        let source = text(
            "Name:                   web\nNamespace:              shop\nCreationTimestamp:      Sat, 21 Nov 2026 10:27:32 +0000\nLabels:                 app=web\n\
             Annotations:            deployment.kubernetes.io/revision: 2\nSelector:               app=web\n\
             Replicas:               3 desired | 1 updated | 4 total | 2 available | 2 unavailable\nStrategyType:           RollingUpdate\n\
             RollingUpdateStrategy:  25% max unavailable, 1 max surge\nPod Template:\n  Labels:           app=web\n  Service Account:  web\n  Containers:\n   nginx:\n    Image:      nginx:9.99\n\
             \x20   Port:       80/TCP\n    Mounts:     <none>\n  Volumes:      <none>\nConditions:\n  Type           Status  Reason\n  ----           ------  ------\n\
             \x20 Available      False   MinimumReplicasUnavailable\n  Progressing    False   ProgressDeadlineExceeded\n\
             OldReplicaSets:  web-1 (2/2 replicas created)\nNewReplicaSet:   web-2 (1/1 replicas created)\nEvents:          <none>\n",
        );
        let section = source.decode(decode);
        let web = find(&section, "Deployment", "web");
        for (pointer, expected) in [
            ("/spec/replicas", json!(3)),
            ("/status/updatedReplicas", json!(1)),
            ("/status/unavailableReplicas", json!(2)),
            ("/spec/selector/matchLabels/app", json!("web")),
            (
                "/spec/strategy/rollingUpdate",
                json!({"maxUnavailable": "25%", "maxSurge": 1}),
            ),
            ("/spec/template/spec/containers/0/image", json!("nginx:9.99")),
            ("/spec/template/spec/serviceAccountName", json!("web")),
            ("/status/conditions/1/reason", json!("ProgressDeadlineExceeded")),
            (
                "/casefileReplicaSets",
                json!([{"name": "web-1", "new": false}, {"name": "web-2", "new": true}]),
            ),
            ("/metadata/creationTimestamp", json!("2026-11-21T10:27:32Z")),
        ] {
            assert_eq!(at(web, pointer), &expected, "{pointer}");
        }
        assert_eq!(section.facts.len(), 1);
    }

    #[test]
    fn the_other_workloads() {
        let source = text(
            "Name:               db\nNamespace:          shop\nSelector:           app=db\nReplicas:           3 desired | 2 total\nUpdate Strategy:    RollingUpdate\n\
             Volume Claims:\n  Name:          data\n  StorageClass:  fast\n\n\n\
             Name:           logs\nSelector:       app=logs\nNode-Selector:  disk=ssd\nLabels:         <none>\nDesired Number of Nodes Scheduled: 3\nNumber of Nodes Scheduled with Available Pods: 2\n\n\n\
             Name:             backup\nNamespace:        shop\nParallelism:      1\nCompletions:      1\nPods Statuses:    0 Active (0 Ready) / 0 Succeeded / 3 Failed\n",
        );
        let section = source.decode(decode);
        let db = find(&section, "StatefulSet", "db");
        assert_eq!(
            (at(db, "/spec/replicas"), at(db, "/status/replicas")),
            (&json!(3), &json!(2))
        );
        assert_eq!(at(db, "/spec/volumeClaimTemplates/0/spec/storageClassName"), "fast");
        let logs = find(&section, "DaemonSet", "logs");
        assert_eq!(at(logs, "/status/numberAvailable"), 2);
        assert_eq!(at(logs, "/spec/template/spec/nodeSelector/disk"), "ssd");
        assert_eq!(at(find(&section, "Job", "backup"), "/status/failed"), 3);
    }
}
