//! For tests: a Docker engine that answers what a test wants, a host that holds what a test plants, and a bundle that can be read.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::{ClusterPlan, Destination, EtcdPlan, Kubeconfigs, Limits, Plan, Summary, run};
use crate::redact::Said;

/// What the fake engine does with one request.
pub(crate) enum Answer {
    /// Sends these bytes and closes.
    Close(Vec<u8>),
    /// Sends these bytes, and then nothing until the client goes away.
    Hang(Vec<u8>),
    /// Sends the first bytes, and then the second ones again and again.
    Endless(Vec<u8>, Vec<u8>),
}

/// A complete answer with a length.
pub(crate) fn ok(body: impl AsRef<[u8]>) -> Answer {
    status(200, body)
}

/// A complete answer with another status.
pub(crate) fn status(code: u16, body: impl AsRef<[u8]>) -> Answer {
    let body = body.as_ref();
    let mut bytes = format!(
        "HTTP/1.1 {code} Words\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend(body);
    Answer::Close(bytes)
}

/// The head of an answer whose length is not known, and its first chunks; the last chunk is missing.
pub(crate) fn unfinished(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for part in parts {
        bytes.extend(format!("{:x}\r\n", part.len()).into_bytes());
        bytes.extend(*part);
        bytes.extend(b"\r\n");
    }
    bytes
}

/// A complete answer in chunks, as the engine sends its lists and streams.
pub(crate) fn chunked(parts: &[&[u8]]) -> Answer {
    let mut bytes = unfinished(parts);
    bytes.extend(b"0\r\n\r\n");
    Answer::Close(bytes)
}

/// A host with planted files and an engine, of which bundles are collected.
pub(crate) struct Host {
    dir: TempDir,
    /// What the collection is asked to do; tests change its limits.
    pub(crate) plan: Plan,
}

impl Host {
    /// A host `node-1` with these files and no engine.
    pub(crate) fn with_files(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        for (path, text) in [("/etc/hostname", "node-1\n")].iter().chain(files) {
            let path = root.join(path.trim_start_matches('/'));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let plan = Plan {
            destination: Destination::Path(dir.path().join("bundle.tar.gz")),
            replace: false,
            limits: Limits {
                step_timeout: Duration::from_millis(500),
                ..Limits::default()
            },
            root,
            docker_socket: dir.path().join("docker.sock"),
            cri_socket: None,
            etcd: EtcdPlan::default(),
            probe: false,
            cluster: ClusterPlan::default(),
            nodes: None,
            redaction_key: None,
            said: Said::default(),
            end_with_stdin: false,
        };
        Self { dir, plan }
    }

    /// A host without further files whose engine answers each request (path and query) by `answer`.
    pub(crate) fn with_engine(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let host = Self::with_files(&[]);
        let listener = UnixListener::bind(&host.plan.docker_socket).unwrap();
        let answer = std::sync::Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answer = answer.clone();
                thread::spawn(move || serve(stream, &*answer));
            }
        });
        host
    }

    /// The same host with a server for the API, a stub that answers each request by `answer`, and a kubeconfig for it.
    pub(crate) fn with_api(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let mut host = Self::with_files(&[]);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        let answer = std::sync::Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answer = answer.clone();
                thread::spawn(move || serve(stream, &*answer));
            }
        });
        host.kubeconfig(&server);
        host
    }

    /// Makes a kubeconfig for `server` the one to use.
    pub(crate) fn kubeconfig(&mut self, server: &str) {
        let file = self.beside("kubeconfig");
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n\
             clusters: [{{name: c, cluster: {{server: \"{server}\"}}}}]\nusers: [{{name: u, user: {{token: {CREDENTIAL}}}}}]\n"
        );
        fs::write(&file, text).unwrap();
        self.plan.cluster.kubeconfigs = Kubeconfigs::Named(vec![file]);
    }

    /// A path beside the root, for what a test needs besides.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Collects and opens the bundle.
    pub(crate) fn collect(&self) -> (Summary, Bundle) {
        let summary = run(&self.plan, &mut |_| {}).unwrap();
        let bundle = Bundle::open(summary.path.clone().unwrap());
        (summary, bundle)
    }
}

/// The token in the kubeconfig of a stub.
pub(crate) const CREDENTIAL: &str = "kubeconfig-token-7f3k2m9qx4w8z1";

fn serve(mut stream: impl Read + Write, answer: &dyn Fn(&str) -> Answer) {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => request.push(byte[0]),
            _ => return,
        }
    }
    let request = String::from_utf8(request).unwrap();
    let target = request.split(' ').nth(1).unwrap();
    match answer(target) {
        Answer::Close(bytes) => drop(stream.write_all(&bytes)),
        Answer::Hang(bytes) => {
            drop(stream.write_all(&bytes));
            while matches!(stream.read(&mut byte), Ok(1)) {}
        }
        Answer::Endless(bytes, again) => {
            drop(stream.write_all(&bytes));
            while stream.write_all(&again).is_ok() {}
        }
    }
}

/// A bundle's files by their path below the folder at its top.
pub(crate) struct Bundle {
    pub(crate) names: Vec<String>,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

impl Bundle {
    fn open(path: PathBuf) -> Self {
        let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(File::open(path).unwrap()));
        let mut names = Vec::new();
        let mut files = BTreeMap::new();
        for entry in tar.entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = entry
                .path()
                .unwrap()
                .to_str()
                .unwrap()
                .split_once('/')
                .unwrap()
                .1
                .to_owned();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            names.push(name.clone());
            files.insert(name, bytes);
        }
        Self { names, files }
    }

    /// A file of the node as text.
    pub(crate) fn text(&self, path: &str) -> &str {
        std::str::from_utf8(&self.files[&place(path)]).unwrap()
    }

    /// A file of the node as JSON.
    pub(crate) fn json(&self, path: &str) -> Value {
        serde_json::from_str(self.text(path)).unwrap()
    }

    /// True if the node has this file.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.files.contains_key(&place(path))
    }

    pub(crate) fn manifest(&self) -> Value {
        serde_json::from_slice(&self.files["manifest.json"]).unwrap()
    }

    /// A file of the cluster as JSON.
    pub(crate) fn cluster(&self, path: &str) -> Value {
        let bytes = self
            .files
            .get(path)
            .unwrap_or_else(|| panic!("no {path} in {:?}", self.names));
        serde_json::from_slice(bytes).unwrap()
    }

    /// The manifest's record of a step.
    pub(crate) fn step(&self, name: &str) -> Value {
        let manifest = self.manifest();
        manifest["steps"]
            .as_array()
            .unwrap()
            .iter()
            .find(|step| step["name"] == name)
            .expect(name)
            .clone()
    }

    /// The whole bundle, to search for what must not be in it.
    pub(crate) fn contains(&self, needle: &str) -> bool {
        self.files
            .values()
            .any(|bytes| memchr::memmem::find(bytes, needle.as_bytes()).is_some())
    }
}

