//! etcd, asked through its JSON gateway with the client certificates that the node holds; no `etcdctl` is needed.
//!
//! Sources: etcd `api/etcdserverpb/rpc.proto` (the gateway's paths), `server/etcdserver/api/etcdhttp` (`/health`, `/metrics`). The
//! answers are kept in the shapes of the gateway and of `etcdctl -w json`, which the analysis reads.

mod disk;
mod places;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::context::{Context, Step};
use super::endpoint::Endpoint;
use super::tls::{Ask, ask};
use super::{Outcome, Read};
use places::Place;

pub(crate) use disk::step as disk_test;

/// The longest answer that is read: metrics of a large cluster take a few hundred kilobytes.
const MOST: usize = 4 * 1024 * 1024;

/// Members that are asked; a real cluster has fewer than ten.
const MOST_MEMBERS: usize = 20;

/// The gateway's paths of etcd 3.4 and later, and of 3.3.
const APIS: [Api; 2] = [
    Api {
        members: "/v3/cluster/member/list",
        alarms: "/v3/maintenance/alarm",
        status: "/v3/maintenance/status",
    },
    Api {
        members: "/v3beta/cluster/member/list",
        alarms: "/v3beta/maintenance/alarm",
        status: "/v3beta/maintenance/status",
    },
];

#[derive(Clone, Copy)]
struct Api {
    members: &'static str,
    alarms: &'static str,
    status: &'static str,
}

/// The steps of this source.
pub(crate) fn steps() -> Vec<Step> {
    let [api, _] = APIS;
    let mut reads: Vec<Read> = places::files().map(Read::File).collect();
    reads.extend([
        Read::Request(format!("POST {}", api.members)),
        Read::Request(format!("POST {} (action GET)", api.alarms)),
        Read::Request(format!("POST {} of each member", api.status)),
        Read::Request("GET /health of each member".into()),
        Read::Request("GET /metrics".into()),
    ]);
    vec![Step::new("etcd/cluster", reads, |ctx| Box::pin(read(ctx)))]
}

async fn read(ctx: &mut Context) -> Outcome {
    let places = match places::find(&ctx.host, &ctx.etcd) {
        Ok(places) => places,
        Err(error) => return Outcome::Failed(error),
    };
    if places.is_empty() {
        return Outcome::Skipped("this host has no client certificates of an etcd, and none was named".into());
    }
    // By endpoint, the error of the first place that named it.
    let mut silent: Vec<(String, String)> = Vec::new();
    let mut unasked = Unasked::default();
    for place in &places {
        for endpoint in &place.endpoints {
            let Some(soon) = soon(ctx, 4) else {
                unasked.add(endpoint);
                continue;
            };
            match members(place, endpoint, soon).await {
                Ok((api, members)) => {
                    ctx.evidence.note(format!("asked at {}", endpoint.url()));
                    return read_cluster(ctx, place, endpoint, api, members).await;
                }
                Err(error) => {
                    if !silent.iter().any(|(url, _)| *url == endpoint.url()) {
                        silent.push((endpoint.url(), error));
                    }
                }
            }
        }
    }
    // That the member of this node does not answer is itself evidence.
    let health = silent
        .iter()
        .map(|(url, error)| json!({"endpoint": url, "health": false, "error": error}));
    ctx.evidence.json("etcd/endpoint-health.json", health.collect());
    let mut errors: Vec<String> = silent.into_iter().map(|(_, error)| error).collect();
    errors.dedup();
    errors.extend(unasked.words());
    Outcome::Failed(errors.join("; "))
}

/// A share of the step's time, for one question; none where less than half of it is left: what had no time to answer is not silent.
fn soon(ctx: &Context, share: u32) -> Option<Instant> {
    let share = ctx.step_timeout / share;
    let now = Instant::now();
    (now + share / 2 <= ctx.deadline).then(|| ctx.deadline.min(now + share))
}

/// Members for which no time was left.
#[derive(Default)]
struct Unasked(Vec<String>);

impl Unasked {
    fn add(&mut self, endpoint: &Endpoint) {
        let url = endpoint.url();
        if !self.0.contains(&url) {
            self.0.push(url);
        }
    }

    fn words(&self) -> Option<String> {
        let all = self.0.join(", ");
        (!all.is_empty()).then(|| format!("no time was left to ask {all}; raise --timeout"))
    }
}

