//! Image pulls that failed: which image, which host was asked, which pods wait for it.

use std::collections::BTreeMap;

use super::toolbox::{add_hit, own_hits, pod_is_failing, workload_touches};
use super::{Finding, Ground, Input, RuleHeader};
use crate::cluster::{Event, Hit, Image, PodView, Snapshot};
use crate::model::{Confidence, Subject};

/// A pull that failed, as one text shows it, while somebody still waits for the image.
pub(in crate::rules) struct Pull<'s> {
    /// The text.
    pub(in crate::rules) hit: &'s Hit,
    /// The reference as the text or the pod has it; empty when neither does.
    pub(in crate::rules) image: String,
    /// `host:port` that was asked: that of the URL, else the image's.
    pub(in crate::rules) host: String,
    /// The pods that wait.
    pub(in crate::rules) pods: Vec<Subject>,
}

/// The failed pulls that a rule's signatures found. A pull that succeeded since is none: where pods were collected, one of them has to
/// wait for the image now.
pub(in crate::rules) fn failed_pulls<'s>(input: &Input<'s>, rule: &RuleHeader) -> Vec<Pull<'s>> {
    let snapshot = input.snapshot;
    let mut pulls = Vec::new();
    for hit in own_hits(input, rule) {
        let text = text_of(hit);
        let mut image = image_in(&text);
        let host = hit
            .captures
            .get("host")
            .cloned()
            .or_else(|| host_in(&text))
            .unwrap_or_else(|| Image::parse(&image).registry);
        let pods = waiting_pods(snapshot, hit, &image, &host);
        if pods.is_empty() && (snapshot.coverage.has("pods") || hit.count < 2) {
            continue;
        }
        if image.is_empty() {
            image = pods
                .first()
                .and_then(|pod| snapshot.pod(&pod.namespace, &pod.name))
                .and_then(|pod| waiting_image(&pod))
                .unwrap_or_default();
        }
        pulls.push(Pull { hit, image, host, pods });
    }
    pulls
}

/// One finding for each workload that waits.
pub(in crate::rules) fn by_workload(input: &Input<'_>, rule: &RuleHeader, pulls: &[Pull<'_>]) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for pull in pulls {
        for pod in &pull.pods {
            let owner = snapshot.top_owner_of(pod);
            let finding = match findings.iter_mut().position(|finding| finding.subject == owner) {
                Some(at) => findings.get_mut(at),
                None => {
                    findings.push(of_image(
                        Finding::new(rule, owner, Confidence::Confirmed),
                        snapshot,
                        pull,
                        pod,
                    ));
                    findings.last_mut()
                }
            };
            let Some(finding) = finding else { continue };
            add_hit(input, finding, pull.hit);
            add_pod(finding, snapshot, pod);
        }
    }
    findings
}

/// One finding for each registry; or for the workload, when only its new image points there and its old pods work.
pub(in crate::rules) fn by_registry(input: &Input<'_>, rule: &RuleHeader, pulls: &[Pull<'_>]) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    let mut of_hosts: BTreeMap<&str, (Subject, Vec<&str>)> = BTreeMap::new();
    for pull in pulls.iter().filter(|pull| !pull.host.is_empty()) {
        let of_host = of_hosts.entry(&pull.host);
        let (subject, others_pull) = of_host
            .or_insert_with(|| subject_of(snapshot, pulls, &pull.host))
            .clone();
        let at = findings.iter().position(|finding| finding.subject == subject);
        let finding = match at {
            Some(at) => findings.get_mut(at),
            None => {
                let pod = pull.pods.first().cloned().unwrap_or_default();
                let changed = !matches!(subject.kind.as_str(), "Registry" | "Node");
                let mut finding = of_image(Finding::new(rule, subject, Confidence::Confirmed), snapshot, pull, &pod)
                    .touch(Ground::Registry, &pull.host)
                    .fact("changed", changed)
                    .fact("others_pull", others_pull);
                if !changed {
                    finding.path = String::new();
                }
                findings.push(finding);
                findings.last_mut()
            }
        };
        let Some(finding) = finding else { continue };
        add_hit(input, finding, pull.hit);
        for pod in &pull.pods {
            add_pod(finding, snapshot, pod);
        }
    }
    for finding in &mut findings {
        let mut workloads: Vec<String> = finding
            .affected
            .iter()
            .filter(|subject| subject.kind == "Pod")
            .map(|pod| snapshot.top_owner_of(pod))
            .map(|owner| format!("{}/{}", owner.namespace, owner.name))
            .collect();
        workloads.sort();
        workloads.dedup();
        finding.facts.insert("workloads".into(), workloads.into());
    }
    findings
}

