//! What `kubectl top` shows of a container beside the limit that it has.

use crate::cluster::{PodView, Snapshot};
use crate::model::Citation;

/// A container, or the pod around it, uses as much CPU as it may at this share (per cent) of its limit: what is printed is an average over
/// some 15 seconds and 1 % is lost to rounding.
pub const AT_THE_LIMIT: u64 = 95;

/// The CPU limit of a container.
pub struct CpuLimit<'s> {
    /// The container's name.
    pub container: &'s str,
    /// In thousandths of a core.
    pub millicores: u64,
    /// As it is written.
    pub text: &'s str,
    /// Where.
    pub cite: Citation,
}

/// The CPU limits of a pod's containers, then those in the template of its workload: a row of a table shows no containers.
pub fn cpu_limits<'s>(snapshot: &'s Snapshot, pod: &PodView<'s>) -> impl Iterator<Item = Vec<CpuLimit<'s>>> {
    let owner = snapshot.top_owner(pod.object);
    let template = snapshot.object(&owner.kind, &owner.namespace, &owner.name);
    let holders = [
        Some((pod.object, "/spec/containers")),
        template.map(|owner| (owner, "/spec/template/spec/containers")),
    ];
    holders.into_iter().flatten().map(|(object, at)| {
        let containers = object.list(at).iter().enumerate();
        let limited = containers.filter_map(|(index, container)| {
            let text = container.pointer("/resources/limits/cpu")?.as_str()?;
            Some(CpuLimit {
                container: container.get("name")?.as_str()?,
                millicores: millicores(text)?,
                text,
                cite: object.cite_at(&format!("{at}/{index}/resources/limits/cpu")),
            })
        });
        limited.collect()
    })
}

/// The CPU that `kubectl top` shows for the container, or for its pod, in thousandths of a core.
pub fn cpu_used(snapshot: &Snapshot, pod: &PodView<'_>, container: &str) -> Option<(u64, Citation)> {
    let (text, cite) = shown(snapshot, pod, container, "cpu")?;
    Some((millicores(text)?, cite))
}

/// What `kubectl top` shows; of a table that does not tell its namespace the pod's name decides.
fn shown<'s>(snapshot: &'s Snapshot, pod: &PodView<'_>, container: &str, field: &str) -> Option<(&'s str, Citation)> {
    let (namespace, name) = (pod.namespace(), pod.name());
    let keys = [
        format!("top.pod.{namespace}/{name}/{container}.{field}"),
        format!("top.pod.{namespace}/{name}.{field}"),
        format!("top.pod./{name}/{container}.{field}"),
        format!("top.pod./{name}.{field}"),
    ];
    snapshot
        .hosts
        .iter()
        .find_map(|host| keys.iter().find_map(|key| host.values.get(key)))
        .map(|(value, cite)| (value.as_str(), cite.clone()))
}

/// Thousandths of a core: `250m`, `2`, `0.5`.
pub fn millicores(text: &str) -> Option<u64> {
    match text.strip_suffix('m') {
        Some(thousandths) => thousandths.parse().ok(),
        None => Some(
            (text
                .parse::<f64>()
                .ok()
                .filter(|cores| (0.0..10_000.0).contains(cores))?
                * 1000.0) as u64,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::millicores;

    #[test]
    fn quantities_of_cpu_are_thousandths() {
        for (text, expected) in [
            ("250m", Some(250)),
            ("2", Some(2000)),
            ("0.5", Some(500)),
            ("-1", None),
            ("x", None),
        ] {
            assert_eq!(millicores(text), expected, "{text}");
        }
    }
}
