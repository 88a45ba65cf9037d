//! Network policies: which pods they isolate and what they let through, in the API's form or as `kubectl describe` words it.
//!
//! Source: `networking.k8s.io/v1` NetworkPolicySpec; `k8s.io/kubectl/pkg/describe` printNetworkPolicySpecIngressFrom / EgressTo.

use serde_json::{Value, json};

use super::services::{Backend, Labels, same_namespace};
use crate::bundle::decode::Form;
use crate::cluster::{Object, PodView, Snapshot};

/// The direction of traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To the selected pods.
    Ingress,
    /// From them.
    Egress,
}

/// One rule: what it lets through.
#[derive(Debug, Clone, Default)]
pub struct Allowed {
    /// Ports, the first and the last of each range; none means all.
    pub ports: Option<Vec<(i64, i64)>>,
    /// Peers; none means everybody.
    pub peers: Option<Vec<Peer>>,
}

/// One peer of a rule.
#[derive(Debug, Clone, Default)]
pub struct Peer {
    /// Labels of pods; none means all pods.
    pub pods: Option<Labels>,
    /// True when the rule names namespaces.
    pub namespaces: bool,
    /// The labels of namespaces; none means all, or a selector that is more than equalities.
    pub wanted_namespaces: Option<Labels>,
    /// True for addresses.
    pub addresses: bool,
    /// What the selector asks of pods besides labels that are equal, as the API writes it.
    pub expressions: Vec<Value>,
}

/// True when the policy isolates pods in this direction, and its rules are known.
pub fn isolates(policy: &Object, way: Way) -> bool {
    if policy.form == Form::Row {
        return false;
    }
    let types = policy.list("/spec/policyTypes");
    let word = if way == Way::Ingress { "Ingress" } else { "Egress" };
    if types.is_empty() {
        return way == Way::Ingress || policy.get("/spec/egress").is_some();
    }
    types.iter().any(|found| found.as_str() == Some(word))
}

/// True when the policy selects pods with these labels.
pub fn selects(policy: &Object, labels: &Labels) -> bool {
    policy
        .get("/spec/podSelector")
        .is_none_or(|selector| matches_selector(selector, labels))
}

/// Where tables show no labels: the workload that a policy selects by the workload's own name. `known` are those whose labels are known.
pub fn meant_by<'s>(snapshot: &'s Snapshot, policy: &'s Object, known: &[Backend<'_>]) -> Option<Backend<'s>> {
    let labels = policy.get("/spec/podSelector/matchLabels")?.as_object()?;
    let name = labels.values().next().filter(|_| labels.len() == 1)?.as_str()?;
    let unlabelled = |pod: &PodView<'_>| pod.object.get("/metadata/labels").is_none();
    snapshot.pods().filter(unlabelled).find_map(|pod| {
        let subject = snapshot.top_owner(pod.object);
        let is_meant = subject.name == name && same_namespace(&subject.namespace, &policy.key.namespace);
        let is_known = known.iter().any(|backend| backend.subject == subject);
        (is_meant && !is_known).then(|| Backend {
            subject,
            object: policy,
            labels,
            labels_at: "/spec/podSelector",
            complete: false,
            containers: pod.object.list("/spec/containers"),
            containers_at: "/spec/containers",
        })
    })
}

/// True when a label selector, with `matchLabels` and `matchExpressions`, takes these labels.
pub fn matches_selector(selector: &Value, labels: &Labels) -> bool {
    let equal = selector
        .get("matchLabels")
        .and_then(Value::as_object)
        .is_none_or(|wanted| contains(labels, wanted));
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    equal
        && expressions
            .into_iter()
            .flatten()
            .all(|expression| holds(expression, labels))
}

/// True unless the policy's expressions refuse pods of which these labels are known, and maybe not all.
pub fn may_take(policy: &Object, labels: &Labels) -> bool {
    policy
        .list("/spec/podSelector/matchExpressions")
        .iter()
        .all(|expression| {
            let key = expression.get("key").and_then(Value::as_str).unwrap_or("");
            !labels.contains_key(key) || holds(expression, labels)
        })
}

