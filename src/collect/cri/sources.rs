//! The steps that ask the runtime.

use serde_json::Value;
use tokio::time::Instant;

use super::client::{self, CriError};
use super::json::{name_part, plain, with_info};
use super::messages::{
    Container, ContainerStatus, ContainerStatusRequest, ContainerStatusResponse, Everything, ImageFsInfoResponse,
    ListContainersResponse, ListImagesResponse, ListPodSandboxResponse, StatusRequest, StatusResponse, VersionRequest,
    VersionResponse,
};
use super::sandboxes;
use crate::collect::context::{Context, Step};
use crate::collect::probe::registry_of;
use crate::collect::{Outcome, Read};

const VERSION: &str = "/runtime.v1.RuntimeService/Version";
const STATUS: &str = "/runtime.v1.RuntimeService/Status";
const LIST_CONTAINERS: &str = "/runtime.v1.RuntimeService/ListContainers";
const CONTAINER_STATUS: &str = "/runtime.v1.RuntimeService/ContainerStatus";
pub(super) const LIST_SANDBOXES: &str = "/runtime.v1.RuntimeService/ListPodSandbox";
const LIST_IMAGES: &str = "/runtime.v1.ImageService/ListImages";
const IMAGE_FS: &str = "/runtime.v1.ImageService/ImageFsInfo";

/// The labels that the kubelet gives a container (kubernetes `pkg/kubelet/types/labels.go`).
pub(super) const NAMESPACE: &str = "io.kubernetes.pod.namespace";
pub(super) const POD: &str = "io.kubernetes.pod.name";

/// The steps of this source. Inspection comes first: it knows the containers' secrets by structure.
pub(crate) fn steps() -> Vec<Step> {
    let inspect = vec![request(LIST_CONTAINERS), request("ContainerStatus of each container")];
    vec![
        Step::new("cri/version", vec![request(VERSION)], |ctx| Box::pin(find(ctx))),
        Step::new("cri/inspect", inspect, |ctx| Box::pin(inspect_all(ctx))).patient(4),
        sandboxes::step(),
        Step::new("cri/info", vec![request(STATUS)], |ctx| Box::pin(info(ctx))),
        list::<ListContainersResponse>("cri/ps-a", LIST_CONTAINERS),
        list::<ListPodSandboxResponse>("cri/pods", LIST_SANDBOXES),
        list::<ListImagesResponse>("cri/images", LIST_IMAGES),
        list::<ImageFsInfoResponse>("cri/imagefsinfo", IMAGE_FS),
    ]
}

/// How the manifest writes a call.
pub(super) fn request(method: &str) -> Read {
    Read::Request(format!("gRPC {method}"))
}

/// Takes the first socket whose runtime speaks the CRI.
async fn find(ctx: &mut Context) -> Outcome {
    let mut last = CriError::Absent;
    for socket in ctx.runtime.existing() {
        let hello = VersionRequest {
            version: "v1".to_owned(),
        };
        let soon = ctx.deadline.min(Instant::now() + ctx.step_timeout / 4);
        match client::call::<_, VersionResponse>(&socket, VERSION, hello, soon).await {
            Ok(version) => {
                ctx.evidence.note(format!("asked over {}", socket.display()));
                ctx.runtime.choose(socket);
                return keep(ctx, "cri/version", plain(&version));
            }
            Err(error) => {
                ctx.evidence.note(format!("{}: {error}", socket.display()));
                last = error;
            }
        }
    }
    last.into()
}

/// Writes a document; one that a limit would cut is no JSON any more, and not kept.
pub(super) fn keep(ctx: &mut Context, name: &str, document: Value) -> Outcome {
    if document.to_string().len() as u64 > ctx.evidence.most_of_a_file() {
        return Outcome::Failed("the answer is larger than the limit for a file; raise --max-file-size".into());
    }
    ctx.evidence.json(&format!("{name}.json"), document);
    Outcome::Done
}

