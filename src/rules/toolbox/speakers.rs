//! Whose words a log line is, and whether that workload is in trouble now.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::moments::latest_moment;
use crate::cluster::{PodView, Snapshot};
use crate::logs::{LogFile, Stream};
use crate::model::{Subject, When};

/// How a workload is while it says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// A container ends again and again, or has ended for good with an error.
    Crashing,
    /// It runs, or waits, and is not ready.
    NotReady,
    /// It is ready, or has ended well.
    Well,
    /// No form of the pod was collected.
    Unknown,
}

/// Who speaks.
#[derive(Debug, Clone)]
pub struct Speaker<'s> {
    /// The top owner.
    pub workload: Subject,
    /// The pod; none when it was not collected.
    pub pod: Option<PodView<'s>>,
    /// The pod's name; empty when not even that is known.
    pub pod_name: String,
    /// The container; empty when it is not known.
    pub container: String,
    /// How it is.
    pub state: State,
    /// True when the log's own name or place tells whose it is.
    pub certain: bool,
}

/// A restart so shortly before the bundle was made shows a pod that is ready only between two crashes.
const JUST_NOW: SignedDuration = SignedDuration::from_mins(15);

/// Who wrote a log. A log that nothing attributes is given to the only workload that can have written it, without certainty.
pub fn of_log<'s>(snapshot: &'s Snapshot, log: &'s LogFile) -> Option<Speaker<'s>> {
    match &log.stream {
        Stream::Container(found) => {
            let subject = Subject::namespaced("Pod", &found.namespace, &found.pod);
            Some(of_pod(snapshot, &subject, &found.container))
        }
        Stream::Unknown => of_unnamed(snapshot, log),
        Stream::Component(_) => None,
    }
}

/// The pod that a subject names, as a speaker. A pod of which the namespace is not known is looked for in all.
pub fn of_pod<'s>(snapshot: &'s Snapshot, subject: &Subject, container: &str) -> Speaker<'s> {
    let pod = snapshot.pod(&subject.namespace, &subject.name).or_else(|| {
        snapshot
            .pods()
            .filter(|pod| pod.name() == subject.name)
            .max_by_key(|pod| pod.namespace().len())
    });
    let (workload, state) = match pod {
        Some(view) => (snapshot.top_owner(view.object), state_of(snapshot, &view, container)),
        None => {
            let workload = snapshot.top_owner_of(subject);
            let siblings: Vec<PodView<'_>> = snapshot.pods_of(&workload).collect();
            let state = match siblings.iter().find(|sibling| !sibling.is_well()) {
                Some(failing) => state_of(snapshot, failing, container),
                None if siblings.is_empty() => State::Unknown,
                None => State::Well,
            };
            (workload, state)
        }
    };
    Speaker {
        workload,
        pod,
        pod_name: subject.name.clone(),
        container: container.to_owned(),
        state,
        certain: true,
    }
}

/// How a pod is now; `container` narrows it to one, where the form of the pod names containers.
pub fn state_of(snapshot: &Snapshot, pod: &PodView<'_>, container: &str) -> State {
    if is_over(snapshot, pod) {
        return State::Well;
    }
    let containers = pod.containers();
    let named = containers
        .iter()
        .find(|candidate| !container.is_empty() && candidate.name == container);
    if pod.is_well() || named.is_some_and(|named| named.is_ready()) {
        return if named
            .map_or_else(|| containers.iter().collect(), |named| vec![named])
            .iter()
            .any(|container| {
                let ended = container
                    .ended()
                    .filter(|ended| ended.exit_code != Some(0))
                    .and_then(|ended| ended.finished);
                recurs(snapshot, pod, container.restarts(), ended)
            }) {
            State::Crashing
        } else {
            State::Well
        };
    }
    let crashed = |container: &crate::cluster::ContainerInstance<'_>| {
        container
            .waiting()
            .is_some_and(|waiting| waiting.reason == "CrashLoopBackOff")
            || container.ended().is_some_and(|ended| ended.exit_code != Some(0))
    };
    // The kubelet ended these; none of their containers did so by itself.
    if pod.phase() == "Failed" && pod.is_put_out() {
        return State::Unknown;
    }
    if pod.phase() == "Failed"
        || containers
            .iter()
            .any(|container| !container.is_ready() && crashed(container))
    {
        State::Crashing
    } else {
        State::NotReady
    }
}

