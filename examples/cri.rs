//! A client that makes sandboxes and containers through the CRI, for the test against a real containerd (`tests/real/containerd.sh`).
//!
//! usage: cri SOCKET pod NAMESPACE NAME LOG_FOLDER             prints the sandbox' id
//!        cri SOCKET container SANDBOX NAMESPACE POD NAME ATTEMPT IMAGE LOG_FOLDER COMMAND…     makes and starts it, prints its id
//!        cri SOCKET pull IMAGE
//!        cri SOCKET remove SANDBOX

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(linux::run(std::env::args().skip(1).collect()))
}

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
#[allow(clippy::print_stdout, reason = "what it prints is its result")]
mod linux {
    use std::collections::BTreeMap;

    use prost::Message;
    use tonic::client::Grpc;
    use tonic::codegen::http::uri::PathAndQuery;
    use tonic::transport::{Channel, Endpoint};
    use tonic_prost::ProstCodec;

    // The fields of `k8s.io/cri-api/pkg/apis/runtime/v1/api.proto` that the test sets.

    #[derive(Clone, PartialEq, Message)]
    struct SandboxMetadata {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(string, tag = "2")]
        uid: String,
        #[prost(string, tag = "3")]
        namespace: String,
    }

    #[derive(Clone, PartialEq, Message)]
    struct Namespaces {
        #[prost(int32, tag = "1")]
        network: i32,
        #[prost(int32, tag = "2")]
        pid: i32,
    }

    #[derive(Clone, PartialEq, Message)]
    struct Security {
        #[prost(message, optional, tag = "1")]
        of_sandbox: Option<Namespaces>,
        #[prost(message, optional, tag = "3")]
        of_container: Option<Namespaces>,
    }

    #[derive(Clone, PartialEq, Message)]
    struct Linux {
        #[prost(message, optional, tag = "2")]
        security: Option<Security>,
    }

    #[derive(Clone, PartialEq, Message)]
    struct Dns {
        #[prost(string, repeated, tag = "1")]
        servers: Vec<String>,
        #[prost(string, repeated, tag = "2")]
        searches: Vec<String>,
        #[prost(string, repeated, tag = "3")]
        options: Vec<String>,
    }

    #[derive(Clone, PartialEq, Message)]
    struct SandboxConfig {
        #[prost(message, optional, tag = "1")]
        metadata: Option<SandboxMetadata>,
        #[prost(string, tag = "3")]
        log_folder: String,
        #[prost(message, optional, tag = "4")]
        dns: Option<Dns>,
        #[prost(btree_map = "string, string", tag = "6")]
        labels: BTreeMap<String, String>,
        #[prost(message, optional, tag = "8")]
        linux: Option<Linux>,
    }

    #[derive(Clone, PartialEq, Message)]
    struct RunSandbox {
        #[prost(message, optional, tag = "1")]
        config: Option<SandboxConfig>,
    }

    /// A request or an answer whose only field is an id.
    #[derive(Clone, PartialEq, Message)]
    struct Id {
        #[prost(string, tag = "1")]
        id: String,
    }

    #[derive(Clone, PartialEq, Message)]
    struct ContainerMetadata {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(uint32, tag = "2")]
        attempt: u32,
    }

    #[derive(Clone, PartialEq, Message)]
    struct ImageSpec {
        #[prost(string, tag = "1")]
        image: String,
    }

    #[derive(Clone, PartialEq, Message)]
    struct Variable {
        #[prost(string, tag = "1")]
        key: String,
        #[prost(string, tag = "2")]
        value: String,
    }

    #[derive(Clone, PartialEq, Message)]
    struct ContainerConfig {
        #[prost(message, optional, tag = "1")]
        metadata: Option<ContainerMetadata>,
        #[prost(message, optional, tag = "2")]
        image: Option<ImageSpec>,
        #[prost(string, repeated, tag = "3")]
        command: Vec<String>,
        #[prost(message, repeated, tag = "6")]
        variables: Vec<Variable>,
        #[prost(btree_map = "string, string", tag = "9")]
        labels: BTreeMap<String, String>,
        #[prost(string, tag = "11")]
        log: String,
        #[prost(message, optional, tag = "15")]
        linux: Option<Linux>,
    }

    #[derive(Clone, PartialEq, Message)]
    struct CreateContainer {
        #[prost(string, tag = "1")]
        sandbox: String,
        #[prost(message, optional, tag = "2")]
        config: Option<ContainerConfig>,
        #[prost(message, optional, tag = "3")]
        sandbox_config: Option<SandboxConfig>,
    }

    #[derive(Clone, PartialEq, Message)]
    struct Pull {
        #[prost(message, optional, tag = "1")]
        image: Option<ImageSpec>,
    }

    #[derive(Clone, PartialEq, Message)]
    struct Nothing {}

    type Failure = Box<dyn std::error::Error>;

    pub(super) async fn run(args: Vec<String>) -> Result<(), Failure> {
        let words: Vec<&str> = args.iter().map(String::as_str).collect();
        let [socket, command, rest @ ..] = words.as_slice() else {
            return Err("usage: cri SOCKET pod|container|pull|remove …".into());
        };
        let channel = Endpoint::from_shared(format!("unix://{socket}"))?.connect().await?;
        match (*command, rest) {
            ("pod", [namespace, name, folder]) => {
                let config = Some(sandbox(namespace, name, folder));
                let answer: Id = call(
                    channel,
                    "/runtime.v1.RuntimeService/RunPodSandbox",
                    RunSandbox { config },
                )
                .await?;
                println!("{}", answer.id);
            }
            ("container", [sandbox_id, namespace, pod, name, attempt, image, folder, line @ ..]) => {
                let attempt: u32 = attempt.parse()?;
                let labels = [
                    ("io.kubernetes.container.name", *name),
                    ("io.kubernetes.pod.name", *pod),
                    ("io.kubernetes.pod.namespace", *namespace),
                ];
                let variables = std::env::vars().filter(|(key, _)| key.starts_with("DEMO_"));
                let config = ContainerConfig {
                    metadata: Some(ContainerMetadata {
                        name: (*name).to_owned(),
                        attempt,
                    }),
                    image: Some(ImageSpec {
                        image: (*image).to_owned(),
                    }),
                    command: line.iter().map(|word| (*word).to_owned()).collect(),
                    variables: variables.map(|(key, value)| Variable { key, value }).collect(),
                    labels: labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
                    log: format!("{name}/{attempt}.log"),
                    linux: Some(Linux {
                        security: Some(Security {
                            of_sandbox: None,
                            of_container: Some(host_network()),
                        }),
                    }),
                };
                let create = CreateContainer {
                    sandbox: (*sandbox_id).to_owned(),
                    config: Some(config),
                    sandbox_config: Some(sandbox(namespace, pod, folder)),
                };
                let made: Id = call(channel.clone(), "/runtime.v1.RuntimeService/CreateContainer", create).await?;
                let _: Nothing = call(channel, "/runtime.v1.RuntimeService/StartContainer", made.clone()).await?;
                println!("{}", made.id);
            }
            ("pull", [image]) => {
                let image = Some(ImageSpec {
                    image: (*image).to_owned(),
                });
                let _: Id = call(channel, "/runtime.v1.ImageService/PullImage", Pull { image }).await?;
            }
            ("remove", [sandbox_id]) => {
                let id = Id {
                    id: (*sandbox_id).to_owned(),
                };
                let _: Nothing = call(channel.clone(), "/runtime.v1.RuntimeService/StopPodSandbox", id.clone()).await?;
                let _: Nothing = call(channel, "/runtime.v1.RuntimeService/RemovePodSandbox", id).await?;
            }
            _ => return Err("usage: cri SOCKET pod|container|pull|remove …".into()),
        }
        Ok(())
    }

    /// A sandbox in the host's network, which needs no CNI plugin; its name servers are those of a pod.
    fn sandbox(namespace: &str, name: &str, folder: &str) -> SandboxConfig {
        let labels = [
            ("io.kubernetes.pod.name", name),
            ("io.kubernetes.pod.namespace", namespace),
        ];
        SandboxConfig {
            metadata: Some(SandboxMetadata {
                name: name.to_owned(),
                uid: folder.rsplit('_').next().unwrap_or_default().to_owned(),
                namespace: namespace.to_owned(),
            }),
            log_folder: folder.to_owned(),
            dns: Some(Dns {
                servers: vec!["10.43.0.10".into()],
                searches: vec![format!("{namespace}.svc.cluster.local"), "svc.cluster.local".into()],
                options: vec!["ndots:5".into()],
            }),
            labels: labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            linux: Some(Linux {
                security: Some(Security {
                    of_sandbox: Some(host_network()),
                    of_container: None,
                }),
            }),
        }
    }

    /// `NODE` for the network, `CONTAINER` for process ids.
    fn host_network() -> Namespaces {
        Namespaces { network: 2, pid: 1 }
    }

    async fn call<Q, A>(channel: Channel, method: &'static str, request: Q) -> Result<A, Failure>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let mut client = Grpc::new(channel);
        client.ready().await?;
        let answer = client
            .unary(
                tonic::Request::new(request),
                PathAndQuery::from_static(method),
                ProstCodec::<Q, A>::default(),
            )
            .await?;
        Ok(answer.into_inner())
    }
}