/// Where a file of the node is, by its path in the node's folder or on the host.
fn place(path: &str) -> String {
    format!("nodes/node-1/{}", path.trim_start_matches('/'))
}

/// A host with one container, share-mnt, whose argument and environment hold a token.
pub(crate) mod share_mnt {
    use serde_json::{Value, json};

    use super::{Answer, Host, ok};

    pub(crate) const ID: &str = "54e55a2ddc699ac161aaffaa029c11844fa700bfca6817edf2b1d8cadc96961e";
    pub(crate) const TOKEN: &str = "q7zk4n2vxw8c5tbl9m3hs6dfg1jrp0y2aeiou7zk4n2vxw8c5tbl9m";
    pub(crate) const CHECKSUM: &str = "8e673c71b7bd25e515e81d5f83d545d2b17035f0acaf2d260005f9fc36502d54";

    pub(crate) fn list() -> String {
        json!([{"Id": ID, "Names": ["/share-mnt"], "Command": format!("run.sh --token {TOKEN}")}]).to_string()
    }

    pub(crate) fn document() -> Value {
        json!({
            "Id": ID, "Name": "/share-mnt", "Image": format!("sha256:{CHECKSUM}"),
            "Config": {
                "Tty": false,
                "Env": [format!("CATTLE_TOKEN={TOKEN}"), "PATH=/usr/bin"],
                "Cmd": ["--no-register", "--token", TOKEN, format!("--ca-checksum {CHECKSUM}")],
            },
        })
    }

    /// An engine with one container that lacks only what `special` answers.
    pub(crate) fn engine(special: impl Fn(&str) -> Option<Answer> + Send + Sync + 'static) -> Host {
        Host::with_engine(move |target| {
            special(target).unwrap_or_else(|| {
                let path = target.split('?').next().unwrap();
                match path.trim_start_matches("/containers/").split_once('/') {
                    Some((ID, "json")) => ok(document().to_string()),
                    Some((ID, "logs")) => ok(frame(1, "2026-11-21T10:00:00Z ready\n")),
                    _ if path == "/containers/json" => ok(list()),
                    _ if path == "/events" => ok(""),
                    _ => ok("{}"),
                }
            })
        })
    }

    pub(crate) fn frame(stream: u8, text: &str) -> Vec<u8> {
        let mut bytes = vec![stream, 0, 0, 0];
        bytes.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
        bytes.extend(text.as_bytes());
        bytes
    }
}