/// A step that keeps one list as `<name>.json`.
fn list<A>(name: &'static str, method: &'static str) -> Step
where
    A: prost::Message + Default + serde::Serialize + 'static,
{
    Step::new(name, vec![request(method)], move |ctx| {
        Box::pin(async move {
            let answered: Result<A, _> = ctx.runtime.call(method, Everything {}, ctx.deadline).await;
            match answered {
                Ok(answer) => keep(ctx, name, plain(&answer)),
                Err(error) => error.into(),
            }
        })
    })
}

/// The runtime's own state and configuration, as `crictl info` shows it.
async fn info(ctx: &mut Context) -> Outcome {
    let asked = StatusRequest { verbose: true };
    let answered: Result<StatusResponse, _> = ctx.runtime.call(STATUS, asked, ctx.deadline).await;
    match answered {
        Ok(answer) => {
            let document = with_info(&answer.status.unwrap_or_default(), &answer.info);
            keep(ctx, "cri/info", document)
        }
        Err(error) => error.into(),
    }
}

/// Writes the status of each container in a file of its own, and remembers where the containers' logs are.
async fn inspect_all(ctx: &mut Context) -> Outcome {
    let listed: Result<ListContainersResponse, _> =
        ctx.runtime.call(LIST_CONTAINERS, Everything {}, ctx.deadline).await;
    let containers = match listed {
        Ok(listed) => listed.containers,
        Err(error) => return error.into(),
    };
    let mut documents = Vec::new();
    let mut failed = Vec::new();
    let mut is_late = false;
    for container in &containers {
        let named = container
            .image
            .iter()
            .flat_map(|image| [&image.user_specified_image, &image.image]);
        ctx.registries.extend(named.filter_map(|image| registry_of(image)));
        if Instant::now() >= ctx.deadline {
            is_late = true;
            break;
        }
        let asked = ContainerStatusRequest {
            container_id: container.id.clone(),
            verbose: true,
        };
        // One container whose shim hangs must not take the time of all the others.
        let soon = ctx.deadline.min(Instant::now() + ctx.step_timeout / 4);
        let answered: Result<ContainerStatusResponse, _> = ctx.runtime.call(CONTAINER_STATUS, asked, soon).await;
        match answered {
            Ok(answer) => {
                let status = answer.status.unwrap_or_default();
                let image = status.image.as_ref().and_then(|image| registry_of(&image.image));
                ctx.registries.extend(image);
                if !status.log_path.is_empty() {
                    ctx.container_logs
                        .push((is_unhealthy(&status), status.log_path.clone()));
                }
                let document = with_info(&status, &answer.info);
                ctx.evidence.learn(&document);
                documents.push((file_name(container), document));
            }
            Err(CriError::Gone) => {
                let note = format!("container {} was removed while it was being read", container.id);
                ctx.evidence.note(note);
            }
            Err(error) => failed.push(format!("container {}: {error}", container.id)),
        }
    }
    for (name, document) in documents {
        if let Outcome::Failed(reason) = keep(ctx, &name, document) {
            failed.push(format!("{name}: {reason}"));
        }
    }
    match failed.first() {
        _ if is_late => Outcome::TimedOut,
        Some(first) => Outcome::Failed(format!(
            "{} of {} containers could not be read; {first}",
            failed.len(),
            containers.len()
        )),
        None => Outcome::Done,
    }
}

/// True for a container that ended with an error, never started, or was started again: its log is worth most.
fn is_unhealthy(status: &ContainerStatus) -> bool {
    const RUNNING: i32 = 1;
    let attempt = status.metadata.as_ref().map_or(0, |metadata| metadata.attempt);
    attempt > 0 || status.exit_code != 0 || (status.state != RUNNING && status.finished_at == 0)
}