/// True when an expression of a label selector takes these labels.
fn holds(expression: &Value, labels: &Labels) -> bool {
    let key = expression.get("key").and_then(Value::as_str).unwrap_or("");
    let values = expression
        .get("values")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let has = labels.get(key);
    match expression.get("operator").and_then(Value::as_str) {
        Some("In") => has.is_some_and(|value| values.contains(value)),
        Some("NotIn") => has.is_none_or(|value| !values.contains(value)),
        Some("Exists") => has.is_some(),
        Some("DoesNotExist") => has.is_none(),
        _ => true,
    }
}

fn contains(labels: &Labels, wanted: &Labels) -> bool {
    wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// The policy's rules in one direction.
pub fn rules(policy: &Object, way: Way) -> Vec<Allowed> {
    let (api, words, peers) = match way {
        Way::Ingress => ("/spec/ingress", "/spec/casefileIngress", "from"),
        Way::Egress => ("/spec/egress", "/spec/casefileEgress", "to"),
    };
    if policy.get(words).is_some() {
        return from_words(policy.list(words));
    }
    policy.list(api).iter().map(|rule| from_api(rule, peers)).collect()
}

fn from_api(rule: &Value, peers: &str) -> Allowed {
    let list = |key: &str| rule.get(key).and_then(Value::as_array).filter(|list| !list.is_empty());
    let port = |value: &Value| match value.get("port") {
        Some(Value::Number(number)) => {
            let first = number.as_i64()?;
            // `NetworkPolicyPort.endPort`, since Kubernetes 1.22.
            Some((first, value.get("endPort").and_then(Value::as_i64).unwrap_or(first)))
        }
        // A named port, or every port of a protocol: it lets through what cannot be told.
        _ => None,
    };
    let ports = list("ports").and_then(|list| list.iter().map(port).collect::<Option<Vec<(i64, i64)>>>());
    let peer = |value: &Value| {
        let selector = value.get("podSelector");
        Peer {
            pods: selector.and_then(|selector| selector.get("matchLabels")?.as_object().cloned()),
            namespaces: value.get("namespaceSelector").is_some(),
            wanted_namespaces: value.get("namespaceSelector").and_then(equalities_only),
            addresses: value.get("ipBlock").is_some(),
            expressions: selector
                .and_then(|selector| selector.get("matchExpressions")?.as_array().cloned())
                .unwrap_or_default(),
        }
    };
    Allowed {
        ports,
        peers: list(peers).map(|list| list.iter().map(peer).collect()),
    }
}

/// `To Port: 53/UDP`, `From:`, `PodSelector: app=web`, rules apart by a line of dashes.
fn from_words(words: &[Value]) -> Vec<Allowed> {
    let mut found: Vec<Allowed> = Vec::new();
    let mut current: Option<Allowed> = None;
    let mut any_port = false;
    for line in words.iter().filter_map(Value::as_str).map(str::trim) {
        if line.starts_with("<none>") {
            return Vec::new();
        }
        if line.starts_with("----") {
            found.extend(current.take());
            any_port = false;
            continue;
        }
        let (key, value) = line
            .split_once(':')
            .map_or((line, ""), |(key, value)| (key, value.trim()));
        let rule = current.get_or_insert_with(Allowed::default);
        match key {
            "To Port" => match value.split('/').next().and_then(|port| port.parse().ok()) {
                Some(port) if !any_port => rule.ports.get_or_insert_with(Vec::new).push((port, port)),
                _ => {
                    any_port = true;
                    rule.ports = None;
                }
            },
            "From" | "To" if value.is_empty() => rule.peers.get_or_insert_with(Vec::new).push(Peer::default()),
            "PodSelector" | "NamespaceSelector" | "IPBlock" => {
                if let Some(peer) = rule.peers.as_mut().and_then(|peers| peers.last_mut()) {
                    match key {
                        "PodSelector" => {
                            let (equal, expressions) = requirements(value);
                            peer.expressions = expressions;
                            peer.pods = (value != "<none>").then_some(equal);
                        }
                        "NamespaceSelector" => {
                            peer.namespaces = true;
                            let is_plain = value != "<none>" && !value.contains([' ', '!', '(']);
                            peer.wanted_namespaces = is_plain.then(|| equalities(value));
                        }
                        _ => peer.addresses = true,
                    }
                }
            }
            _ => {}
        }
    }
    found.extend(current);
    found
}

/// The labels that a selector asks for, when it asks for nothing else.
fn equalities_only(selector: &Value) -> Option<Labels> {
    if selector.get("matchExpressions").is_some() {
        return None;
    }
    selector.get("matchLabels")?.as_object().cloned()
}

/// What a selector in the words of `kubectl describe` asks for: labels that are equal, and the rest as expressions of the API
/// (`k8s.io/apimachinery/pkg/apis/meta/v1/helpers.go` FormatLabelSelector: `a=b,c in (x,y),d notin (z),e,!f`).
fn requirements(text: &str) -> (Labels, Vec<Value>) {
    let mut equal = Labels::new();
    let mut expressions = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        // A comma within brackets parts values.
        let mut depth = 0_i32;
        let end = rest.find(|c: char| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            c == ',' && depth <= 0
        });
        let (part, after) = end.map_or((rest, ""), |at| {
            (rest.get(..at).unwrap_or(""), rest.get(at + 1..).unwrap_or(""))
        });
        rest = after;
        let part = part.trim();
        let listed = [(" notin (", "NotIn"), (" in (", "In")]
            .into_iter()
            .find_map(|(word, operator)| {
                let (key, values) = part.split_once(word)?;
                let values: Vec<&str> = values.trim_end_matches(')').split(',').map(str::trim).collect();
                Some(json!({"key": key.trim(), "operator": operator, "values": values}))
            });
        match (listed, part.split_once('='), part.strip_prefix('!')) {
            (Some(listed), ..) => expressions.push(listed),
            (_, Some((key, value)), _) => {
                equal.insert(key.trim().to_owned(), value.trim().into());
            }
            (.., Some(key)) => expressions.push(json!({"key": key.trim(), "operator": "DoesNotExist"})),
            _ if !part.is_empty() && part != "<none>" => expressions.push(json!({"key": part, "operator": "Exists"})),
            _ => {}
        }
    }
    (equal, expressions)
}

