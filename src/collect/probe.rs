//! `--probe`: whether what this host depends on can be reached from it, as one would try by hand: name resolution, TCP to the API servers,
//! registries and name servers, the path's MTU with the don't-fragment bit, and one request to each registry that images name.
//!
//! Nothing else of a collection leaves the host, so this is done only when it is asked for.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::capture::Capture;
use super::command::{self, Ran};
use super::configs::{KUBECONFIGS, expand};
use super::context::{Context, Step};
use super::endpoint::Endpoint;
use super::kubernetes::{self, Server};
use super::tls::{Ask, Identity, ask};
use super::{Outcome, Read};

/// Most hosts that are asked, and the longest time for one question.
const MOST: usize = 40;
const SOON: Duration = Duration::from_secs(3);

/// Authorities of the system: Debian and SUSE, Red Hat.
const SYSTEM_ROOTS: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
];

/// Docker Hub's registry has another name than its images (distribution `reference/normalize.go`).
const DOCKER_HUB: (&str, &str) = ("docker.io", "registry-1.docker.io");

/// Headers of IPv4 and ICMP without options (RFC 791, RFC 792): what `ping -s` does not count.
const HEADERS: u64 = 28;

/// The step of this source.
pub(crate) fn step() -> Step {
    let reads = vec![
        Read::Request("resolve the API servers of kubeconfigs and the registries of images".into()),
        Read::Request("TCP to API servers, registries and name servers".into()),
        Read::Request("GET /version of each API server, over TLS".into()),
        Read::Request("HEAD /v2/ of each registry".into()),
        Read::Command("ping -M do -c 1 -W 2 -s MTU-28 of each API server".into()),
    ];
    // Each question has a time of its own; all together may take longer than other steps.
    Step::new("probe/network", reads, |ctx| Box::pin(run(ctx))).patient(4)
}

async fn run(ctx: &mut Context) -> Outcome {
    if !ctx.host.is_live() {
        return Outcome::Skipped("the network would be that of the running system, not of the given root".into());
    }
    let questions = api_questions(ctx);
    let mut servers: Vec<Endpoint> = Vec::new();
    for question in &questions {
        if !servers.contains(&question.endpoint) {
            servers.push(question.endpoint.clone());
        }
    }
    let registries: Vec<Endpoint> = ctx
        .registries
        .iter()
        .take(MOST)
        .filter_map(|name| registry(name))
        .collect();
    let resolvers = ctx
        .host
        .small("/etc/resolv.conf")
        .map_or_else(Vec::new, |text| nameservers(&text));
    let mut results = Vec::new();
    let mut is_late = false;
    for host in servers
        .iter()
        .chain(&registries)
        .map(|endpoint| endpoint.host.clone())
        .collect::<BTreeSet<_>>()
    {
        results.push(resolve(&host, soon(ctx)).await);
    }
    for endpoint in servers.iter().chain(&registries).chain(&resolvers).take(MOST) {
        is_late |= Instant::now() >= ctx.deadline;
        results.push(connect(endpoint, soon(ctx)).await);
    }
    let roots = system_roots(ctx);
    for question in &questions {
        is_late |= Instant::now() >= ctx.deadline;
        let mut found = version(&question.endpoint, question.trusted(&roots), soon(ctx)).await;
        let files = question.files.iter().map(|file| file.display().to_string());
        if let Some(found) = found.as_object_mut() {
            found.insert("kubeconfigs".to_owned(), files.collect());
        }
        results.push(found);
    }
    for endpoint in &registries {
        is_late |= Instant::now() >= ctx.deadline;
        results.push(head(endpoint, &roots, soon(ctx)).await);
    }
    let mtu = smallest_mtu(ctx);
    for endpoint in servers.iter().filter(|endpoint| endpoint.host != "127.0.0.1") {
        results.extend(path_mtu(&endpoint.host, mtu, soon(ctx)).await);
    }
    if results.is_empty() {
        return Outcome::Skipped("no kubeconfig, image or resolv.conf names anything to ask".into());
    }
    ctx.evidence.json("probe/network.json", Value::Array(results));
    if is_late { Outcome::TimedOut } else { Outcome::Done }
}

fn soon(ctx: &Context) -> Instant {
    ctx.deadline.min(Instant::now() + SOON)
}

/// An API server, and whom its kubeconfigs trust. One with the wrong authority does not reach it, whatever others do.
struct Question {
    endpoint: Endpoint,
    /// In PEM.
    authority: Vec<u8>,
    files: Vec<PathBuf>,
}

