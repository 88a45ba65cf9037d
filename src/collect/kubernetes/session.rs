//! What the steps know of the cluster, and the first of them: finding a server that answers.

use std::collections::BTreeSet;
use std::time::Duration;

use kube::Config;
use kube::client::ClientBuilder;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::api::Api;
use super::discovery::Kind;
use super::error::explain;
use super::lists::Lists;
use super::locate::{self, Candidate};
use super::pods::PodLogs;
use super::writer::Writer;
use super::{credentials, discovery, health, logs, nodes, secrets};
use crate::collect::context::{Context, Step};
use crate::collect::evidence::Place;
use crate::collect::{ClusterPlan, Outcome, Read};

/// The longest that a place is waited for before the next one is tried.
const CONNECT: Duration = Duration::from_secs(10);

/// A cluster in the course of a collection.
pub(crate) struct Session {
    pub(crate) plan: ClusterPlan,
    /// The API, once a server has answered.
    pub(super) api: Option<Api>,
    /// The namespace of the context: what is left to ask for where namespaces may not be listed.
    pub(super) own_namespace: String,
    /// The cluster's namespaces, once they are listed.
    pub(super) namespaces: Option<Vec<String>>,
    /// Namespaces of which something may be read, where not all may.
    pub(super) readable: BTreeSet<String>,
    /// The kinds to list, in the order of their steps.
    pub(super) kinds: Vec<Kind>,
    /// Lists that are being read ahead of their steps.
    pub(super) lists: Lists,
    /// The list that is being written: what came of it is kept, even when its step is ended from outside.
    pub(super) writing: Option<Writer>,
    /// The pods that were listed, for their logs.
    pub(super) pods: Vec<PodLogs>,
    /// The nodes that were listed, with whether they are ready.
    pub(super) nodes: Vec<(String, bool)>,
}

impl Session {
    /// Nothing is opened yet.
    pub(crate) fn new(plan: ClusterPlan) -> Self {
        Self {
            plan,
            api: None,
            own_namespace: "default".into(),
            namespaces: None,
            readable: BTreeSet::new(),
            kinds: Vec::new(),
            lists: Lists::default(),
            writing: None,
            pods: Vec::new(),
            nodes: Vec::new(),
        }
    }

    /// The API, or why the running step has nothing to do.
    pub(super) fn api(&self) -> Result<Api, Outcome> {
        let why = "no API server was reached, see kubernetes/connect";
        self.api.clone().ok_or_else(|| Outcome::Skipped(why.into()))
    }
}

/// How the manifest writes a request.
pub(super) fn request(target: &str) -> Read {
    Read::Request(format!("GET {target}"))
}

/// The steps that come before the host's: a server that answers, and what is secret.
pub(crate) fn first_steps(plan: &ClusterPlan) -> Vec<Step> {
    if locate::places(plan).is_empty() {
        return Vec::new();
    }
    let mut reads: Vec<Read> = locate::places(plan).into_iter().map(Read::File).collect();
    reads.push(request("/version"));
    // Each place has its own time, with the proxy of the environment and without it.
    let places = u32::try_from(reads.len()).unwrap_or(u32::MAX);
    vec![
        Step::new("kubernetes/connect", reads, |ctx| Box::pin(connect(ctx))).patient(places.saturating_mul(2)),
        secrets::step(),
    ]
}

/// The steps that come after the host's: everything else. Objects come first, because they say whose logs matter most.
pub(crate) fn last_steps(plan: &ClusterPlan) -> Vec<Step> {
    if locate::places(plan).is_empty() {
        return Vec::new();
    }
    vec![health::step(), discovery::step(), logs::step(), nodes::step()]
}

/// Tries the places one after the other. A place that only searching found and that leads nowhere is noted: it may be a leftover.
async fn connect(ctx: &mut Context) -> Outcome {
    let candidates = locate::candidates(&ctx.cluster.plan, &ctx.host);
    if candidates.is_empty() {
        let places = locate::places(&ctx.cluster.plan).join(", ");
        return Outcome::Skipped(format!("there is no kubeconfig ({places}); name one with --kubeconfig"));
    }
    let mut failures: Vec<String> = Vec::new();
    let mut silent = BTreeSet::new();
    for candidate in &candidates {
        match attempt(ctx, candidate, &mut silent).await {
            Ok(()) => {
                ctx.evidence.note(format!("connected through {}", candidate.name()));
                return Outcome::Done;
            }
            Err(outcome) => {
                // Noted at once, because a signal may end the step before the last place.
                let (name, why) = (candidate.name(), words(&outcome));
                ctx.evidence.note(format!("{name} did not lead to a server: {why}"));
                failures.push(format!("{name}: {why}"));
            }
        }
    }
    Outcome::Failed(failures.join("; "))
}

fn words(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Failed(reason) | Outcome::Skipped(reason) | Outcome::Forbidden(reason) => reason,
        Outcome::TimedOut => "no answer in time",
        Outcome::Done => "",
    }
}