/// The list of members, and by which paths it was had.
async fn members(place: &Place, endpoint: &Endpoint, deadline: Instant) -> Result<(Api, Value), String> {
    let mut last = String::new();
    for api in APIS {
        match question(place, endpoint, Ask::Post(api.members, "{}"), deadline).await {
            Ok(members) => return Ok((api, members)),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn question(place: &Place, endpoint: &Endpoint, what: Ask, deadline: Instant) -> Result<Value, String> {
    let answer = ask(endpoint, place.identity.as_ref(), what, MOST, deadline).await?;
    if answer.status != 200 {
        let words: String = String::from_utf8_lossy(&answer.body).trim().chars().take(200).collect();
        return Err(format!("{} answered {}: {words}", endpoint.url(), answer.status));
    }
    serde_json::from_slice(&answer.body).map_err(|error| format!("{}: the answer is not JSON: {error}", endpoint.url()))
}

async fn read_cluster(ctx: &mut Context, place: &Place, local: &Endpoint, api: Api, members: Value) -> Outcome {
    let mut endpoints = vec![local.clone()];
    for url in client_urls(&members) {
        match Endpoint::parse(url) {
            Some(found) if !endpoints.contains(&found) && endpoints.len() < MOST_MEMBERS => endpoints.push(found),
            _ => {}
        }
    }
    ctx.evidence.json("etcd/member-list.json", members);
    let mut errors = Vec::new();
    let mut unasked = Unasked::default();
    let asked = Ask::Post(api.alarms, r#"{"action":"GET"}"#);
    let alarms = match soon(ctx, 4) {
        Some(soon) => question(place, local, asked, soon).await,
        None => Err(format!("no time was left to ask {} for alarms", local.url())),
    };
    match alarms {
        Ok(alarms) => ctx.evidence.json("etcd/alarm-list.json", alarms),
        Err(error) => errors.push(error),
    }
    let mut statuses = Vec::new();
    let mut health = Vec::new();
    let mut seen = Vec::new();
    for endpoint in &endpoints {
        let Some(until) = soon(ctx, 8) else {
            unasked.add(endpoint);
            continue;
        };
        let begun = Instant::now();
        let answered = ask(endpoint, place.identity.as_ref(), Ask::Get("/health"), MOST, until).await;
        let took = format!("{:?}", begun.elapsed());
        // Whoever does not answer the one question is not asked the other.
        let status = match soon(ctx, 8).filter(|_| answered.is_ok()) {
            Some(soon) => question(place, endpoint, Ask::Post(api.status, "{}"), soon).await.ok(),
            None => None,
        };
        // This member's own address in the list is the loopback's once more.
        let id = status
            .as_ref()
            .and_then(|status| status.pointer("/header/member_id").cloned());
        if id.is_some() && seen.contains(&id) {
            continue;
        }
        seen.push(id);
        let (is_healthy, error) = match answered {
            Ok(answer) => verdict(&answer.body),
            Err(error) => (false, error),
        };
        health.push(json!({"endpoint": endpoint.url(), "health": is_healthy, "took": took, "error": error}));
        if let Some(status) = status {
            statuses.push(json!({"Endpoint": endpoint.url(), "Status": status}));
        }
    }
    ctx.evidence.json("etcd/endpoint-health.json", Value::Array(health));
    ctx.evidence.json("etcd/endpoint-status.json", Value::Array(statuses));
    let metrics = place.metrics.as_ref().unwrap_or(local);
    let answered = match soon(ctx, 4) {
        Some(soon) => ask(metrics, place.identity.as_ref(), Ask::Get("/metrics"), MOST, soon).await,
        None => Err(format!("no time was left to ask {} for metrics", metrics.url())),
    };
    errors.extend(unasked.words());
    match answered {
        Ok(answer) if answer.status == 200 => {
            let mut capture = ctx.evidence.head();
            capture.push(&answer.body);
            ctx.evidence.text("etcd/metrics.txt", capture);
        }
        Ok(answer) => errors.push(format!("{}/metrics answered {}", metrics.url(), answer.status)),
        Err(error) => errors.push(error),
    }
    if errors.is_empty() {
        Outcome::Done
    } else {
        Outcome::Failed(errors.join("; "))
    }
}

fn client_urls(members: &Value) -> Vec<&str> {
    let list = members
        .get("members")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let urls = list.iter().filter_map(|member| member.get("clientURLs")?.as_array());
    urls.flatten().filter_map(Value::as_str).collect()
}

/// `{"health":"true"}`, or `false` with a reason (etcd `server/etcdserver/api/etcdhttp/health.go`).
fn verdict(body: &[u8]) -> (bool, String) {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let word = |key: &str| answer.get(key).and_then(Value::as_str).unwrap_or_default();
    (word("health") == "true", word("reason").to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use crate::collect::testing::Host;

    /// An etcd of two members, of which the second does not answer.
    fn server() -> u16 {
        server_with(vec![9])
    }

    /// An etcd that answers, and says of others, at these ports, that they are members too; the request's path decides the answer.
    fn server_with(others: Vec<u16>) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut request = Vec::new();
                let mut part = [0; 1024];
                while !request.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
                    match stream.read(&mut part) {
                        Ok(read) if read > 0 => request.extend_from_slice(&part[..read]),
                        _ => break,
                    }
                }
                let request = String::from_utf8_lossy(&request).into_owned();
                let path = request.split(' ').nth(1).unwrap_or("");
                let body = match path {
                    "/v3/cluster/member/list" => {
                        let member = |(at, port)| serde_json::json!({"ID": at + 7, "clientURLs": [format!("http://127.0.0.1:{port}")]});
                        let all = std::iter::once(&port).chain(&others).enumerate().map(member);
                        let all: serde_json::Value = all.collect();
                        serde_json::json!({"header": {"member_id": "7"}, "members": all}).to_string()
                    }
                    "/v3/maintenance/alarm" => {
                        r#"{"header":{"member_id":"7"},"alarms":[{"memberID":"7","alarm":"NOSPACE"}]}"#.into()
                    }
                    "/v3/maintenance/status" => {
                        r#"{"header":{"member_id":"7"},"version":"3.5.9","dbSize":"4096","leader":"7"}"#.into()
                    }
                    "/health" => r#"{"health":"false","reason":"ALARM NOSPACE"}"#.into(),
                    _ => "etcd_disk_wal_fsync_duration_seconds_bucket{le=\"0.001\"} 1\n".to_owned(),
                };
                let _ = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                );
            }
        });
        port
    }

    #[test]
    fn members_health_status_and_alarms_are_kept_as_etcdctl_prints_them() {
        let mut host = Host::with_files(&[]);
        host.plan.etcd.endpoints = vec![format!("http://127.0.0.1:{}", server())];
        let (_, bundle) = host.collect();
        assert_eq!(bundle.step("etcd/cluster")["outcome"], "done");
        assert_eq!(bundle.json("etcd/alarm-list.json")["alarms"][0]["alarm"], "NOSPACE");
        let health = bundle.json("etcd/endpoint-health.json");
        assert_eq!(
            (&health[0]["health"], &health[0]["error"]),
            (&false.into(), &"ALARM NOSPACE".into())
        );
        assert_eq!(
            (&health[1]["endpoint"], &health[1]["health"]),
            (&"http://127.0.0.1:9".into(), &false.into())
        );
        assert_eq!(
            bundle.json("etcd/endpoint-status.json")[0]["Status"]["version"],
            "3.5.9"
        );
        assert!(bundle.text("etcd/metrics.txt").starts_with("etcd_disk_wal_fsync"));
    }

    #[test]
    fn an_etcd_that_does_not_answer_is_a_gap_and_evidence() {
        let mut host = Host::with_files(&[]);
        host.plan.etcd.endpoints = vec!["http://127.0.0.1:9".into()];
        let (summary, bundle) = host.collect();
        assert_eq!(summary.gaps, 1);
        assert_eq!(bundle.json("etcd/endpoint-health.json")[0]["health"], false);
    }

    #[test]
    fn each_endpoint_that_is_silent_has_its_own_error() {
        let mut host = Host::with_files(&[]);
        host.plan.etcd.endpoints = vec!["http://127.0.0.1:9".into(), "http://no-such-name.invalid:2379".into()];
        let (_, bundle) = host.collect();
        let health = bundle.json("etcd/endpoint-health.json");
        for at in 0..2 {
            let (endpoint, error) = (
                health[at]["endpoint"].as_str().unwrap(),
                health[at]["error"].as_str().unwrap(),
            );
            assert!(error.contains(endpoint), "{health}");
        }
    }

    #[test]
    fn members_for_which_no_time_is_left_do_not_pass_for_dead() {
        // They take connections and say nothing.
        let listeners: Vec<TcpListener> = (0..18).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let silent = listeners.iter().map(|listener| listener.local_addr().unwrap().port());
        let mut host = Host::with_files(&[]);
        host.plan.etcd.endpoints = vec![format!("http://127.0.0.1:{}", server_with(silent.collect()))];
        let (_, bundle) = host.collect();
        let asked = bundle.json("etcd/endpoint-health.json").as_array().unwrap().len();
        assert!((2..18).contains(&asked), "{asked}");
        let step = bundle.step("etcd/cluster");
        assert_eq!(step["outcome"], "failed");
        let reason = step["reason"].as_str().unwrap();
        let last = format!("http://{}", listeners.last().unwrap().local_addr().unwrap());
        assert!(
            reason.contains("no time was left to ask") && reason.contains(&last),
            "{reason}"
        );
    }

    #[test]
    fn what_was_named_wrongly_is_told() {
        for (endpoint, certificate, words) in [
            ("10.0.0.1:2379", None, "--etcd-endpoint 10.0.0.1:2379 is no URL"),
            (
                "https://127.0.0.1:9",
                Some("/no/such/cert.pem"),
                "cannot read --etcd-cert /no/such/cert.pem",
            ),
        ] {
            let mut host = Host::with_files(&[]);
            host.plan.etcd.endpoints = vec![endpoint.into()];
            host.plan.etcd.certificate = certificate.map(Into::into);
            let (summary, bundle) = host.collect();
            assert_eq!(summary.gaps, 1);
            let step = bundle.step("etcd/cluster");
            assert!(step["reason"].as_str().unwrap().contains(words), "{step}");
        }
    }

    #[test]
    fn a_host_without_etcd_has_no_gap() {
        let (summary, bundle) = Host::with_files(&[]).collect();
        assert_eq!(summary.gaps, 0);
        assert_eq!(bundle.step("etcd/cluster")["outcome"], "skipped");
    }
}
