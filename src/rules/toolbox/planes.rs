//! The parts of the control plane: where each is seen, whether it runs, and whether its lease is kept.

use jiff::SignedDuration;

use crate::bundle::decode::{ContainerState, CriKind, Form};
use crate::cluster::{Event, Object, PodView, Snapshot, node_in_mirror};
use crate::model::{Citation, Subject};
use crate::rules::{Finding, Input, RuleHeader};

/// One instance of a component, as far as it was seen.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Its pod, or the node that it runs on.
    pub subject: Subject,
    /// Its node; empty when it is not known.
    pub node: String,
    /// True when it runs.
    pub is_up: bool,
    /// How it is, in the words of who shows it.
    pub state: String,
    /// Where.
    pub cite: Citation,
}

/// A leader renews its lease every two seconds and loses it after fifteen (`--leader-elect-lease-duration`,
/// kubernetes staging/src/k8s.io/component-base/config/types.go); after so long nobody holds it.
const STALE: SignedDuration = SignedDuration::from_mins(2);
/// A scheduler that works looks at a new pod within so long.
const SEEN_WITHIN: SignedDuration = SignedDuration::from_mins(2);

/// The instances of `kube-apiserver`, `kube-scheduler`, `kube-controller-manager` or `etcd`: static pods (kubeadm, RKE2), containers of a CRI
/// runtime, units of systemd.
pub fn instances(snapshot: &Snapshot, component: &str) -> Vec<Instance> {
    let mut found: Vec<Instance> = snapshot
        .pods()
        .filter_map(|pod| of_pod(snapshot, &pod, component))
        .collect();
    for host in &snapshot.hosts {
        let node = host.node_name();
        if found.iter().any(|known| known.node == node) {
            continue;
        }
        let of_component = |entry: &&crate::bundle::decode::CriEntry| {
            entry.kind == CriKind::Container && entry.name == component && entry.state.is_some()
        };
        let containers: Vec<_> = host.tools.cri.iter().filter(of_component).collect();
        let running = containers
            .iter()
            .find(|entry| entry.state == Some(ContainerState::Running));
        if let Some(entry) = running.or_else(|| containers.first()) {
            found.push(Instance {
                subject: Subject::node(node),
                node: node.to_owned(),
                is_up: running.is_some(),
                state: if running.is_some() {
                    "Running".into()
                } else {
                    "Exited".into()
                },
                cite: entry.cite.clone(),
            });
        } else if let Some(unit) = host.tools.unit(component).filter(|unit| unit.loaded == "loaded") {
            found.push(Instance {
                subject: Subject::node(node),
                node: node.to_owned(),
                is_up: unit.active == "active",
                state: format!("{} ({})", unit.active, unit.sub),
                cite: unit.cite.clone(),
            });
        }
    }
    found
}

fn of_pod(snapshot: &Snapshot, pod: &PodView<'_>, component: &str) -> Option<Instance> {
    let in_namespace = matches!(pod.namespace(), "kube-system" | "");
    let is_it = pod
        .name()
        .strip_prefix(component)
        .is_some_and(|rest| rest.starts_with('-') && rest.len() > 1);
    if !in_namespace || !is_it || snapshot.top_owner(pod.object).kind != "Pod" {
        return None;
    }
    let node = match pod.node() {
        "" => node_in_mirror(pod.name()).unwrap_or("").to_owned(),
        node => node.to_owned(),
    };
    let containers = pod.containers();
    let waits = containers
        .iter()
        .find_map(|container| Some((container, container.waiting()?)));
    let ended = containers.iter().find_map(|container| container.ended());
    let (state, cite) = match (&waits, &ended) {
        (Some((container, waiting)), _) => (
            waiting.reason.to_owned(),
            pod.cite_status(container, "/state/waiting/reason"),
        ),
        (None, Some(ended)) if !pod.is_well() => (ended.reason.to_owned(), pod.object.cite_at(&ended.pointer)),
        _ => (pod.phase().to_owned(), pod.object.cite_at("/status/phase")),
    };
    Some(Instance {
        subject: pod.object.subject(),
        node,
        is_up: pod.is_well(),
        state,
        cite,
    })
}

/// For how long nobody has renewed the lease by which the instances of a component elect their leader, where other leases of the
/// bundle go on: minutes, and the lease.
pub fn stale_lease<'s>(snapshot: &'s Snapshot, component: &str) -> Option<(i64, &'s Object)> {
    let lease = snapshot.object("Lease", "kube-system", component)?;
    let renewed = lease.time("/spec/renewTime")?;
    let newest = snapshot
        .kind("Lease")
        .filter_map(|other| other.time("/spec/renewTime"))
        .max_by_key(|time| time.latest)?;
    let gap = renewed.gap_to(&newest);
    (gap > STALE).then(|| (gap.as_mins(), lease))
}

