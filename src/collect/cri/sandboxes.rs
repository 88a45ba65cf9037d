//! The pods' sandboxes: their status, and the name servers that each has.

use serde_json::Value;
use tokio::time::Instant;

use super::client::CriError;
use super::json::{name_part, with_info};
use super::messages::{
    Everything, ListPodSandboxResponse, PodSandbox, PodSandboxStatusRequest, PodSandboxStatusResponse,
};
use super::sources::{LIST_SANDBOXES, keep, request};
use crate::collect::Outcome;
use crate::collect::context::{Context, Step};

const SANDBOX_STATUS: &str = "/runtime.v1.RuntimeService/PodSandboxStatus";

/// `SANDBOX_READY`.
const READY: i32 = 0;

/// The step that writes `cri/inspectp/<namespace>_<pod>_<attempt>.json`.
pub(super) fn step() -> Step {
    let reads = vec![request(LIST_SANDBOXES), request("PodSandboxStatus of each sandbox")];
    Step::new("cri/inspectp", reads, |ctx| Box::pin(inspect_all(ctx))).patient(4)
}

async fn inspect_all(ctx: &mut Context) -> Outcome {
    let listed: Result<ListPodSandboxResponse, _> = ctx.runtime.call(LIST_SANDBOXES, Everything {}, ctx.deadline).await;
    let sandboxes = match listed {
        Ok(listed) => listed.items,
        Err(error) => return error.into(),
    };
    let mut failed = Vec::new();
    for sandbox in &sandboxes {
        if Instant::now() >= ctx.deadline {
            return Outcome::TimedOut;
        }
        let asked = PodSandboxStatusRequest {
            pod_sandbox_id: sandbox.id.clone(),
            verbose: true,
        };
        let soon = ctx.deadline.min(Instant::now() + ctx.step_timeout / 4);
        let answered: Result<PodSandboxStatusResponse, _> = ctx.runtime.call(SANDBOX_STATUS, asked, soon).await;
        match answered {
            Ok(answer) => {
                let name = file_name(sandbox);
                let document = with_info(&answer.status.unwrap_or_default(), &answer.info);
                if let Some(path) = resolver(&document).filter(|_| sandbox.state == READY) {
                    ctx.pod_resolvers.push((name.clone(), path));
                }
                if let Outcome::Failed(reason) = keep(ctx, &format!("cri/inspectp/{name}"), document) {
                    failed.push(format!("{name}: {reason}"));
                }
            }
            Err(CriError::Gone) => ctx
                .evidence
                .note(format!("sandbox {} was removed while it was being read", sandbox.id)),
            Err(error) => failed.push(format!("sandbox {}: {error}", sandbox.id)),
        }
    }
    match failed.first() {
        Some(first) => Outcome::Failed(format!(
            "{} of {} sandboxes could not be read; {first}",
            failed.len(),
            sandboxes.len()
        )),
        None => Outcome::Done,
    }
}

/// The file of the host that is mounted as the sandbox' `/etc/resolv.conf` (containerd `internal/cri/server/podsandbox`, CRI-O
/// `server/sandbox_run_linux.go`: both make one for each sandbox and mount it).
fn resolver(document: &Value) -> Option<String> {
    let mounts = document.pointer("/info/runtimeSpec/mounts")?.as_array()?;
    let is_resolver = |mount: &&Value| mount.get("destination").and_then(Value::as_str) == Some("/etc/resolv.conf");
    let source = mounts.iter().find(is_resolver)?.get("source")?.as_str()?;
    Some(source.to_owned())
}

fn file_name(sandbox: &PodSandbox) -> String {
    let metadata = sandbox.metadata.clone().unwrap_or_default();
    let short: String = sandbox.id.chars().take(13).collect();
    let parts = [
        &metadata.namespace,
        &metadata.name,
        &metadata.attempt.to_string(),
        &short,
    ];
    let known: Vec<String> = parts
        .into_iter()
        .filter(|part| !part.is_empty())
        .map(|part| name_part(part))
        .collect();
    known.join("_")
}
