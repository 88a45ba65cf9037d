//! How data stores are set up, as far as the settings of their workloads tell.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::cluster::{Object, Snapshot};
use crate::model::{Citation, Subject, escaped};

/// `maxmemory 256mb` in a file, `--maxmemory 256mb` as arguments, each also with an equals sign (redis.io/docs/latest/operate/oss_and_stack/management/config).
static LIMIT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?mi)(?:^|--|\s)maxmemory[ \t="']+(?P<limit>\d+[kmg]?b?)\b"#).ok());
static POLICY: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?mi)(?:^|--|\s)maxmemory-policy[ \t="']+(?P<policy>[a-z-]+)"#).ok());

/// A cache's own limit of memory.
#[derive(Debug, Clone)]
pub struct MemoryLimit {
    /// `256mb`.
    pub limit: String,
    /// What it does at the limit; `noeviction`, which refuses writes, when nothing else is set.
    pub policy: String,
    /// Where it is set.
    pub cite: Citation,
}

/// The limit that the settings of a workload give: its arguments and the ConfigMaps that it mounts.
pub fn memory_limit(snapshot: &Snapshot, workload: &Subject) -> Option<MemoryLimit> {
    let owner = snapshot.object(&workload.kind, &workload.namespace, &workload.name);
    let pods: Vec<&Object> = snapshot.pods_of(workload).map(|pod| pod.object).collect();
    let mut maps: BTreeSet<&str> = BTreeSet::new();
    for (object, at) in owner
        .into_iter()
        .map(|object| (object, "/spec/template/spec"))
        .chain(pods.into_iter().map(|object| (object, "/spec")))
    {
        for index in 0..object.list(&format!("{at}/containers")).len() {
            for field in ["args", "command"] {
                let pointer = format!("{at}/containers/{index}/{field}");
                let words: Vec<&str> = object.list(&pointer).iter().filter_map(Value::as_str).collect();
                if let Some(found) = in_text(&words.join(" "), object.cite_at(&pointer)) {
                    return Some(found);
                }
            }
        }
        let volumes = object.list(&format!("{at}/volumes")).iter();
        maps.extend(volumes.filter_map(|volume| volume.pointer("/configMap/name")?.as_str()));
    }
    maps.into_iter().find_map(|name| {
        let map = snapshot.object("ConfigMap", &workload.namespace, name)?;
        let data = map.get("/data")?.as_object()?;
        data.iter().find_map(|(key, value)| {
            let at = format!("/data/{}", escaped(key));
            in_text(value.as_str()?, map.cite_at(&at))
        })
    })
}

fn in_text(text: &str, cite: Citation) -> Option<MemoryLimit> {
    let limit = LIMIT.as_ref()?.captures(text)?.name("limit")?.as_str().to_owned();
    let policy = POLICY
        .as_ref()?
        .captures(text)
        .and_then(|found| found.name("policy"))
        .map_or("noeviction", |policy| policy.as_str());
    Some(MemoryLimit {
        limit,
        policy: policy.to_owned(),
        cite,
    })
}

/// Of several caches the only one with a limit at which it refuses writes, or the only one with a limit.
pub(super) fn refuses_when_full(snapshot: &Snapshot, stores: &[Subject]) -> Option<Subject> {
    let limited: Vec<(&Subject, MemoryLimit)> = stores
        .iter()
        .filter(|store| store.kind != "Service")
        .filter_map(|store| Some((store, memory_limit(snapshot, store)?)))
        .collect();
    let refusing: Vec<&Subject> = limited
        .iter()
        .filter(|(_, limit)| limit.policy == "noeviction")
        .map(|(store, _)| *store)
        .collect();
    match (refusing.as_slice(), limited.as_slice()) {
        ([only], _) => Some((*only).clone()),
        ([], [(only, _)]) => Some((*only).clone()),
        _ => None,
    }
}