/// `cri/inspect/<namespace>_<pod>_<container>_<attempt>`; the id stands in for names that a container does not have.
fn file_name(container: &Container) -> String {
    let label = |name: &str| container.labels.get(name).map(String::as_str).unwrap_or_default();
    let metadata = container.metadata.clone().unwrap_or_default();
    let short: String = container.id.chars().take(13).collect();
    let parts = [
        label(NAMESPACE),
        label(POD),
        &metadata.name,
        &metadata.attempt.to_string(),
        &short,
    ];
    let known: Vec<String> = parts
        .into_iter()
        .filter(|part| !part.is_empty())
        .map(name_part)
        .collect();
    format!("cri/inspect/{}", known.join("_"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use prost::Message;

    use super::super::messages::{
        ContainerMetadata, PodSandbox, PodSandboxMetadata, PodSandboxStatus, PodSandboxStatusResponse,
        RuntimeCondition, RuntimeStatus,
    };
    use super::super::testing::{Reply, message, serve};
    use super::*;
    use crate::collect::testing::{Bundle, Host};

    const LOG: &str = "/var/log/pods/shop_web-1_22222222-2222-2222-2222-222222222222/web/2.log";
    const PASSWORD: &str = "w7Rk-q0Zp_4xTbn8Lm2V";

    /// A runtime with one container that failed twice, of whose calls `special` answers some.
    fn host(special: impl Fn(&str) -> Option<Reply> + Send + Sync + 'static) -> Host {
        let mut host = Host::with_files(&[(LOG, "2026-11-21T10:00:00.000000000Z stderr F cannot start\n")]);
        let socket = host.beside("cri.sock");
        serve(&socket, move |method, request| {
            special(method).unwrap_or_else(|| answer(method, request))
        });
        host.plan.cri_socket = Some(socket);
        host
    }

    fn answer(method: &str, request: &[u8]) -> Reply {
        let metadata = Some(ContainerMetadata {
            name: "web".into(),
            attempt: 2,
        });
        match method {
            "Version" => message(&VersionResponse {
                version: "0.1.0".into(),
                runtime_name: "containerd".into(),
                runtime_version: "1.7.2".into(),
                runtime_api_version: "v1".into(),
            }),
            "ListContainers" => message(&ListContainersResponse {
                containers: vec![Container {
                    id: "c1".into(),
                    pod_sandbox_id: "s1".into(),
                    metadata,
                    state: 2,
                    created_at: 1_700_000_000_000_000_000,
                    labels: labels(),
                    ..Container::default()
                }],
            }),
            "ContainerStatus" => {
                assert_eq!(ContainerStatusRequest::decode(request).unwrap().container_id, "c1");
                let env = format!(r#"{{"config":{{"envs":[{{"key":"DB_PASSWORD","value":"{PASSWORD}"}}]}}}}"#);
                message(&ContainerStatusResponse {
                    status: Some(ContainerStatus {
                        id: "c1".into(),
                        metadata,
                        state: 2,
                        exit_code: 137,
                        reason: "OOMKilled".into(),
                        finished_at: 1_700_000_000_000_000_000,
                        log_path: LOG.into(),
                        ..ContainerStatus::default()
                    }),
                    info: BTreeMap::from([("info".into(), env)]),
                })
            }
            "ListPodSandbox" => message(&ListPodSandboxResponse {
                items: vec![PodSandbox {
                    id: "s1".into(),
                    metadata: Some(sandbox()),
                    labels: labels(),
                    ..PodSandbox::default()
                }],
            }),
            "PodSandboxStatus" => message(&PodSandboxStatusResponse {
                status: Some(PodSandboxStatus {
                    id: "s1".into(),
                    metadata: Some(sandbox()),
                    ..PodSandboxStatus::default()
                }),
                info: BTreeMap::new(),
            }),
            "Status" => message(&StatusResponse {
                status: Some(RuntimeStatus {
                    conditions: vec![RuntimeCondition {
                        kind: "NetworkReady".into(),
                        status: false,
                        reason: "NetworkPluginNotReady".into(),
                        message: "cni plugin not initialized".into(),
                    }],
                }),
                info: BTreeMap::from([("cniconfig".into(), "{\"PluginDirs\":[]}".into())]),
            }),
            _ => Reply::Message(Vec::new()),
        }
    }

    fn sandbox() -> PodSandboxMetadata {
        PodSandboxMetadata {
            name: "web-1".into(),
            namespace: "shop".into(),
            ..PodSandboxMetadata::default()
        }
    }

    fn labels() -> BTreeMap<String, String> {
        BTreeMap::from([(NAMESPACE.into(), "shop".into()), (POD.into(), "web-1".into())])
    }

    fn reason(bundle: &Bundle, step: &str) -> (String, String) {
        let step = bundle.step(step);
        let word = |key: &str| step[key].as_str().unwrap_or_default().to_owned();
        (word("outcome"), word("reason"))
    }

    #[test]
    fn answers_have_the_shape_of_crictl_and_secrets_are_masked() {
        let (summary, bundle) = host(|_| None).collect();
        assert_eq!(summary.gaps, 0);
        let listed = &bundle.json("cri/ps-a.json")["containers"][0];
        assert_eq!(listed["state"], "CONTAINER_EXITED");
        assert_eq!(listed["createdAt"], "1700000000000000000");
        let inspected = bundle.json("cri/inspect/shop_web-1_web_2_c1.json");
        assert_eq!(inspected["status"]["exitCode"], 137);
        assert_eq!(inspected["status"]["finishedAt"], "2023-11-14T22:13:20Z");
        assert_eq!(inspected["info"]["config"]["envs"][0]["key"], "DB_PASSWORD");
        assert!(!bundle.contains(PASSWORD));
        assert_eq!(
            bundle.json("cri/info.json")["cniconfig"]["PluginDirs"],
            serde_json::json!([])
        );
        assert_eq!(bundle.json("cri/pods.json")["items"][0]["state"], "SANDBOX_READY");
        assert!(bundle.text(LOG).contains("cannot start"));
    }

    #[test]
    fn a_runtime_without_the_cri_plugin_is_told_from_one_that_is_broken() {
        let (summary, bundle) =
            host(|_| Some(Reply::Status(12, "unknown service runtime.v1.RuntimeService"))).collect();
        assert_eq!(summary.gaps, 0);
        let (outcome, reason) = reason(&bundle, "cri/version");
        assert_eq!(outcome, "skipped");
        assert!(reason.contains("CRI plugin is off"), "{reason}");
    }

    #[test]
    fn one_container_that_hangs_does_not_take_the_others_and_the_log_is_read_from_the_disk() {
        let (_, bundle) = host(|method| (method == "ContainerStatus").then_some(Reply::Hang)).collect();
        let (outcome, reason) = reason(&bundle, "cri/inspect");
        assert_eq!(outcome, "failed");
        assert!(reason.contains("container c1: no answer in time"), "{reason}");
        assert_eq!(bundle.step("cri/pods")["outcome"], "done");
        assert!(bundle.text(LOG).contains("cannot start"));
    }

    #[test]
    fn a_container_that_was_removed_meanwhile_is_no_gap() {
        let (summary, bundle) =
            host(|method| (method == "ContainerStatus").then_some(Reply::Status(5, "not found"))).collect();
        assert_eq!(summary.gaps, 0);
        assert!(
            bundle.step("cri/inspect")["notes"][0]
                .as_str()
                .unwrap()
                .contains("was removed")
        );
    }

    #[test]
    fn a_host_without_a_runtime_has_no_gap() {
        let (_, bundle) = Host::with_files(&[]).collect();
        assert_eq!(reason(&bundle, "cri/version").0, "skipped");
        assert_eq!(reason(&bundle, "cri/images").0, "skipped");
    }
}