/// True when a container that runs at the moment will most likely end again: it did so often, and did just now, or at the pace of its
/// restarts over the life of the pod is about to.
fn recurs(snapshot: &Snapshot, pod: &PodView<'_>, restarts: i64, ended: Option<When>) -> bool {
    let (Some(now), Some(ended)) = (latest_moment(snapshot), ended) else {
        return false;
    };
    if restarts < OFTEN {
        return false;
    }
    let since = ended.gap_to(&now);
    // A description shows when the pod was started and not when it was made.
    let created = pod.object.time("/metadata/creationTimestamp");
    let age = created
        .or_else(|| pod.object.time("/status/startTime"))
        .map(|created| created.gap_to(&now));
    let pace = age.and_then(|age| age.checked_div(i32::try_from(restarts).ok()?));
    since <= JUST_NOW || pace.is_some_and(|pace| pace <= FAST && since <= pace.saturating_mul(2))
}

/// Restarts that are more than an accident.
const OFTEN: i64 = 3;
/// Restarts further apart than this, on the average, are no state of failing.
const FAST: SignedDuration = SignedDuration::from_hours(3);

/// True for a pod that is being deleted, and for a failed attempt of a Job that succeeded after all. Of a CronJob's pods those of this
/// run or a later one tell that; the Job's name ends in the time of the run.
fn is_over(snapshot: &Snapshot, pod: &PodView<'_>) -> bool {
    let owner = snapshot.top_owner(pod.object);
    let run = |pod: &PodView<'_>| pod.name().rsplit_once('-').map_or("", |(job, _)| job).to_owned();
    let retried = matches!(owner.kind.as_str(), "Job" | "CronJob")
        && (snapshot
            .pods_of(&owner)
            .any(|sibling| sibling.phase() == "Succeeded" && (owner.kind == "Job" || run(&sibling) >= run(pod)))
            || snapshot
                .object("Job", &owner.namespace, &owner.name)
                .is_some_and(|job| job.int("/status/succeeded") > Some(0)));
    pod.is_terminating() || pod.object.get("/metadata/casefileTerminating").is_some() || retried
}

/// A log of an unknown program: of the only workload that fails, else of the only one that has no log of its own.
fn of_unnamed<'s>(snapshot: &'s Snapshot, log: &'s LogFile) -> Option<Speaker<'s>> {
    let file = log.path.file_name();
    let stem = file.split('.').next().unwrap_or("");
    // Logs of hosts and of what runs on them are no application's.
    if !file.ends_with(".log") || HOST_LOGS.iter().any(|word| file.contains(word)) || under_a_node(log) {
        return None;
    }
    let candidates: Vec<PodView<'_>> = snapshot.pods().filter(|pod| pod.namespace() != "kube-system").collect();
    if snapshot.pods().next().is_none() {
        let name = stem.trim_end_matches("-previous").trim_end_matches("_previous");
        let workload = Subject::namespaced("Deployment", "", name);
        return (!name.is_empty()).then(|| Speaker {
            workload,
            pod: None,
            pod_name: String::new(),
            container: String::new(),
            state: State::Unknown,
            certain: false,
        });
    }
    let failing: BTreeSet<Subject> = candidates
        .iter()
        .filter(|pod| !pod.is_well() && !is_over(snapshot, pod))
        .map(|pod| snapshot.top_owner(pod.object))
        .collect();
    let silent = || -> BTreeSet<Subject> {
        candidates
            .iter()
            .filter(|pod| pod.phase() == "Running")
            .map(|pod| snapshot.top_owner(pod.object))
            .filter(|owner| !is_data_store(&owner.name) && !has_log(snapshot, owner))
            .collect()
    };
    let mut possible = if failing.is_empty() { silent() } else { failing };
    let workload = possible.pop_first().filter(|_| possible.is_empty())?;
    let pod = candidates
        .iter()
        .filter(|pod| snapshot.top_owner(pod.object) == workload)
        .min_by_key(|pod| pod.is_well())
        .copied()?;
    Some(Speaker {
        workload,
        pod: Some(pod),
        pod_name: pod.name().to_owned(),
        container: String::new(),
        state: state_of(snapshot, &pod, ""),
        certain: false,
    })
}

