//! Rows of workloads: deployments, replica sets, stateful sets, daemon sets, jobs, cron jobs, autoscalers, disruption budgets.
//!
//! Source: the printers of these kinds in `kubernetes/pkg/printers/internalversion/printers.go`; READY as `1/2` since 1.14, DESIRED and
//! CURRENT before.

use serde_json::json;

use super::super::build::ObjectBuilder;
use super::super::values::{int_or_string, items, label_selector, ratio};
use super::Row;

/// A row of deployments.
pub(crate) fn deployment(row: &Row<'_, '_>, to: &mut ObjectBuilder<'_, '_>) {
    ready_of_desired(row, to);
    to.set_some("/status/replicas", row.integer("CURRENT"), row.line);
    to.set_some("/status/updatedReplicas", row.integer("UP-TO-DATE"), row.line);
    to.set_some("/status/availableReplicas", row.integer("AVAILABLE"), row.line);
    template(row, to);
}

/// A row of replica sets or replication controllers.
pub(crate) fn replica_set(row: &Row<'_, '_>, to: &mut ObjectBuilder<'_, '_>) {
    to.set_some("/spec/replicas", row.integer("DESIRED"), row.line);
    to.set_some("/status/replicas", row.integer("CURRENT"), row.line);
    to.set_some("/status/readyReplicas", row.integer("READY"), row.line);
    template(row, to);
}

/// A row of stateful sets.
pub(crate) fn stateful_set(row: &Row<'_, '_>, to: &mut ObjectBuilder<'_, '_>) {
    ready_of_desired(row, to);
    to.set_some("/status/replicas", row.integer("CURRENT"), row.line);
    template(row, to);
}

/// A row of daemon sets.
pub(crate) fn daemon_set(row: &Row<'_, '_>, to: &mut ObjectBuilder<'_, '_>) {
    for (pointer, column) in [
        ("/status/desiredNumberScheduled", "DESIRED"),
        ("/status/currentNumberScheduled", "CURRENT"),
        ("/status/numberReady", "READY"),
        ("/status/updatedNumberScheduled", "UP-TO-DATE"),
        ("/status/numberAvailable", "AVAILABLE"),
    ] {
        to.set_some(pointer, row.integer(column), row.line);
    }
    if let Some(selector) = row.any(&["NODE SELECTOR", "NODE-SELECTOR"]) {
        to.set(
            "/spec/template/spec/nodeSelector",
            super::super::values::label_map(selector),
            row.line,
        );
    }
    template(row, to);
}

/// A row of jobs: COMPLETIONS is `done/wanted`, or `done/1 of wanted` for a work queue; before 1.12 DESIRED and SUCCESSFUL.
pub(crate) fn job(row: &Row<'_, '_>, to: &mut ObjectBuilder<'_, '_>) {
    let line = row.line;
    let completions = row.raw("COMPLETIONS");
    match completions.split_once(" of ") {
        Some((done, parallelism)) => {
            to.set_some("/status/succeeded", ratio(done).map(|(done, _)| done), line);
            to.set_some("/spec/parallelism", super::super::values::integer(parallelism), line);
        }
        None => {
            to.set_some(
                "/status/succeeded",
                ratio(completions)
                    .map(|(done, _)| done)
                    .or_else(|| row.integer("SUCCESSFUL")),
                line,
            );
            to.set_some(
                "/spec/completions",
                ratio(completions)
                    .map(|(_, wanted)| wanted)
                    .or_else(|| row.integer("DESIRED")),
                line,
            );
        }
    }
    // Since 1.31 STATUS names the condition that ended the job.
    if let Some(status @ ("Complete" | "Failed" | "Suspended")) = row.get("STATUS") {
        to.set("/status/conditions", json!([{"type": status, "status": "True"}]), line);
    }
    template(row, to);
}

/// A row of cron jobs. ACTIVE is a number; the API has a list, so the number stands in `status.casefileActive`.
pub(crate) fn cron_job(row: &Row<'_, '_>, to: &mut ObjectBuilder<'_, '_>) {
    let line = row.line;
    to.set_some("/spec/schedule", row.get("SCHEDULE"), line);
    to.set_some("/spec/timeZone", row.get("TIMEZONE"), line);
    to.set_some(
        "/spec/suspend",
        row.get("SUSPEND")
            .and_then(|word| word.to_ascii_lowercase().parse::<bool>().ok()),
        line,
    );
    to.set_some("/status/casefileActive", row.integer("ACTIVE"), line);
    to.set_some("/status/casefileLastScheduleAge", row.get("LAST SCHEDULE"), line);
    containers(row, "/spec/jobTemplate/spec/template/spec/containers", to);
}

/// A row of horizontal pod autoscalers. TARGETS (`cpu: 80%/50%`, `<unknown>/50%`) stands in `status.casefileTargets` as written.
pub(crate) fn autoscaler(row: &Row<'_, '_>, to: &mut ObjectBuilder<'_, '_>) {
    let line = row.line;
    if let Some((kind, name)) = row.get("REFERENCE").and_then(|reference| reference.split_once('/')) {
        to.set("/spec/scaleTargetRef", json!({"kind": kind, "name": name}), line);
    }
    to.set_some("/spec/minReplicas", row.integer("MINPODS"), line);
    to.set_some("/spec/maxReplicas", row.integer("MAXPODS"), line);
    to.set_some("/status/currentReplicas", row.integer("REPLICAS"), line);
    to.set_some("/status/casefileTargets", row.get("TARGETS"), line);
}