/// Loads a candidate and reaches its server, through a proxy where one is named. A server that was `silent` is not waited for again:
/// on one machine most places name the same.
async fn attempt(ctx: &mut Context, candidate: &Candidate, silent: &mut BTreeSet<String>) -> Result<(), Outcome> {
    let config = locate::load(candidate, &ctx.cluster.plan)
        .await
        .map_err(Outcome::Failed)?;
    let server = format!("{} {:?}", config.cluster_url, config.proxy_url);
    if silent.contains(&server) {
        return Err(Outcome::Failed(format!(
            "{}: not asked again, it gave no answer in time",
            config.cluster_url
        )));
    }
    // Whatever quotes these credentials, in a log or in an answer, must not show them.
    ctx.evidence
        .learn(&json!({"kind": "Config", "users": [{"name": "", "user": credentials::as_json(&config.auth_info)}]}));
    let direct = is_proxied_by_the_environment(&config).then(|| {
        let mut direct = config.clone();
        direct.proxy_url = None;
        direct
    });
    let reached = reach(ctx, config).await;
    if let Err(Unreached { in_time: false, .. }) = &reached {
        silent.insert(server);
    }
    let reached = reached.map_err(|unreached| unreached.why);
    match (reached, direct) {
        // What is named in NO_PROXY, or should be: an API server inside is often not to be reached over the way out.
        (Err(through), Some(direct)) => {
            reach(ctx, direct).await.map_err(|_| through.clone())?;
            let why = words(&through);
            ctx.evidence.note(format!(
                "connected without the proxy of the environment; through it: {why}"
            ));
            Ok(())
        }
        (result, _) => result,
    }
}

/// True where `HTTPS_PROXY` and not the kubeconfig names a proxy.
fn is_proxied_by_the_environment(config: &Config) -> bool {
    let Some(proxy) = &config.proxy_url else { return false };
    ["HTTPS_PROXY", "https_proxy"]
        .iter()
        .filter_map(|name| std::env::var(name).ok()?.parse().ok())
        .any(|named: hyper::Uri| named == *proxy)
}

/// Why a server was not reached.
struct Unreached {
    why: Outcome,
    /// False where nothing came until its time was over.
    in_time: bool,
}

/// Asks the server of a configuration for its version.
async fn reach(ctx: &mut Context, config: Config) -> Result<(), Unreached> {
    let expired = credentials::expired(&config, ctx.now);
    let server = config.cluster_url.to_string();
    let blame = |outcome: Outcome| {
        let why = expired.as_ref().map(|why| format!("{why}; ")).unwrap_or_default();
        Unreached {
            in_time: outcome != Outcome::TimedOut,
            why: Outcome::Failed(format!("{server}: {why}{}", words(&outcome))),
        }
    };
    let deadline = Instant::now() + CONNECT.min(ctx.step_timeout);
    let namespace = config.default_namespace.clone();
    let client = client(config, deadline)
        .await
        .map_err(|error| blame(Outcome::Failed(error)))?;
    let api = Api::new(client, ctx.step_timeout);
    let version = api.json("/version", 1024 * 1024, deadline).await;
    match version {
        Ok(version) => write_version(ctx, version),
        // Who may not ask for the version may still read pods; the server is there and knows who asks.
        Err(error) if error.code() == Some(403) => ctx.evidence.note(error.to_string()),
        Err(error) => return Err(blame(error.into())),
    }
    if let Some(expired) = expired {
        ctx.evidence.note(expired);
    }
    ctx.cluster.own_namespace = namespace;
    ctx.cluster.api = Some(api);
    Ok(())
}

/// Builds the client aside: a credential plugin is a program, and it may hang.
async fn client(config: Config, deadline: Instant) -> Result<kube::Client, String> {
    let plugin = config.auth_info.exec.as_ref().and_then(|exec| exec.command.clone());
    // Which one it is stands in no error of its start.
    let named = |words: String| match &plugin {
        Some(plugin) if !words.contains(plugin.as_str()) => format!("{plugin}: {words}"),
        _ => words,
    };
    let built = tokio::task::spawn_blocking(move || ClientBuilder::try_from(config).map(ClientBuilder::build));
    match timeout_at(deadline, built).await {
        Err(_) => Err(named("the credential plugin does not answer".into())),
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok(Err(error))) => Err(named(explain(&error))),
        Ok(Ok(Ok(client))) => Ok(client),
    }
}

/// `cluster-info/cluster_version.json` as Troubleshoot has it (`pkg/collect/cluster_info.go`).
fn write_version(ctx: &mut Context, version: Value) {
    let words = version.get("gitVersion").cloned().unwrap_or_default();
    let document = json!({"info": version, "string": words});
    ctx.evidence
        .json(Place::Top("cluster-info/cluster_version.json"), document);
    // It tells Troubleshoot's own tools, and others that read its bundles, what they have before them.
    ctx.evidence.line(
        Place::Top("version.yaml"),
        "apiVersion: troubleshoot.sh/v1beta2\nkind: SupportBundle\nspec:\n  versionNumber: casefile\n",
    );
}