fn equalities(text: &str) -> Labels {
    text.split(',')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.trim().to_owned(), value.trim().into()))
        .collect()
}

/// The namespace of the other side, as a policy sees it.
#[derive(Debug, Clone, Copy)]
pub struct Home<'s> {
    /// Its name; empty when it is not known.
    pub name: &'s str,
    /// True for the policy's own.
    pub is_own: bool,
    /// Its labels, where the namespace was collected with them.
    pub labels: Option<&'s Labels>,
}

impl Home<'_> {
    /// True unless the namespace is known not to have these labels. Every namespace is labelled with its name
    /// (`kubernetes.io/metadata.name`, Kubernetes 1.21 and later).
    fn may_have(&self, wanted: &Labels) -> bool {
        wanted.iter().all(|(key, value)| match self.labels {
            _ if key == "kubernetes.io/metadata.name" => self.name.is_empty() || value.as_str() == Some(self.name),
            Some(labels) => labels.get(key) == Some(value),
            None => true,
        })
    }
}

impl Allowed {
    /// True when traffic from or to pods with these labels may pass, which live in `home`.
    pub fn admits(&self, labels: &Labels, home: &Home<'_>) -> bool {
        self.peers.as_ref().is_none_or(|peers| {
            peers.iter().any(|peer| {
                let in_reach = if peer.namespaces {
                    peer.wanted_namespaces
                        .as_ref()
                        .is_none_or(|wanted| home.may_have(wanted))
                } else {
                    home.is_own
                };
                let of_pods = peer.pods.as_ref().is_none_or(|wanted| contains(labels, wanted))
                    && peer.expressions.iter().all(|expression| holds(expression, labels));
                peer.addresses || (in_reach && of_pods)
            })
        })
    }

    /// True when traffic from some pod of `home` may pass: one that may have the labels that a rule asks for.
    pub fn may_admit(&self, home: &Home<'_>, may_be: impl Fn(&Labels) -> bool) -> bool {
        self.peers.as_ref().is_none_or(|peers| {
            peers.iter().any(|peer| {
                let in_reach = if peer.namespaces {
                    peer.wanted_namespaces
                        .as_ref()
                        .is_none_or(|wanted| home.may_have(wanted))
                } else {
                    home.is_own
                };
                let is_open = !peer.expressions.is_empty();
                is_open || peer.addresses || in_reach && peer.pods.as_ref().is_none_or(&may_be)
            })
        })
    }