/// A row of pod disruption budgets.
pub(crate) fn disruption_budget(row: &Row<'_, '_>, to: &mut ObjectBuilder<'_, '_>) {
    let value = |names: &[&str]| row.any(names).filter(|cell| *cell != "N/A").map(int_or_string);
    to.set_some(
        "/spec/minAvailable",
        value(&["MIN AVAILABLE", "MIN-AVAILABLE"]),
        row.line,
    );
    to.set_some(
        "/spec/maxUnavailable",
        value(&["MAX UNAVAILABLE", "MAX-UNAVAILABLE"]),
        row.line,
    );
    to.set_some(
        "/status/disruptionsAllowed",
        value(&["ALLOWED DISRUPTIONS", "ALLOWED-DISRUPTIONS"]),
        row.line,
    );
}

fn ready_of_desired(row: &Row<'_, '_>, to: &mut ObjectBuilder<'_, '_>) {
    match ratio(row.raw("READY")) {
        Some((ready, desired)) => {
            to.set("/spec/replicas", desired, row.line);
            to.set("/status/readyReplicas", ready, row.line);
        }
        None => to.set_some("/spec/replicas", row.integer("DESIRED"), row.line),
    }
}

/// CONTAINERS, IMAGES and SELECTOR of `-o wide`.
fn template(row: &Row<'_, '_>, to: &mut ObjectBuilder<'_, '_>) {
    containers(row, "/spec/template/spec/containers", to);
    to.set_some("/spec/selector", row.get("SELECTOR").map(label_selector), row.line);
}

fn containers(row: &Row<'_, '_>, pointer: &str, to: &mut ObjectBuilder<'_, '_>) {
    let names = row.any(&["CONTAINERS", "CONTAINER(S)"]).map(items).unwrap_or_default();
    let images = row.any(&["IMAGES", "IMAGE(S)"]).map(items).unwrap_or_default();
    for (name, image) in names.into_iter().zip(images) {
        to.push(pointer, json!({"name": name, "image": image}), row.line);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::testing::{at, find, text};
    use super::super::decode;

    #[test]
    fn a_deployment_before_and_after_the_header_changed() {
        let new = text(
            "NAME   READY   UP-TO-DATE   AVAILABLE   AGE   CONTAINERS    IMAGES                   SELECTOR\n\
             web    1/3     2            1           5d    nginx,proxy   nginx:1.25,envoy:1.29   app=web\n",
        );
        let old = text(
            "NAME      DESIRED   CURRENT   UP-TO-DATE   AVAILABLE   AGE\nweb       3         3         2            1           5d\n",
        );
        for section in [new.decode(decode), old.decode(decode)] {
            let web = find(&section, "Deployment", "web");
            assert_eq!(
                (
                    at(web, "/spec/replicas"),
                    at(web, "/status/updatedReplicas"),
                    at(web, "/status/availableReplicas")
                ),
                (&json!(3), &json!(2), &json!(1))
            );
        }
        let section = new.decode(decode);
        let web = find(&section, "Deployment", "web");
        assert_eq!(
            at(web, "/spec/template/spec/containers/1"),
            &json!({"name": "proxy", "image": "envoy:1.29"})
        );
        assert_eq!(at(web, "/spec/selector/matchLabels/app"), "web");
    }

    #[test]
    fn each_workload_is_told_by_its_columns() {
        let source = text(
            "NAME   READY   AGE\ndb     2/3     5d\n\n\
             NAME   DESIRED   CURRENT   READY   UP-TO-DATE   AVAILABLE   NODE SELECTOR            AGE\n\
             logs   3         3         2       3            2           kubernetes.io/os=linux   5d\n\n\
             NAME   STATUS   COMPLETIONS   DURATION   AGE\nbackup   Failed   0/1   5m   5m\n\n\
             NAME    SCHEDULE      TIMEZONE   SUSPEND   ACTIVE   LAST SCHEDULE   AGE\n\
             clean   */5 * * * *   <none>     False     0        4m              9d\n\n\
             NAME   REFERENCE        TARGETS              MINPODS   MAXPODS   REPLICAS   AGE\n\
             web    Deployment/web   cpu: <unknown>/80%   2         10        2          9d\n\n\
             NAME   MIN AVAILABLE   MAX UNAVAILABLE   ALLOWED DISRUPTIONS   AGE\n\
             web    N/A             25%               0                     9d\n",
        );
        let section = source.decode(decode);
        assert_eq!(at(find(&section, "StatefulSet", "db"), "/status/readyReplicas"), 2);
        assert_eq!(at(find(&section, "DaemonSet", "logs"), "/status/numberReady"), 2);
        assert_eq!(
            at(
                find(&section, "DaemonSet", "logs"),
                "/spec/template/spec/nodeSelector/kubernetes.io~1os"
            ),
            "linux"
        );
        assert_eq!(
            at(find(&section, "Job", "backup"), "/status/conditions/0/type"),
            "Failed"
        );
        assert_eq!(at(find(&section, "CronJob", "clean"), "/spec/schedule"), "*/5 * * * *");
        assert_eq!(
            at(
                find(&section, "HorizontalPodAutoscaler", "web"),
                "/status/casefileTargets"
            ),
            "cpu: <unknown>/80%"
        );
        assert_eq!(
            at(find(&section, "PodDisruptionBudget", "web"), "/spec/maxUnavailable"),
            "25%"
        );
        assert_eq!(
            at(
                find(&section, "PodDisruptionBudget", "web"),
                "/status/disruptionsAllowed"
            ),
            0
        );
    }
}
