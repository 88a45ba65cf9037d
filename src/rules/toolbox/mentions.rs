//! Which workloads an error line names besides the one that wrote it, in whatever form its stack writes a peer.

use std::sync::LazyLock;

use regex::Regex;

use super::peers::{Peer, objects_of};
use crate::cluster::Snapshot;
use crate::model::Subject;

/// Where a line names a peer for sure: a URL, a name of the cluster's DNS, `host:port`, Envoy's cluster, the target of a call, the start of a wrapped error.
///
/// Sources: golang `net/url.Error`; thrift `TSocket.py` (`Could not connect to any of [('10.0.0.7', 9105)]`); gRPC's name syntax
/// (`ipv4:`, `dns:///`); Envoy's and Istio's cluster names (`outbound|8080||host`, pilot/pkg/model/push_context.go,
/// `BuildSubsetKey`); gRPC methods (`/package.Service/Method`, `service.Method`).
static NAMED: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        r"\b[a-z][a-z0-9+.-]*://(?:[^/@\s]*@)?(?P<peer>[A-Za-z0-9.-]+(?::\d+)?)",
        r"\b(?P<peer>[a-z0-9][a-z0-9-]*\.[a-z0-9-]+\.svc(?:\.[a-z0-9-]+)*(?::\d+)?)\b",
        r"\b(?:outbound|inbound)\|\d*\|[\w-]*\|(?P<peer>[a-z0-9.-]+)",
        r"\b(?:ipv4|dns)(?:%3[Aa]|:)(?:/{2,3})?(?P<peer>[a-z0-9][a-z0-9.-]*(?::|%3[Aa])\d+)",
        r"\('(?P<peer>[a-z0-9][a-z0-9.-]*)', \d{2,5}\)",
        r#"(?:^|[\s"'=(>/\[])(?P<peer>[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)*:\d{2,5})\b"#,
        r#"(?:^|[\s"'=(>/\[])(?P<peer>\d+\.\d+\.\d+\.\d+(?::\d+)?)\b"#,
        r#"(?i)\b(?:call(?:ing|s)?(?: to)?|request to|connect(?:ing|ion)? to|response from|answer from|reach(?:ing)?|upstream|backend|dependency|peer|service|svc|target|host)[=:]? ?["'`\[]?(?P<peer>[a-z][a-z0-9-]{1,62})\b"#,
        r#"(?:^|[\s"'(])(?P<peer>[a-z][a-z0-9-]{1,62})(?:-?(?:service|svc|client))?\.[A-Z]\w+\b"#,
        r#"(?:: |[\s"']desc = |^)(?P<peer>[a-z][a-z0-9-]{1,62}): "#,
        r#"\b(?P<peer>[a-z][a-z0-9]*(?:-[a-z0-9]+)+)\b"#,
    ]
    .iter()
    .filter_map(|pattern| Regex::new(pattern).ok())
    .collect()
});
/// The peer that made a request stands in these places, not one that was called.
static CALLER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"^\S*\d+\.\d+\.\d+\.\d+\S* |(?i)\b(?:client|remote(?:_addr)?|from|peer_address|forwarded_for|source|src|hostname|host_name)"?[=:]? ?["'\[(]*[A-Za-z0-9.:-]+"#).ok()
});

/// The objects that a line names, Services and the workloads behind them; never the one that speaks.
pub fn mentioned(snapshot: &Snapshot, speaker: &Subject, line: &str) -> Vec<Subject> {
    let mut found: Vec<Subject> = Vec::new();
    let Some(callers) = CALLER.as_ref() else { return found };
    let line: String = line.chars().take(LONGEST).collect();
    let line = callers.replace_all(&line, " ");
    let mut seen: Vec<String> = Vec::new();
    for regex in NAMED.iter() {
        for captures in regex.captures_iter(&line).take(MOST) {
            let Some(named) = captures.name("peer") else { continue };
            let named = named.as_str().replace("%3A", ":").replace("%3a", ":");
            if seen.contains(&named) {
                continue;
            }
            for object in objects_of(snapshot, &speaker.namespace, &Peer::parse(&named, None)) {
                if object != *speaker && object.name != speaker.name && !found.contains(&object) {
                    found.push(object);
                }
            }
            seen.push(named);
        }
    }
    found
}