impl Question {
    /// As client-go does it (`rest/config.go`, `TLSClientConfig`): the authority that is named and no other, else those of the system.
    fn trusted<'a>(&'a self, roots: &'a [u8]) -> &'a [u8] {
        if self.authority.is_empty() {
            roots
        } else {
            &self.authority
        }
    }
}

/// What this host's kubeconfigs ask, and those that the collection itself would take.
fn api_questions(ctx: &Context) -> Vec<Question> {
    let files = KUBECONFIGS.iter().flat_map(|pattern| expand(&ctx.host, pattern));
    let files = files.filter_map(|path| ctx.host.resolve(&path).ok());
    questions(kubernetes::servers(&ctx.cluster.plan, &ctx.host, files.collect()))
}

fn questions(servers: Vec<Server>) -> Vec<Question> {
    // Of a server that is not to be verified every authority that is known says whether it answers.
    let all: Vec<u8> = (servers.iter())
        .flat_map(|server| server.authority.iter().copied().chain([b'\n']))
        .collect();
    let mut found: Vec<Question> = Vec::new();
    for server in servers {
        let url = server.url.trim();
        let Some(endpoint) = Endpoint::parse(url).or_else(|| Endpoint::parse(&format!("{url}:443"))) else {
            continue;
        };
        let authority = if server.is_unverified {
            all.clone()
        } else {
            server.authority
        };
        match (found.iter_mut()).find(|known| known.endpoint == endpoint && known.authority == authority) {
            Some(known) => known.files.push(server.file),
            None => found.push(Question {
                endpoint,
                authority,
                files: vec![server.file],
            }),
        }
    }
    found.truncate(MOST);
    found
}

/// The registry of an image's reference: its first part, if that is a host (distribution `reference/normalize.go`).
pub(super) fn registry_of(image: &str) -> Option<String> {
    let (first, _) = image.split_once('/')?;
    let is_host = first.contains('.') || first.contains(':') || first == "localhost";
    Some(if is_host {
        first.to_owned()
    } else {
        DOCKER_HUB.0.to_owned()
    })
}

fn registry(name: &str) -> Option<Endpoint> {
    let host = if name == DOCKER_HUB.0 { DOCKER_HUB.1 } else { name };
    let with_port = if host.contains(':') {
        host.to_owned()
    } else {
        format!("{host}:443")
    };
    Endpoint::parse(&format!("https://{with_port}"))
}

fn nameservers(text: &str) -> Vec<Endpoint> {
    let servers = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    let endpoint = |server: &str| Endpoint {
        is_tls: false,
        host: server.trim().to_owned(),
        port: 53,
    };
    servers.map(endpoint).collect()
}

fn result(kind: &str, target: &str, begun: Instant, answer: Result<String, String>) -> Value {
    let took = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    match answer {
        Ok(answer) => json!({"probe": kind, "target": target, "ok": true, "answer": answer, "took_ms": took}),
        Err(error) => json!({"probe": kind, "target": target, "ok": false, "error": error, "took_ms": took}),
    }
}

async fn resolve(host: &str, deadline: Instant) -> Value {
    let begun = Instant::now();
    let answer = match timeout_at(deadline, tokio::net::lookup_host((host, 0))).await {
        Err(_) => Err("no answer in time".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok(found)) => {
            let all: BTreeSet<String> = found.map(|address| address.ip().to_string()).collect();
            Ok(all.into_iter().collect::<Vec<_>>().join(", "))
        }
    };
    result("resolve", host, begun, answer)
}

async fn connect(endpoint: &Endpoint, deadline: Instant) -> Value {
    let begun = Instant::now();
    let stream = TcpStream::connect((endpoint.host.as_str(), endpoint.port));
    let answer = match timeout_at(deadline, stream).await {
        Err(_) => Err("no answer in time".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok(_)) => Ok("connected".to_owned()),
    };
    result("tcp", &format!("{}:{}", endpoint.host, endpoint.port), begun, answer)
}

/// What a server says to somebody without a name, be it that it knows nobody such: then the network and its certificate are well.
async fn version(endpoint: &Endpoint, trusted: &[u8], deadline: Instant) -> Value {
    let begun = Instant::now();
    let identity = Identity {
        authority: trusted.to_vec(),
        ..Identity::default()
    };
    let answered = ask(endpoint, Some(&identity), Ask::Get("/version"), 64 * 1024, deadline).await;
    let answer = answered.map(|answer| format!("status {}", answer.status));
    result("api", &format!("{}/version", endpoint.url()), begun, answer)
}