/// The node, if all that wait for this host are on it while others pull from there; the workload, if it alone waits while pods of it that use
/// another registry are well; else the registry. Beside a node, those that pull from there.
fn subject_of<'s>(snapshot: &'s Snapshot, pulls: &[Pull<'_>], host: &str) -> (Subject, Vec<&'s str>) {
    let registry = Subject::cluster("Registry", host);
    let mut owners: Vec<Subject> = pulls
        .iter()
        .filter(|pull| pull.host == host)
        .flat_map(|pull| &pull.pods)
        .map(|pod| snapshot.top_owner_of(pod))
        .collect();
    owners.sort();
    owners.dedup();
    if let Some((node, others)) = alone(snapshot, pulls, host) {
        return (Subject::cluster("Node", node), others);
    }
    let [owner] = owners.as_slice() else {
        return (registry, Vec::new());
    };
    let mut well = snapshot
        .pods_of(owner)
        .filter(PodView::is_well)
        .flat_map(|pod| pod.containers())
        .peekable();
    let elsewhere = well.peek().is_some()
        && well.all(|container| !container.image().is_empty() && Image::parse(container.image()).registry != host);
    (if elsewhere { owner.clone() } else { registry }, Vec::new())
}

/// The only node on which pods wait for this host, and the nodes on which pods got their images from it meanwhile, by their events
/// (`Pulled`, kubernetes `pkg/kubelet/events/event.go`); none where there are no such.
fn alone<'s>(snapshot: &'s Snapshot, pulls: &[Pull<'_>], host: &str) -> Option<(&'s str, Vec<&'s str>)> {
    let node_of = |pod: &Subject| Some(snapshot.pod(&pod.namespace, &pod.name)?.node()).filter(|node| !node.is_empty());
    let waiting = pulls
        .iter()
        .filter(|pull| pull.host == host)
        .flat_map(|pull| &pull.pods);
    let mut nodes = waiting.map(node_of);
    let node = nodes.next()??;
    if !nodes.all(|other| other == Some(node)) {
        return None;
    }
    let got = |event: &&Event| event.reason == "Pulled" && Image::parse(&image_in(&event.message)).registry == host;
    let elsewhere = |pod: PodView<'s>| Some(pod.node()).filter(|other| !other.is_empty() && *other != node);
    let mut others: Vec<&str> = (snapshot.events.iter().filter(got))
        .filter_map(|event| elsewhere(snapshot.pod(&event.about.namespace, &event.about.name)?))
        .collect();
    others.sort_unstable();
    others.dedup();
    (!others.is_empty()).then_some((node, others))
}

