//! What the node's own agents say of themselves: the health endpoints on the loopback, and the sockets of CNI agents.
//!
//! Sources: the ports of kubelet and kube-proxy (kubernetes `pkg/cluster/ports/ports.go`), of Calico's Felix (`FELIX_HEALTHPORT`), of Cilium's
//! agent (`--agent-health-port`, and its API's `/v1/healthz` over `cilium.sock`), and the control socket of BIRD (BIRD's `doc/reply_codes`).

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout_at};

use super::capture::Capture;
use super::context::{Context, Step};
use super::docker::Engine;
use super::endpoint::Endpoint;
use super::tls::{Ask, ask};
use super::{Outcome, Read};

/// Name of the file, address, path.
const HEALTH: [(&str, &str, &str); 6] = [
    ("kubelet-healthz", "http://127.0.0.1:10248", "/healthz?verbose"),
    ("kube-proxy-healthz", "http://127.0.0.1:10256", "/healthz"),
    ("kube-proxy-mode", "http://127.0.0.1:10249", "/proxyMode"),
    ("calico-felix-liveness", "http://127.0.0.1:9099", "/liveness"),
    ("calico-felix-readiness", "http://127.0.0.1:9099", "/readiness"),
    ("cilium-agent-healthz", "http://127.0.0.1:9879", "/healthz"),
];

const CILIUM: &str = "/var/run/cilium/cilium.sock";
const BIRD: [(&str, &str); 2] = [
    ("bird", "/var/run/calico/bird.ctl"),
    ("bird6", "/var/run/calico/bird6.ctl"),
];

/// The longest answer that is read.
const MOST: usize = 1024 * 1024;

/// The steps of this source.
pub(crate) fn steps() -> Vec<Step> {
    let health = HEALTH
        .map(|(_, url, path)| Read::Request(format!("GET {url}{path}")))
        .to_vec();
    let bird = BIRD.map(|(_, socket)| Read::Request(format!("show protocols all at {socket}")));
    let mut cni = vec![Read::Request(format!("GET /v1/healthz at {CILIUM}"))];
    cni.extend(bird);
    vec![
        Step::new("host/health", health, |ctx| Box::pin(health_endpoints(ctx))),
        Step::new("cni/status", cni, |ctx| Box::pin(cni_agents(ctx))),
    ]
}

/// Nobody listening is an answer too: not every node runs everything.
async fn health_endpoints(ctx: &mut Context) -> Outcome {
    if !ctx.host.is_live() {
        return Outcome::Skipped("the loopback would answer for the running system, not for the given root".into());
    }
    let mut found = false;
    for (name, url, path) in HEALTH {
        let Some(endpoint) = Endpoint::parse(url) else { continue };
        let soon = ctx.deadline.min(Instant::now() + ctx.step_timeout / 8);
        match ask(&endpoint, None, Ask::Get(path), MOST, soon).await {
            Ok(answer) => {
                found = true;
                ctx.evidence.note(format!("{url}{path} answered {}", answer.status));
                let mut capture = ctx.evidence.head();
                capture.push(&answer.body);
                ctx.evidence.text(&format!("host/health/{name}.txt"), capture);
            }
            Err(error) => ctx.evidence.note(error),
        }
    }
    if found {
        Outcome::Done
    } else {
        Outcome::Skipped("no agent listens on the loopback".into())
    }
}

async fn cni_agents(ctx: &mut Context) -> Outcome {
    let mut found = false;
    let mut errors = Vec::new();
    let exists = |path: &str| ctx.host.resolve(path).ok().filter(|path| path.exists());
    let cilium = exists(CILIUM);
    let birds: Vec<_> = BIRD
        .into_iter()
        .filter_map(|(name, socket)| Some((name, exists(socket)?)))
        .collect();
    if let Some(socket) = cilium {
        let mut body = Capture::head(MOST as u64);
        let answered = Engine::new(socket)
            .get("/v1/healthz", ctx.deadline, &mut |part| {
                body.push(part);
                !body.is_full()
            })
            .await;
        match (answered, serde_json::from_slice::<Value>(body.held())) {
            (Ok(_), Ok(document)) => {
                found = true;
                ctx.evidence.json("cni/cilium-healthz.json", document);
            }
            (Ok(_), Err(error)) => errors.push(format!("cilium: the answer is not JSON: {error}")),
            (Err(error), _) => errors.push(format!("cilium: {error}")),
        }
    }
    for (name, socket) in birds {
        match bird(&socket, ctx.deadline).await {
            Ok(text) => {
                found = true;
                ctx.evidence.line(&format!("cni/{name}-protocols.txt"), &text);
            }
            Err(error) => errors.push(format!("{name}: {error}")),
        }
    }
    match (errors.is_empty(), found) {
        (false, _) => Outcome::Failed(errors.join("; ")),
        (true, true) => Outcome::Done,
        (true, false) => Outcome::Skipped("no CNI agent has its socket here".into()),
    }
}

/// Asks BIRD as `birdc` does: its answer ends with a line that starts with a code below 1000 or above 7999 and a blank.
async fn bird(socket: &std::path::Path, deadline: Instant) -> Result<String, String> {
    let conversation = async {
        let mut stream = UnixStream::connect(socket).await?;
        stream.write_all(b"show protocols all\n").await?;
        let mut text = Vec::new();
        let mut part = [0; 4096];
        while !is_over(&text) && text.len() < MOST {
            let read = stream.read(&mut part).await?;
            if read == 0 {
                break;
            }
            text.extend_from_slice(part.get(..read).unwrap_or_default());
        }
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&text).into_owned())
    };
    match timeout_at(deadline, conversation).await {
        Ok(Ok(text)) => Ok(text),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer in time".into()),
    }
}

/// The greeting is `0001 BIRD … ready.`; it does not end an answer.
fn is_over(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let last = text
        .lines()
        .rfind(|line| text.ends_with('\n') && !line.starts_with("0001 "));
    last.is_some_and(|line| matches!(line.as_bytes(), [b'0' | b'8' | b'9', _, _, _, b' ', ..]))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixListener;

    use crate::collect::testing::Host;

    #[test]
    fn birds_protocols_are_read_from_its_socket() {
        let host = Host::with_files(&[("/var/run/calico/nodename", "n")]);
        let listener = UnixListener::bind(host.plan.root.join("var/run/calico/bird.ctl")).unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"0001 BIRD v0.3.3 ready.\n").unwrap();
            let mut asked = [0; 64];
            let _ = stream.read(&mut asked).unwrap();
            stream
                .write_all(b"2002-name     proto    table    state  since       info\n1002-Mesh_10_0_0_2 BGP      master   start  10:00:00    Connect\n0000 \n")
                .unwrap();
            let _ = stream.read(&mut asked);
        });
        let (_, bundle) = host.collect();
        assert_eq!(bundle.step("cni/status")["outcome"], "done");
        assert!(bundle.text("cni/bird-protocols.txt").contains("Mesh_10_0_0_2"));
    }

    #[test]
    fn a_host_without_agents_has_no_gap() {
        let (summary, bundle) = Host::with_files(&[]).collect();
        assert_eq!(summary.gaps, 0);
        assert_eq!(bundle.step("cni/status")["outcome"], "skipped");
    }
}
