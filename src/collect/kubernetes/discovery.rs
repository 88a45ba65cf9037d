//! Which kinds the cluster has: its own, those of custom resources, those of aggregated servers.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::api::Api;
use super::error::ApiError;
use super::objects;
use super::session::request;
use super::target::{escape, is_component};
use crate::collect::Outcome;
use crate::collect::context::{Context, Step};
use crate::collect::evidence::Place;

/// The largest answer; the discovery of a group with thousands of kinds stays below.
const MOST: u64 = 16 * 1024 * 1024;

/// Most versions of groups that are asked for their kinds.
const MOST_VERSIONS: usize = 2000;

/// One kind that can be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kind {
    /// Empty for the core group.
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) plural: String,
    pub(crate) kind: String,
    pub(crate) namespaced: bool,
}

impl Kind {
    /// The path of its list, in one namespace or in all.
    pub(crate) fn path(&self, namespace: Option<&str>) -> String {
        let root = if self.group.is_empty() {
            format!("/api/{}", escape(&self.version))
        } else {
            format!("/apis/{}/{}", escape(&self.group), escape(&self.version))
        };
        let within = namespace
            .map(|name| format!("/namespaces/{}", escape(name)))
            .unwrap_or_default();
        format!("{root}{within}/{}", escape(&self.plural))
    }

    /// `pods`, `certificates.cert-manager.io`.
    pub(crate) fn name(&self) -> String {
        if self.group.is_empty() {
            self.plural.clone()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }

    /// `v1`, `apps/v1`.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }
}

/// Core kinds in the order in which they say most, should the server die meanwhile. All others follow by name.
const FIRST: &[&str] = &[
    "namespaces",
    "nodes",
    "pods",
    "events",
    "apiservices.apiregistration.k8s.io",
    "deployments.apps",
    "daemonsets.apps",
    "statefulsets.apps",
    "replicasets.apps",
    "jobs.batch",
    "services",
    "endpoints",
    "endpointslices.discovery.k8s.io",
    "persistentvolumeclaims",
    "persistentvolumes",
    "configmaps",
];

/// The step that finds the kinds, and adds one for each.
pub(super) fn step() -> Step {
    let reads = vec![
        request("/api/v1"),
        request("/apis"),
        request("/apis/{group}/{version} for each group"),
        request("the list of every kind that can be listed, in pages; Secrets by name, type and key only"),
    ];
    Step::new("kubernetes/discovery", reads, |ctx| Box::pin(discover(ctx))).patient(2)
}

/// Groups that a note names.
const NAMED: usize = 20;

async fn discover(ctx: &mut Context) -> Outcome {
    let api = match ctx.cluster.api() {
        Ok(api) => api,
        Err(outcome) => return outcome,
    };
    let mut broken: Vec<(String, ApiError)> = Vec::new();
    let groups = match api.json("/apis", MOST, ctx.deadline).await {
        Ok(document) => document.get("groups").cloned().unwrap_or_default(),
        Err(error) => {
            // Without it nothing is known but the core group.
            broken.push(("/apis".to_owned(), error));
            json!([])
        }
    };
    let mut versions = vec![(String::new(), "v1".to_owned())];
    versions.extend(versions_of(&groups));
    versions.truncate(MOST_VERSIONS);
    let (lists, failed) = resources(&api, &versions, ctx.cluster.plan.concurrency, ctx.deadline).await;
    let kinds = kinds(&lists);
    ctx.evidence.json(Place::Top("cluster-resources/groups.json"), groups);
    let lists: Vec<Value> = lists.into_iter().map(|(_, list)| list).collect();
    ctx.evidence
        .json(Place::Top("cluster-resources/resources.json"), Value::Array(lists));
    let steps = kinds.iter().enumerate().map(|(index, kind)| objects::step(index, kind));
    ctx.spawned.extend(steps);
    ctx.cluster.kinds = kinds;
    broken.extend(failed);
    let others: Vec<&str> = broken
        .iter()
        .skip(1)
        .take(NAMED)
        .map(|(name, _)| name.as_str())
        .collect();
    if !others.is_empty() {
        ctx.evidence.note(format!("nor are those of {}", others.join(", ")));
    }
    match broken.into_iter().next() {
        None => Outcome::Done,
        Some((name, ApiError::Silent | ApiError::TimedOut)) if ctx.cluster.kinds.is_empty() => {
            Outcome::Failed(format!("no answer about {name}"))
        }
        Some((name, error)) => Outcome::Failed(format!(
            "the kinds of {name} are not known, and are not in the bundle: {error}"
        )),
    }
}

/// The groups with their versions, the preferred one of each group first.
fn versions_of(groups: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for group in groups.as_array().into_iter().flatten() {
        let Some(name) = group
            .get("name")
            .and_then(Value::as_str)
            .filter(|name| is_component(name))
        else {
            continue;
        };
        let preferred = group.pointer("/preferredVersion/version").and_then(Value::as_str);
        let listed = group.get("versions").and_then(Value::as_array).into_iter().flatten();
        let listed = listed.filter_map(|version| version.get("version")?.as_str());
        let mut once = BTreeSet::new();
        for version in preferred.into_iter().chain(listed) {
            if is_component(version) && once.insert(version) {
                found.push((name.to_owned(), version.to_owned()));
            }
        }
    }
    found
}

type Found = Vec<((String, String), Value)>;

/// The `APIResourceList` of every version, in the order asked for, and those that could not be had.
async fn resources(
    api: &Api,
    versions: &[(String, String)],
    concurrency: usize,
    deadline: Instant,
) -> (Found, Vec<(String, ApiError)>) {
    let mut waiting = versions.iter().cloned().enumerate();
    let mut running = JoinSet::new();
    let mut found = Vec::new();
    let mut failed = Vec::new();
    loop {
        while running.len() < concurrency.max(1) {
            let Some((at, (group, version))) = waiting.next() else {
                break;
            };
            let api = api.clone();
            running.spawn(async move {
                let path = if group.is_empty() {
                    format!("/api/{}", escape(&version))
                } else {
                    format!("/apis/{}/{}", escape(&group), escape(&version))
                };
                let answer = api.json(&path, MOST, deadline).await;
                (at, group, version, answer)
            });
        }
        match running.join_next().await {
            None => break,
            Some(Ok((at, group, version, Ok(list)))) => found.push((at, ((group, version), list))),
            Some(Ok((at, group, version, Err(error)))) => failed.push((at, format!("{group}/{version}"), error)),
            // Only a panic of the task ends here, and it has been reported.
            Some(Err(_)) => {}
        }
    }
    found.sort_by_key(|(at, _)| *at);
    failed.sort_by_key(|(at, ..)| *at);
    (
        found.into_iter().map(|(_, list)| list).collect(),
        failed
            .into_iter()
            .map(|(_, name, error)| (name.trim_start_matches('/').to_owned(), error))
            .collect(),
    )
}

/// Every kind that can be listed, once: of several versions the first, which is the preferred one.
fn kinds(lists: &[((String, String), Value)]) -> Vec<Kind> {
    let mut once = BTreeSet::new();
    let mut found = Vec::new();
    for ((group, version), list) in lists {
        for resource in list.get("resources").and_then(Value::as_array).into_iter().flatten() {
            let text = |key: &str| resource.get(key).and_then(Value::as_str).unwrap_or_default();
            let plural = text("name");
            let verbs = resource.get("verbs").and_then(Value::as_array).into_iter().flatten();
            let can_list = verbs.filter_map(Value::as_str).any(|verb| verb == "list");
            if !can_list || plural.contains('/') || !is_component(plural) || is_copy(group, plural) {
                continue;
            }
            if once.insert((group.clone(), plural.to_owned())) {
                found.push(Kind {
                    group: group.clone(),
                    version: version.clone(),
                    plural: plural.to_owned(),
                    kind: text("kind").to_owned(),
                    namespaced: resource.get("namespaced").and_then(Value::as_bool).unwrap_or(false),
                });
            }
        }
    }
    found.sort_by_key(|kind| {
        let name = kind.name();
        let rank = FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len());
        (rank, name)
    });
    found
}