/// The static pods of the API server were listed and none of this component was: where it should stand, and the pod beside it.
fn absent(snapshot: &Snapshot, component: &str) -> Option<(Subject, Instance)> {
    let beside = instances(snapshot, "kube-apiserver")
        .into_iter()
        .find(|instance| instance.is_up && instance.subject.kind == "Pod")?;
    let listed = snapshot
        .pod(&beside.subject.namespace, &beside.subject.name)
        .is_some_and(|pod| pod.object.form.is_listed());
    let elsewhere = snapshot.pods().any(|pod| pod.name().starts_with(component));
    // The scheduler and the controller manager are static pods of one kind (kubeadm, RKE2): who listed the one would have seen the other.
    // Where neither is listed, somebody left both out.
    let twin = match component {
        "kube-scheduler" => "kube-controller-manager",
        _ => "kube-scheduler",
    };
    let is_whole = !instances(snapshot, twin).is_empty();
    (listed && !elsewhere && is_whole && instances(snapshot, component).is_empty()).then(|| {
        let name = format!("{component}-{}", beside.node);
        (Subject::namespaced("Pod", "kube-system", name), beside)
    })
}

/// Findings for a component of which no instance runs, or whose lease nobody keeps. What keeps its image or its configuration from it is
/// the subject of other rules.
pub fn down(input: &Input<'_>, rule: &RuleHeader, component: &str) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let instances = instances(snapshot, component);
    let fresh = |finding: Finding| {
        finding
            .fact("component", component)
            .fact("state", "")
            .fact("lease_minutes", 0)
            .fact("absent", false)
            .fact("unit", false)
    };
    let mut findings = Vec::new();
    if !instances.iter().any(|instance| instance.is_up) {
        for instance in instances.iter().filter(|instance| !is_explained(&instance.state)) {
            let mut finding = fresh(Finding::new(
                rule,
                instance.subject.clone(),
                crate::model::Confidence::Confirmed,
            ))
            .cite(instance.cite.clone())
            .fact("state", instance.state.clone());
            if !instance.node.is_empty() {
                finding = finding.touch(crate::rules::Ground::Node, instance.node.clone());
            }
            findings.push(finding);
        }
    }
    if findings.is_empty()
        && let Some((subject, beside)) = absent(snapshot, component)
    {
        findings.push(
            fresh(Finding::new(rule, subject, crate::model::Confidence::Probable))
                .cite(beside.cite)
                .fact("absent", true),
        );
    }
    if let Some((minutes, lease)) = stale_lease(snapshot, component) {
        if findings.is_empty() && instances.iter().all(|instance| !is_explained(&instance.state)) {
            let holder = lease.text("/spec/holderIdentity").split('_').next().unwrap_or("");
            let subject = instances
                .iter()
                .find(|instance| instance.node == holder || instances.len() == 1)
                .map(|instance| instance.subject.clone())
                .unwrap_or_else(|| {
                    if snapshot.object("Node", "", holder).is_some() {
                        Subject::node(holder)
                    } else {
                        Subject::namespaced("Pod", "kube-system", component)
                    }
                });
            findings.push(fresh(Finding::new(rule, subject, crate::model::Confidence::Confirmed)));
        }
        for finding in &mut findings {
            finding.add_cite(lease.cite_at("/spec/renewTime").at(lease.time("/spec/renewTime")));
            finding.facts.insert("lease_minutes".into(), minutes.into());
        }
    }
    for finding in &mut findings {
        if let Some(status) = component_status(snapshot, component) {
            finding.add_cite(status.cite_at("/conditions/0"));
        }
    }
    findings
}

/// Reasons of a waiting container that rules about images and configuration name the cause of.
fn is_explained(state: &str) -> bool {
    matches!(
        state,
        "ErrImagePull"
            | "ImagePullBackOff"
            | "InvalidImageName"
            | "ErrImageNeverPull"
            | "CreateContainerConfigError"
            | "ContainerCreating"
    )
}

/// What `kubectl get componentstatuses` says when it is not well. By itself it shows nothing: since 1.19 it asks ports that are closed.
fn component_status<'s>(snapshot: &'s Snapshot, component: &str) -> Option<&'s Object> {
    let name = component.strip_prefix("kube-").unwrap_or(component);
    snapshot
        .object("ComponentStatus", "", name)
        .filter(|status| status.text("/conditions/0/status") == "False")
}