fn of_image(finding: Finding, snapshot: &Snapshot, pull: &Pull<'_>, pod: &Subject) -> Finding {
    let parsed = Image::parse(&pull.image);
    let view = snapshot.pod(&pod.namespace, &pod.name);
    let container = view
        .and_then(|view| {
            view.containers()
                .into_iter()
                .find(|container| same_image(container.image(), &pull.image))
        })
        .map(|container| container.name.to_owned())
        .unwrap_or_default();
    let prefix = if finding.subject.kind == "Pod" {
        "spec"
    } else {
        "spec.template.spec"
    };
    let resource = finding.subject.kind.to_lowercase();
    let mut finding = finding
        .at(format!("{prefix}.containers[{container}].image"))
        .touch(Ground::Registry, &parsed.registry)
        .fact("image", pull.image.clone())
        .fact("repository", parsed.repository.clone())
        .fact(
            "tag",
            if parsed.tag.is_empty() {
                "latest".to_owned()
            } else {
                parsed.tag.clone()
            },
        )
        .fact("registry", pull.host.clone())
        .fact(
            "container",
            if container.is_empty() {
                "<CONTAINER>".to_owned()
            } else {
                container
            },
        )
        .fact("pod", pod.name.clone())
        .fact("namespace", pod.namespace.clone())
        .fact(
            "settable",
            matches!(resource.as_str(), "deployment" | "statefulset" | "daemonset"),
        )
        .fact("resource", resource)
        .fact("known_tags", known_tags(snapshot, &parsed));
    finding.count = 0;
    finding
}

fn add_pod(finding: &mut Finding, snapshot: &Snapshot, pod: &Subject) {
    finding.touches.extend(workload_touches(snapshot, pod));
    finding.add_affected(pod.clone());
}

/// Tags of the same repository that other pods, ReplicaSets and hosts of the bundle have.
fn known_tags(snapshot: &Snapshot, image: &Image) -> Vec<String> {
    let used = ["Pod", "ReplicaSet"]
        .iter()
        .flat_map(|kind| snapshot.kind(kind))
        .flat_map(|object| {
            let at = if object.key.kind == "Pod" {
                "/spec/containers"
            } else {
                "/spec/template/spec/containers"
            };
            object
                .list(at)
                .iter()
                .filter_map(|container| container.get("image")?.as_str())
        });
    let held = snapshot
        .hosts
        .iter()
        .flat_map(|host| host.images.iter().map(|held| held.reference.as_str()));
    let mut tags: Vec<String> = used
        .chain(held)
        .map(Image::parse)
        .filter(|other| {
            other.registry == image.registry
                && other.repository == image.repository
                && other.tag != image.tag
                && !other.tag.is_empty()
        })
        .map(|other| other.tag)
        .collect();
    tags.sort();
    tags.dedup();
    tags.truncate(6);
    tags
}

/// The pods that a text is about and that wait for the image now.
fn waiting_pods(snapshot: &Snapshot, hit: &Hit, image: &str, host: &str) -> Vec<Subject> {
    let about = &hit.about.object;
    if about.kind == "Pod" && !about.name.is_empty() {
        return if still_waits(snapshot, about) {
            vec![about.clone()]
        } else {
            Vec::new()
        };
    }
    let subject = |pod: PodView<'_>| Subject::namespaced("Pod", pod.namespace(), pod.name());
    let waiting = || snapshot.pods().filter_map(|pod| Some((pod, waiting_image(&pod)?)));
    let exact: Vec<Subject> = waiting()
        .filter(|(_, asked)| {
            if image.is_empty() {
                !asked.is_empty() && Image::parse(asked).registry == host
            } else {
                same_image(asked, image)
            }
        })
        .map(|(pod, _)| subject(pod))
        .collect();
    if !exact.is_empty() {
        return exact;
    }
    // A row of a table does not tell the image; the node does where both are known.
    waiting()
        .filter(|(pod, asked)| {
            asked.is_empty()
                && !image.is_empty()
                && (hit.about.node.is_empty() || pod.node().is_empty() || pod.node() == hit.about.node)
        })
        .map(|(pod, _)| subject(pod))
        .collect()
}

/// The image that a container of the pod waits for; empty where the form does not tell it.
fn waiting_image(pod: &PodView<'_>) -> Option<String> {
    pod.containers()
        .iter()
        .find(|container| {
            container
                .waiting()
                .is_some_and(|waiting| is_image_reason(waiting.reason))
        })
        .map(|container| container.image().to_owned())
}