async fn head(endpoint: &Endpoint, roots: &[u8], deadline: Instant) -> Value {
    let begun = Instant::now();
    let identity = Identity {
        authority: roots.to_vec(),
        ..Identity::default()
    };
    let answered = ask(endpoint, Some(&identity), Ask::Head("/v2/"), 64 * 1024, deadline).await;
    let answer = answered.map(|answer| format!("status {}", answer.status));
    result("head", &format!("{}/v2/", endpoint.url()), begun, answer)
}

fn system_roots(ctx: &Context) -> Vec<u8> {
    let read = |path: &&str| ctx.host.read(path, Capture::head(4 * 1024 * 1024)).ok();
    let files = SYSTEM_ROOTS.iter().filter_map(read);
    let own = expand(&ctx.host, "/etc/docker/certs.d/*/ca.crt").into_iter();
    let own = own.chain(expand(&ctx.host, "/etc/containerd/certs.d/*/ca.crt"));
    let own = own.filter_map(|path| ctx.host.small(&path));
    let mut roots: Vec<u8> = files.flat_map(|capture| capture.held().to_vec()).collect();
    for text in own {
        roots.extend_from_slice(text.as_bytes());
    }
    roots
}

/// The MTU of the links that are up; the loopback's is no measure.
fn smallest_mtu(ctx: &Context) -> u64 {
    let names = ctx.host.list("/sys/class/net").unwrap_or_default();
    let of = |name: &String| -> Option<u64> {
        let text = ctx.host.small(&format!("/sys/class/net/{name}/mtu"))?;
        text.trim()
            .parse()
            .ok()
            .filter(|_| name.starts_with("eth") || name.starts_with("en") || name.starts_with("bond"))
    };
    names.iter().filter_map(of).min().unwrap_or(1500)
}

/// One packet as large as the link takes, which must not be cut on its way; nothing where there is no `ping`.
async fn path_mtu(host: &str, mtu: u64, deadline: Instant) -> Option<Value> {
    let begun = Instant::now();
    let size = mtu.saturating_sub(HEADERS).to_string();
    let args = ["-M", "do", "-c", "1", "-W", "2", "-s", &size, host];
    let answer = match command::run("ping", &args, Capture::head(64 * 1024), deadline).await {
        Ran::Missing | Ran::Broken(_) => return None,
        Ran::TimedOut { .. } => Err("no answer in time".to_owned()),
        Ran::Ended { status, out, err } => {
            let words = String::from_utf8_lossy(out.held()).trim().to_owned();
            match status {
                Some(0) => Ok(words),
                _ => Err(format!("{words} {err}").trim().to_owned()),
            }
        }
    };
    Some(result("path-mtu", &format!("{host} with {size} bytes"), begun, answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_are_told_from_names_of_docker_hub() {
        for (image, registry) in [
            ("harbor.example.com/shop/cart:1.0", Some("harbor.example.com")),
            ("127.0.0.1:5000/a", Some("127.0.0.1:5000")),
            ("library/nginx:1.25", Some("docker.io")),
            ("nginx:1.25", None),
        ] {
            assert_eq!(registry_of(image).as_deref(), registry, "{image}");
        }
        assert_eq!(
            super::registry("docker.io").unwrap().url(),
            "https://registry-1.docker.io:443"
        );
    }

    #[test]
    fn each_kubeconfig_is_asked_about_with_its_own_authority() {
        let server = |authority: &str, file: &str| Server {
            url: "https://10.0.0.1:6443".into(),
            authority: authority.into(),
            is_unverified: false,
            file: file.into(),
        };
        let found = questions(vec![
            server("right", "a"),
            server("wrong", "b"),
            server("right", "c"),
            server("", "d"),
        ]);
        let asked: Vec<(&[u8], Vec<&str>)> = found
            .iter()
            .map(|question| {
                let files = question.files.iter().filter_map(|file| file.to_str());
                (question.trusted(b"roots"), files.collect())
            })
            .collect();
        assert_eq!(
            asked,
            [
                (&b"right"[..], vec!["a", "c"]),
                (b"wrong", vec!["b"]),
                (b"roots", vec!["d"])
            ]
        );
    }

    #[test]
    fn what_nobody_answers_is_a_result_with_its_error() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let endpoint = Endpoint::parse("https://127.0.0.1:9").unwrap();
        let found = runtime.block_on(connect(&endpoint, Instant::now() + SOON));
        assert_eq!(found["ok"], false);
        assert!(found["error"].as_str().unwrap().contains("refused"), "{found}");
        let found = runtime.block_on(version(&endpoint, &[], Instant::now() + SOON));
        assert_eq!((&found["probe"], &found["ok"]), (&"api".into(), &false.into()));
        assert!(found["error"].as_str().unwrap().contains("cannot connect"), "{found}");
    }
}
