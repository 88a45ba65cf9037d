//! The list of steps. Their order matters twice: what is learned to be secret in an early step is masked in all later ones, and
//! what dies first on a failing host is read first.

use super::context::Step;
use super::{Plan, agents, configs, cri, cron, docker, etcd, host, ipvs, kubernetes, logs, nodes, pods, probe, sysctl};

/// Every step of a collection. Steps may add further ones while they run.
pub(crate) fn all(plan: &Plan) -> Vec<Step> {
    // What the cluster keeps as Secrets is known before anything is written; the rest of it comes last, because it may take minutes.
    let mut steps = kubernetes::first_steps(&plan.cluster);
    if plan.nodes.as_ref().is_none_or(|nodes| nodes.this_host) {
        steps.extend(of_the_host(plan));
    }
    steps.extend(kubernetes::last_steps(&plan.cluster));
    // They were begun with the first step; by now the cluster's secrets are known, which their logs may quote.
    steps.extend(nodes::steps(plan.nodes.as_ref()));
    steps
}

/// The steps that read the host itself.
pub(crate) fn of_the_host(plan: &Plan) -> Vec<Step> {
    let mut steps = docker::steps();
    steps.extend(cri::steps());
    steps.extend(cron::steps());
    steps.extend(host::steps());
    steps.extend(ipvs::steps());
    steps.extend(configs::steps());
    steps.extend(sysctl::steps());
    steps.extend(agents::steps());
    steps.extend(etcd::steps());
    if plan.etcd.disk_test {
        steps.push(etcd::disk_test(plan.etcd.disk_folder.clone()));
    }
    if plan.probe {
        steps.push(probe::step());
    }
    steps.extend(logs::steps());
    steps.extend(pods::steps());
    steps
}
