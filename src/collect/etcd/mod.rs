//! etcd, asked through its JSON gateway with the client certificates that the node holds; no `etcdctl` is needed.
//!
//! Sources: etcd `api/etcdserverpb/rpc.proto` (the gateway's paths), `server/etcdserver/api/etcdhttp` (`/health`, `/metrics`). The
//! answers are kept in the shapes of the gateway and of `etcdctl -w json`, which the analysis reads.

mod disk;
mod places;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::context::{Context, Step};
use super::tls::{Ask, Endpoint, ask};
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
    let places = places::find(&ctx.host, &ctx.etcd);
    if places.is_empty() {
        return Outcome::Skipped("this host has no client certificates of an etcd, and none was named".into());
    }
    let mut errors = Vec::new();
    for place in &places {
        for endpoint in &place.endpoints {
            let soon = soon(ctx, 4);
            match members(place, endpoint, soon).await {
                Ok((api, members)) => {
                    ctx.evidence.note(format!("asked at {}", endpoint.url()));
                    return read_cluster(ctx, place, endpoint, api, members).await;
                }
                Err(error) => errors.push(error),
            }
        }
    }
    // That the member of this node does not answer is itself evidence.
    let silent = places.iter().flat_map(|place| &place.endpoints).map(|endpoint| {
        json!({"endpoint": endpoint.url(), "health": false, "error": errors.first().cloned().unwrap_or_default()})
    });
    let mut silent: Vec<Value> = silent.collect();
    silent.dedup_by(|a, b| a.get("endpoint") == b.get("endpoint"));
    ctx.evidence.json("etcd/endpoint-health.json", Value::Array(silent));
    errors.dedup();
    Outcome::Failed(errors.join("; "))
}

/// A share of the step's time, for one question.
fn soon(ctx: &Context, share: u32) -> Instant {
    ctx.deadline.min(Instant::now() + ctx.step_timeout / share)
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
    let asked = Ask::Post(api.alarms, r#"{"action":"GET"}"#);
    match question(place, local, asked, soon(ctx, 4)).await {
        Ok(alarms) => ctx.evidence.json("etcd/alarm-list.json", alarms),
        Err(error) => errors.push(error),
    }
    let mut statuses = Vec::new();
    let mut health = Vec::new();
    let mut seen = Vec::new();
    for endpoint in &endpoints {
        let begun = Instant::now();
        let answered = ask(
            endpoint,
            place.identity.as_ref(),
            Ask::Get("/health"),
            MOST,
            soon(ctx, 8),
        )
        .await;
        let took = format!("{:?}", begun.elapsed());
        let status = question(place, endpoint, Ask::Post(api.status, "{}"), soon(ctx, 8)).await;
        // This member's own address in the list is the loopback's once more.
        let id = status
            .as_ref()
            .ok()
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
        if let Ok(status) = status {
            statuses.push(json!({"Endpoint": endpoint.url(), "Status": status}));
        }
    }
    ctx.evidence.json("etcd/endpoint-health.json", Value::Array(health));
    ctx.evidence.json("etcd/endpoint-status.json", Value::Array(statuses));
    let metrics = place.metrics.as_ref().unwrap_or(local);
    match ask(
        metrics,
        place.identity.as_ref(),
        Ask::Get("/metrics"),
        MOST,
        soon(ctx, 4),
    )
    .await
    {
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

    /// An etcd of two members, of which the second does not answer; the request's path decides the answer.
    fn server() -> u16 {
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
                    "/v3/cluster/member/list" => format!(
                        r#"{{"header":{{"member_id":"7"}},"members":[{{"ID":"7","name":"a","clientURLs":["http://127.0.0.1:{port}"]}},{{"ID":"8","name":"b","clientURLs":["http://127.0.0.1:9"]}}]}}"#
                    ),
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
    fn a_host_without_etcd_has_no_gap() {
        let (summary, bundle) = Host::with_files(&[]).collect();
        assert_eq!(summary.gaps, 0);
        assert_eq!(bundle.step("etcd/cluster")["outcome"], "skipped");
    }
}