/// Words in the names of logs that programs of a host write.
const HOST_LOGS: [&str; 14] = [
    "k3s",
    "rke",
    "kubelet",
    "containerd",
    "docker",
    "journal",
    "syslog",
    "messages",
    "dmesg",
    "kern",
    "audit",
    "etcd",
    "drain",
    "rancher",
];

fn under_a_node(log: &LogFile) -> bool {
    log.path
        .components()
        .any(|part| matches!(part, "nodes" | "node" | "hosts" | "journald" | "systemlogs"))
}

fn has_log(snapshot: &Snapshot, owner: &Subject) -> bool {
    snapshot.logs.iter().any(|log| match &log.stream {
        Stream::Container(found) => {
            snapshot.top_owner_of(&Subject::namespaced("Pod", &found.namespace, &found.pod)) == *owner
        }
        _ => false,
    })
}

/// Parts of names that databases, caches and brokers are known by.
const DATA_STORES: [&str; 50] = [
    "postgres",
    "postgresql",
    "pg",
    "pgsql",
    "mysql",
    "mariadb",
    "percona",
    "mongo",
    "mongodb",
    "redis",
    "valkey",
    "rabbitmq",
    "kafka",
    "zookeeper",
    "elasticsearch",
    "elastic",
    "opensearch",
    "redpanda",
    "cassandra",
    "scylla",
    "cockroachdb",
    "influxdb",
    "clickhouse",
    "memcached",
    "minio",
    "etcd",
    "db",
    "database",
    "mssql",
    "rabbit",
    "broker",
    "activemq",
    "artemis",
    "pulsar",
    "neo4j",
    "couchdb",
    "couchbase",
    "solr",
    "tidb",
    "tikv",
    "keydb",
    "dragonfly",
    "galera",
    "timescale",
    "timescaledb",
    "yugabyte",
    "vitess",
    "qdrant",
    "weaviate",
    "milvus",
];

/// First words of what moves data into a store or out of it: `sink-clickhouse`, `backup-mysql`.
const MOVERS: [&str; 16] = [
    "sink", "source", "export", "exporter", "import", "importer", "load", "loader", "write", "writer", "backup",
    "copy", "sync", "migrate", "connect", "to",
];

/// True when a name is a data store's: one of its parts says so. `checkout-db` is one, `db-migrate` is not: the last parts decide.
pub fn is_data_store(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    if lower.split_once('-').is_some_and(|(first, _)| MOVERS.contains(&first)) {
        return false;
    }
    let mut parts = lower
        .split(['-', '_', '.', '/'])
        .rev()
        .filter(|part| !part.bytes().all(|byte| byte.is_ascii_digit()));
    let is_one = |part: &str| DATA_STORES.contains(&part);
    match (parts.next(), parts.next()) {
        (
            Some("primary" | "main" | "master" | "replica" | "replicas" | "server" | "leader" | "cluster"),
            Some(part),
        ) => is_one(part),
        (Some(last), _) => is_one(last),
        (None, _) => false,
    }
}

/// True for what is there to call others, by its name: all that it complains of is theirs.
pub fn makes_load(name: &str) -> bool {
    const TOOLS: [&str; 8] = [
        "loadgen",
        "loadgenerator",
        "locust",
        "k6",
        "jmeter",
        "gatling",
        "vegeta",
        "artillery",
    ];
    let words: Vec<&str> = name.split('-').collect();
    let is_pair = |pair: &[&str]| matches!(pair, ["load" | "traffic", second] if second.starts_with("gen") || second.starts_with("test"));
    words.iter().any(|word| TOOLS.contains(word)) || words.windows(2).any(is_pair)
}