/// True for the waiting reasons of `pkg/kubelet/images/types.go` and `cri-api/pkg/errors`.
pub(in crate::rules) fn is_image_reason(reason: &str) -> bool {
    reason.contains("Image") || matches!(reason, "RegistryUnavailable" | "SignatureValidationFailed")
}

fn still_waits(snapshot: &Snapshot, pod: &Subject) -> bool {
    let Some(view) = snapshot.pod(&pod.namespace, &pod.name) else {
        let pulled = snapshot
            .events_on("Pod", &pod.namespace, &pod.name)
            .any(|event| event.reason == "Started");
        return pod_is_failing(snapshot, pod) && !pulled;
    };
    let containers = view.containers();
    let reasons: Vec<&str> = containers
        .iter()
        .filter_map(|container| container.waiting())
        .map(|waiting| waiting.reason)
        .collect();
    !view.is_well()
        && !view.is_terminating()
        && (reasons
            .iter()
            .any(|reason| is_image_reason(reason) || *reason == "ContainerCreating" || *reason == "PodInitializing")
            || (reasons.is_empty() && view.phase() != "Running"))
}

fn same_image(a: &str, b: &str) -> bool {
    a == b || (!a.is_empty() && !b.is_empty() && Image::parse(a) == Image::parse(b))
}

/// The line that matched, without the backslashes that each level of quoting adds.
fn text_of(hit: &Hit) -> String {
    let line = hit
        .cite
        .quote
        .iter()
        .find(|line| line.hit)
        .map_or("", |line| line.text.as_str());
    line.replace('\\', "")
}

/// Words before a quoted reference: the kubelet's, containerd's and klog's.
const BEFORE_IMAGE: [&str; 7] = [
    "resolve reference \"",
    "pull image \"",
    "PullImage \"",
    "pulling image \"",
    "unpack image \"",
    "image=\"",
    "image \"",
];

/// The image reference that a text quotes; empty when there is none.
pub(in crate::rules) fn image_in(text: &str) -> String {
    BEFORE_IMAGE
        .iter()
        .find_map(|before| text.split_once(before))
        .and_then(|(_, rest)| rest.split('"').next())
        .filter(|image| !image.is_empty() && !image.contains(char::is_whitespace))
        .unwrap_or("")
        .to_owned()
}

/// The host that a request went to: `https://HOST/v2/…`, `lookup HOST`, `from host HOST`, `container registry HOST`.
fn host_in(text: &str) -> Option<String> {
    let after = |before: &str, end: &[char]| {
        let (_, rest) = text.split_once(before)?;
        let host = rest
            .split(|c: char| end.contains(&c) || c.is_whitespace() || c == '"')
            .next()?;
        (!host.is_empty()).then(|| host.to_owned())
    };
    let url = ["https://", "http://"].iter().find_map(|scheme| {
        let (_, rest) = text.split_once(scheme)?;
        let (host, path) = rest.split_once('/')?;
        path.starts_with("v2").then(|| host.to_owned())
    });
    url.or_else(|| after("pinging container registry ", &[':']))
        .or_else(|| after("pulling from host ", &[]))
        .or_else(|| after("dial tcp: lookup ", &[':']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_and_host_are_read_from_every_runtimes_wording() {
        for (text, image, host) in [
            (
                r#"Failed to pull image "r.io:5000/a:1": failed to do request: Head "https://r.io:5000/v2/a/manifests/1": EOF"#,
                "r.io:5000/a:1",
                Some("r.io:5000"),
            ),
            (r#"PullImage "nginx:9" failed" error="… lookup x""#, "nginx:9", None),
            (
                "Error response from daemon: Get https://r.io/v2/: dial tcp 10.0.0.1:443: i/o timeout",
                "",
                Some("r.io"),
            ),
        ] {
            assert_eq!((image_in(text).as_str(), host_in(text).as_deref()), (image, host));
        }
    }
}
