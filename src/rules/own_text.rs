//! Text of the very objects that a rule's conditions chose: `objects` and `text` together.

use std::collections::HashMap;

use super::beside::node_of;
use super::condition::Part;
use super::effort::Effort;
use super::expression::Failure;
use super::toolbox::own_hits;
use super::{Input, RuleHeader};
use crate::cluster::{Hit, ObjectKey, Snapshot};
use crate::logs::TextSource;
use crate::model::Subject;

/// Where container logs are looked for.
const CONTAINER_LOGS: &str = "container-logs";

/// The matches of one rule, by what they are about.
pub(super) struct OwnText<'s> {
    /// By the object, and by its top owner.
    of_objects: HashMap<ObjectKey, Vec<&'s Hit>>,
    of_nodes: HashMap<&'s str, Vec<&'s Hit>>,
    /// True where the rule looks into container logs.
    in_logs: bool,
}

/// What the text of an object says.
pub(super) enum Tells<'s> {
    /// These lines and messages match.
    These(Vec<&'s Hit>),
    /// None does.
    Nothing,
    /// Its text was not collected.
    Unread(String),
}

impl<'s> OwnText<'s> {
    pub(super) fn new(input: &Input<'s>, rule: &RuleHeader) -> Self {
        let mut of_objects: HashMap<ObjectKey, Vec<&Hit>> = HashMap::new();
        let mut of_nodes: HashMap<&str, Vec<&Hit>> = HashMap::new();
        for hit in own_hits(input, rule) {
            let about = &hit.about.object;
            if !about.name.is_empty() {
                let object = key_of(about);
                let owner = key_of(&input.snapshot.top_owner_of(about));
                if owner != object {
                    of_objects.entry(owner).or_default().push(hit);
                }
                of_objects.entry(object).or_default().push(hit);
            }
            if !hit.about.node.is_empty() {
                of_nodes.entry(&hit.about.node).or_default().push(hit);
            }
        }
        let mut sources = rule.text.iter().flat_map(|spec| &spec.sources);
        let anywhere = rule.text.iter().any(|spec| spec.sources.is_empty());
        Self {
            of_objects,
            of_nodes,
            in_logs: anywhere || sources.any(|source| *source == TextSource::ContainerLog),
        }
    }

    /// What the logs, events and statuses of an object say: its own, for a workload those of its pods, for a node those of the machine.
    /// Where the element that is looked at is a container, only its own logs count.
    pub(super) fn of(&self, snapshot: &Snapshot, part: Part<'_>, effort: &Effort) -> Result<Tells<'s>, Failure> {
        let object = part.object;
        let container = container_of(part);
        let mut hits: Vec<&Hit> = self.of_objects.get(&object.key).cloned().unwrap_or_default();
        if object.key.kind == "Node"
            && let Some(of_node) = node_of(object).and_then(|node| self.of_nodes.get(node))
        {
            hits.extend(of_node);
        }
        effort.take(hits.len() as u64)?;
        if let Some(container) = container {
            hits.retain(|hit| hit.about.container.is_empty() || hit.about.container == container);
        }
        if !hits.is_empty() {
            return Ok(Tells::These(hits));
        }
        if !self.in_logs {
            return Ok(Tells::Nothing);
        }
        let container = container.unwrap_or("");
        let is_read = |pod: &str| {
            let mut logs = snapshot.container_logs(&object.key.namespace, pod, container);
            logs.next().is_some()
        };
        let all_read = match object.key.kind.as_str() {
            "Pod" => is_read(&object.key.name),
            "Node" => true,
            _ => {
                let pods: Vec<_> = snapshot.pods_of(&object.subject()).collect();
                effort.take(pods.len() as u64)?;
                snapshot.coverage.has_kind("Pod") && pods.iter().all(|pod| is_read(pod.name()))
            }
        };
        Ok(if all_read {
            Tells::Nothing
        } else {
            Tells::Unread(CONTAINER_LOGS.to_owned())
        })
    }
}

fn key_of(subject: &Subject) -> ObjectKey {
    ObjectKey {
        kind: subject.kind.clone(),
        namespace: subject.namespace.clone(),
        name: subject.name.clone(),
    }
}

/// The name of the container that `each` is at.
fn container_of(part: Part<'_>) -> Option<&str> {
    const LISTS: [&str; 3] = ["/containers/", "/initContainers/", "/containerStatuses/"];
    let (item, pointer) = part.item?;
    let is_container = LISTS.iter().any(|list| {
        let index = pointer.rsplit_once(list).map_or("", |(_, index)| index);
        !index.is_empty() && index.chars().all(|c| c.is_ascii_digit())
    });
    is_container.then(|| item.get("name")?.as_str()).flatten()
}