/// Of workloads that are in trouble themselves, those whose name a line bears as a word: `quote request failed`, `TimelineClient`. A mere
/// word may mean anything, so nothing else is asked for by it.
pub fn named_by_word<'t>(troubled: &'t [Subject], speaker: &Subject, line: &str) -> Vec<&'t Subject> {
    let Some(callers) = CALLER.as_ref() else {
        return Vec::new();
    };
    let line: String = line.chars().take(LONGEST).collect();
    let said = words_of(&callers.replace_all(&line, " "));
    let is_named = |workload: &&Subject| {
        let own = |name: &str| -> Vec<String> {
            let words = words_of(name);
            words
                .into_iter()
                .filter(|word| !GENERIC.contains(&word.as_str()))
                .collect()
        };
        let name = own(&workload.name);
        **workload != *speaker
            && workload.namespace == speaker.namespace
            && name.iter().any(|word| word.len() >= SHORTEST)
            && own(&speaker.name) != name
            && said.windows(name.len()).any(|window| window == name)
    };
    troubled.iter().filter(is_named).collect()
}

/// The words of a text in lower case; `TimelineClient` and `timeline-client` are two each.
fn words_of(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in text.chars() {
        let starts = c.is_ascii_uppercase() && before.is_ascii_lowercase();
        if starts || !c.is_ascii_alphanumeric() {
            words.push(String::new());
        }
        if c.is_ascii_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.push(c.to_ascii_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Words in the names of workloads that tell nothing.
const GENERIC: [&str; 12] = [
    "service",
    "svc",
    "server",
    "srv",
    "api",
    "app",
    "backend",
    "deployment",
    "ms",
    "v1",
    "v2",
    "worker",
];
/// Letters of the shortest name that is looked for.
const SHORTEST: usize = 4;
/// Characters of a line that are looked at.
const LONGEST: usize = 800;
/// Peers that are looked up for one line and form.
const MOST: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::reading;

    const PODS: &str = "NAMESPACE   NAME                        READY   STATUS    RESTARTS   AGE   IP            NODE\nshop        web-57b96b46b7-zv4q2        1/1     Running   0          41m   10.244.0.10   w1\nshop        rates-6bdf8c9d7-jd5lx       1/1     Running   0          41m   10.244.0.11   w1\nshop        tax-rules-6bdf8c9d7-jd5lx   1/1     Running   0          41m   10.244.0.12   w1\n";
    const SERVICES: &str = "NAMESPACE   NAME        TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)    AGE\nshop        rates       ClusterIP   10.96.0.12   <none>        8080/TCP   41m\nshop        tax-rules   ClusterIP   10.96.0.13   <none>        8080/TCP   41m\n";

    #[test]
    fn a_line_names_peers_as_its_stack_writes_them() {
        let snapshot = reading(&[("pods.txt", PODS), ("svc.txt", SERVICES)]);
        let web = Subject::namespaced("Deployment", "shop", "web");
        for (line, expected) in [
            ("500 Internal Server Error from POST http://rates:8080/v1", "rates"),
            ("Could not connect to any of [('10.96.0.12', 8080)]", "rates"),
            ("\"cluster\":\"outbound|8080||rates.shop.svc.cluster.local\"", "rates"),
            (
                "failed to connect to all addresses; last error: ipv4:10.96.0.12:8080",
                "rates",
            ),
            ("14 UNAVAILABLE: ipv4:10.244.0.11:8080", "rates"),
            ("rates.GetQuote: rpc error: code = Unknown desc = internal", "rates"),
            ("quote: rpc error: code = Unknown desc = rates: internal", "rates"),
            ("calling rates failed: timeout", "rates"),
            ("tax-rules did not answer", "tax-rules"),
            ("web: cannot read rates of today", ""),
            ("10.244.0.11 - - \"GET / HTTP/1.1\" 500 12", ""),
            ("request failed, client: 10.244.0.11, request: \"GET /\"", ""),
        ] {
            let found = mentioned(&snapshot, &web, line);
            let workload = found.iter().find(|object| object.kind == "Deployment");
            assert_eq!(workload.map_or("", |object| object.name.as_str()), expected, "{line}");
        }
    }
}