    /// True when this port may be used.
    pub fn opens(&self, port: i64) -> bool {
        self.ports
            .as_ref()
            .is_none_or(|ports| ports.iter().any(|(first, last)| (*first..=*last).contains(&port)))
    }

    /// True when this port is among those that the rule lists.
    pub fn names(&self, port: i64) -> bool {
        self.ports.is_some() && self.opens(port)
    }

    /// True when name resolution may pass: port 53, to whatever peer that could be the cluster's DNS.
    pub fn lets_dns_through(&self) -> bool {
        self.opens(53)
            && self.peers.as_ref().is_none_or(|peers| {
                peers
                    .iter()
                    .any(|peer| peer.namespaces || peer.addresses || self.ports.is_some())
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_described_selector_refuses_who_is_not_among_its_values() {
        let words = [
            "To Port: 9000/TCP",
            "From:",
            "PodSelector: app=store,role in (readers,writer),!old",
        ];
        let words: Vec<Value> = words.into_iter().map(Value::from).collect();
        let found = from_words(&words);
        let home = Home {
            name: "shop",
            is_own: true,
            labels: None,
        };
        let admits = |labels: &str| found.iter().any(|rule| rule.admits(&equalities(labels), &home));
        assert!(admits("app=store,role=writer"));
        assert!(!admits("app=store,role=reader"));
        assert!(!admits("app=web,role=writer"));
        assert!(!admits("app=store,role=writer,old=1"));
    }

    #[test]
    fn namespaces_are_told_apart_by_their_name_and_by_labels_that_are_known() {
        let rule = from_api(
            &serde_json::json!({"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "web"}}}]}),
            "from",
        );
        let home = |name: &'static str, is_own| Home {
            name,
            is_own,
            labels: None,
        };
        assert!(rule.admits(&equalities("a=b"), &home("web", false)));
        assert!(!rule.admits(&equalities("a=b"), &home("shop", true)));
        let labelled = from_api(
            &serde_json::json!({"from": [{"namespaceSelector": {"matchLabels": {"team": "pay"}}}]}),
            "from",
        );
        let known = equalities("team=web");
        assert!(labelled.admits(&equalities("a=b"), &home("shop", false)));
        assert!(!labelled.admits(
            &equalities("a=b"),
            &Home {
                name: "shop",
                is_own: false,
                labels: Some(&known)
            }
        ));
    }

    #[test]
    fn a_range_of_ports_opens_all_of_them() {
        let rule = from_api(
            &serde_json::json!({"ports": [{"port": 30000, "endPort": 32767}, {"port": 443}]}),
            "from",
        );
        let opened: Vec<bool> = [443, 444, 29999, 30000, 31000, 32767, 32768]
            .into_iter()
            .map(|port| rule.opens(port))
            .collect();
        assert_eq!(opened, [true, false, false, true, true, true, false]);
    }

    #[test]
    fn rules_are_read_from_the_words_of_a_description() {
        let words: Vec<Value> = [
            "To Port: 6379/TCP",
            "From:",
            "NamespaceSelector: <none>",
            "PodSelector: app=web,tier=x",
            "----------",
            "To Port: <any> (traffic allowed to all ports)",
            "From: <any> (traffic not restricted by source)",
        ]
        .into_iter()
        .map(Value::from)
        .collect();
        let rules = from_words(&words);
        assert_eq!(rules.len(), 2);
        let labels = |text: &str| equalities(text);
        assert!(rules[0].opens(6379) && !rules[0].opens(80));
        let home = Home {
            name: "shop",
            is_own: true,
            labels: None,
        };
        assert!(rules[0].admits(&labels("app=web,tier=x,v=1"), &home) && !rules[0].admits(&labels("app=web"), &home));
        assert!(rules[1].opens(80) && rules[1].admits(&labels("a=b"), &home));
        assert!(from_words(&["<none> (Selected pods are isolated for ingress connectivity)".into()]).is_empty());
    }
}