/// The Deployments whose names end so, known by their pods or by a log alone: the controllers that charts install.
pub fn controllers_called(snapshot: &Snapshot, ending: &str) -> BTreeSet<Subject> {
    let of_pods = snapshot.pods().map(|pod| snapshot.top_owner(pod.object));
    let of_logs = snapshot
        .logs
        .iter()
        .filter_map(|log| Some(of_log(snapshot, log)?.workload));
    let is_one = |owner: &Subject| owner.kind == "Deployment" && owner.name.ends_with(ending);
    of_pods.chain(of_logs).filter(is_one).collect()
}

/// True for the log of a container's former instance (`kubectl logs --previous`).
pub fn is_previous(log: &LogFile) -> bool {
    matches!(&log.stream, Stream::Container(found) if found.previous)
}

/// The words by which a technology's workloads are called; the signature's id names the technology.
pub fn technology(signature: &str) -> &'static [&'static str] {
    match signature.split('-').next().unwrap_or("") {
        "postgres" | "pgbouncer" | "libpq" | "pg" => &["postgres", "postgresql", "pg", "pgsql", "pgbouncer", "db"],
        "mysql" => &["mysql", "mariadb", "percona", "db"],
        "redis" => &["redis", "valkey"],
        "mongo" => &["mongo", "mongodb"],
        "kafka" | "librdkafka" => &["kafka", "redpanda"],
        "cassandra" => &["cassandra", "scylla"],
        "rabbitmq" | "amqp" => &["rabbitmq", "rabbit"],
        "elasticsearch" => &["elasticsearch", "elastic", "opensearch", "es"],
        "memcached" => &["memcached"],
        "minio" => &["minio"],
        "clickhouse" => &["clickhouse"],
        _ => &[],
    }
}

/// The workloads of a namespace that run a technology, by name or image, each once.
pub fn stores_of<'s>(
    snapshot: &'s Snapshot,
    namespace: &'s str,
    words: &'static [&'static str],
) -> impl Iterator<Item = Subject> + 's {
    let mut found = called(snapshot, namespace, words);
    // Tables show no images, and people call a cache a cache.
    if found.is_empty() && words.iter().any(|word| CACHES.contains(word)) {
        found = called(snapshot, namespace, &["cache"]);
    }
    found.into_iter()
}

/// What mostly is a cache.
const CACHES: [&str; 2] = ["redis", "memcached"];

/// The workloads of a namespace that are called by one of these words, or run an image that is.
fn called(snapshot: &Snapshot, namespace: &str, words: &[&str]) -> BTreeSet<Subject> {
    let is_one = |name: &str| {
        name.split(['-', '_', '.', '/', ':', '@'])
            .any(|part| words.contains(&part))
    };
    snapshot
        .pods()
        .filter(|pod| pod.namespace() == namespace)
        .filter(|pod| {
            let owner = snapshot.top_owner(pod.object).name;
            let runs = |image: &str| is_one(image.rsplit('/').next().unwrap_or(image));
            let exports = |name: &str| name.contains("exporter") || name.contains("backup");
            (is_one(&owner) || pod.containers().iter().any(|container| runs(container.image()))) && !exports(&owner)
        })
        .map(|pod| snapshot.top_owner(pod.object))
        .collect()
}

/// True for a pod of the cluster's name service: CoreDNS or kube-dns in `kube-system`, by label or name
/// (kubernetes `cluster/addons/dns`; RKE2's chart calls it `rke2-coredns-rke2-coredns`). Autoscalers beside it are none.
pub fn is_name_service(pod: &PodView<'_>) -> bool {
    let name = pod.name();
    let is_called_so = (name.starts_with("coredns-") || name.starts_with("kube-dns-") || name.contains("-coredns-"))
        && !name.contains("autoscaler");
    matches!(pod.namespace(), "" | "kube-system" | "openshift-dns")
        && (pod.object.text("/metadata/labels/k8s-app") == "kube-dns" || is_called_so)
}

#[cfg(test)]
mod tests {
    use super::is_data_store;

    #[test]
    fn a_data_store_is_known_by_the_end_of_its_name() {
        for name in ["mysql", "payroll-pg", "orders-db", "pg-main", "redis-master", "kafka-0"] {
            assert!(is_data_store(name), "{name}");
        }
        for name in ["db-migrate", "redis-exporter", "api", "mysql-backup"] {
            assert!(!is_data_store(name), "{name}");
        }
    }
}