/// Pods that no scheduler has looked at: pending, bound to no node, without the condition `PodScheduled` (which the scheduler sets when it
/// finds no node; kubernetes pkg/scheduler/schedule_one.go) and without an event. Gated pods, and those of another scheduler, are none.
pub fn unseen_by_scheduler<'s>(snapshot: &'s Snapshot, scheduler: &str) -> Vec<PodView<'s>> {
    let shows_events = snapshot.coverage.has("events");
    // A table tells of no condition, and events may have been collected of one pod alone: a scheduler that tried another pod of the same
    // workload while this one waited has looked at this one too.
    let tried: Vec<(Subject, &Event)> = snapshot
        .events
        .iter()
        .filter(|event| event.about.kind == "Pod" && event.reason == "FailedScheduling")
        .map(|event| (snapshot.top_owner_of(&event.about), event))
        .collect();
    let by_scheduler = || snapshot.events.iter().filter(|event| event.component == scheduler);
    let works_until = by_scheduler()
        .filter_map(|event| Some(event.last.as_ref()?.earliest))
        .max();
    let has_undated = by_scheduler().any(|event| event.last.is_none());
    let is_like_tried = |pod: &Object| {
        let owner = snapshot.top_owner(pod);
        let created = pod.time("/metadata/creationTimestamp");
        let is_later = |event: &Event| match (&created, &event.last) {
            (Some(created), Some(last)) => last.latest >= created.earliest,
            _ => true,
        };
        // One that tries other pods long after this one came looks at this one as well. Without times nothing tells that it came before.
        let is_at_work = match (&created, works_until) {
            (Some(created), Some(until)) => has_undated || until > created.latest + SEEN_WITHIN,
            _ => has_undated || created.is_none() && works_until.is_some(),
        };
        is_at_work || tried.iter().any(|(tried, event)| *tried == owner && is_later(event))
    };
    snapshot
        .pods()
        .filter(|pod| {
            let object = pod.object;
            let named = scheduler_of(snapshot, pod);
            // `kubectl describe` shows conditions without their reasons; there the scheduler's event has to tell.
            let has_condition = object.form != Form::Describe
                && object
                    .list("/status/conditions")
                    .iter()
                    .any(|condition| condition.get("type").and_then(|kind| kind.as_str()) == Some("PodScheduled"));
            pod.phase() == "Pending"
                && pod.node().is_empty()
                && !pod.is_terminating()
                && named == scheduler
                && !has_condition
                && object.list("/spec/schedulingGates").is_empty()
                && (object.form != Form::Row || shows_events)
                && pod.containers().iter().all(|container| match container.waiting() {
                    Some(waiting) => waiting.reason.is_empty() || waiting.reason == "Pending",
                    None => container.ended().is_none(),
                })
                && snapshot.events_on("Pod", pod.namespace(), pod.name()).next().is_none()
                && !(object.form == Form::Row && is_like_tried(object))
                && is_old(snapshot, object)
        })
        .collect()
}

/// The scheduler that a pod asks for. Tables and descriptions of pods do not show it, the template of the workload does.
pub fn scheduler_of<'s>(snapshot: &'s Snapshot, pod: &PodView<'s>) -> &'s str {
    let own = pod.object.text("/spec/schedulerName");
    if !own.is_empty() {
        return own;
    }
    let owner = snapshot.top_owner(pod.object);
    let template = snapshot
        .object(&owner.kind, &owner.namespace, &owner.name)
        .map_or("", |owner| owner.text("/spec/template/spec/schedulerName"));
    if template.is_empty() {
        "default-scheduler"
    } else {
        template
    }
}

/// A minute is more than a scheduler that runs needs for a first look.
fn is_old(snapshot: &Snapshot, object: &Object) -> bool {
    match (
        object.time("/metadata/creationTimestamp"),
        &snapshot.bundle.collected_at,
    ) {
        (Some(created), Some(now)) => created.gap_to(now) >= SignedDuration::from_mins(1),
        _ => true,
    }
}

/// The nodes that run the control plane, by their role labels.
pub fn control_plane_nodes(snapshot: &Snapshot) -> Vec<&Object> {
    const ROLES: [&str; 3] = ["control-plane", "master", "controlplane"];
    snapshot
        .kind("Node")
        .filter(|node| {
            ROLES.iter().any(|role| {
                let label = format!("/metadata/labels/node-role.kubernetes.io~1{role}");
                node.value.pointer(&label).is_some()
            })
        })
        .collect()
}

/// The API server as the subject of a finding: its only pod, the only node of the control plane, else by its name.
pub fn api_server(snapshot: &Snapshot) -> Subject {
    let pods = instances(snapshot, "kube-apiserver");
    if let [only] = pods.as_slice() {
        return only.subject.clone();
    }
    match control_plane_nodes(snapshot).as_slice() {
        [only] => only.subject(),
        _ => Subject::namespaced("Pod", "kube-system", "kube-apiserver"),
    }
}