/// True for objects that another group has too (`pkg/apis/events`, `pkg/apis/extensions`), and for Secrets, which have a step of their own.
fn is_copy(group: &str, plural: &str) -> bool {
    matches!(
        (group, plural),
        ("events.k8s.io", "events") | ("extensions", _) | ("", "secrets")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listable_kind_counts_once_in_its_preferred_version_and_the_telling_ones_come_first() {
        let resource =
            |name: &str, verbs: &[&str]| json!({"name": name, "kind": "K", "namespaced": true, "verbs": verbs});
        let list = |resources: Vec<Value>| json!({"resources": resources});
        let at = |group: &str, version: &str| (group.to_owned(), version.to_owned());
        let lists = [
            (
                at("", "v1"),
                list(vec![
                    resource("bindings", &["create"]),
                    resource("configmaps", &["list"]),
                    resource("pods", &["get", "list"]),
                    resource("pods/log", &["get", "list"]),
                    resource("secrets", &["list"]),
                ]),
            ),
            (at("events.k8s.io", "v1"), list(vec![resource("events", &["list"])])),
            (at("example.com", "v2"), list(vec![resource("farms", &["list"])])),
            (
                at("example.com", "v1"),
                list(vec![resource("farms", &["list"]), resource("barns", &["list"])]),
            ),
        ];
        let names: Vec<String> = kinds(&lists).iter().map(|kind| kind.path(Some("shop"))).collect();
        assert_eq!(
            names,
            [
                "/api/v1/namespaces/shop/pods",
                "/api/v1/namespaces/shop/configmaps",
                "/apis/example.com/v1/namespaces/shop/barns",
                "/apis/example.com/v2/namespaces/shop/farms",
            ]
        );
    }

    #[test]
    fn a_groups_preferred_version_is_asked_first_and_names_that_are_none_are_left_out() {
        let groups = json!([
            {"name": "batch", "versions": [{"version": "v1beta1"}, {"version": "v1"}], "preferredVersion": {"version": "v1"}},
            {"name": "..", "versions": [{"version": "v1"}]},
        ]);
        let expected = [("batch", "v1"), ("batch", "v1beta1")];
        assert_eq!(
            versions_of(&groups),
            expected.map(|(group, version)| (group.to_owned(), version.to_owned()))
        );
    }
}
