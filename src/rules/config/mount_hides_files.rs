//! A volume is mounted at a directory in which the image has the program, and hides it.

use serde_json::Value;

use crate::cluster::{Object, Snapshot};
use crate::model::{Citation, Confidence, Subject};
use crate::rules::toolbox::calls::of_clients;
use crate::rules::toolbox::complaints::{Complaint, complaints};
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader, Subjects};

pub(in crate::rules) const RULE: &str = r##"
id: mount-hides-files
role: cause
level: critical
needs: [pods|deployments|statefulsets|daemonsets]
check:
  zh: 是否有卷挂载在镜像放置程序的目录上，遮住了程序
  en: whether a volume is mounted over the directory in which the image has its program
title:
  zh: "{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：卷 {{ volume }}（{{ source }}）挂载在 {{ directory }}，遮住了镜像中的 {{ file }}"
  en: "{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: volume {{ volume }} ({{ source }}) is mounted at {{ directory }} and hides the image's {{ file }}"
cause:
  zh: "容器 {{ container }} 找不到 {{ file }}：{{ said }}。没有 subPath 的挂载会遮住镜像在 {{ directory }} 下的全部内容，容器在那里只看到 {{ source }} 的内容{% if keys %}（{{ keys|join('、') }}）{% endif %}，其中没有这个文件。"
  en: "container {{ container }} does not find {{ file }}: {{ said }}. A mount without subPath hides all that the image has below {{ directory }}; the container sees the content of {{ source }} there instead{% if keys %} ({{ keys|join(', ') }}){% endif %}, which has no such file."
rules_out:
  - {zh: "应用自身的错误：程序没有被载入", en: "a fault of the application: its program was not loaded"}
questions:
  - {zh: "这个挂载是什么时候加上的，镜像不带它时能否启动？", en: "when was this mount added, and does the image start without it?"}
causes:
  - rule: app-missing-file
    ground: workload
    mechanism: {zh: "挂载遮住了程序文件", en: "the mount hides the program's file"}
  - rule: container-create-run-error
    ground: workload
    mechanism: {zh: "运行时在挂载之后找不到要执行的文件", en: "with the mount in place the runtime does not find what it has to execute"}
  - rule: app-bug
    ground: workload
    mechanism: {zh: "最后几行日志说的就是缺少的文件", en: "the last lines of the log are about the missing file"}
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: "程序不能载入，容器一再结束", en: "the program cannot be loaded, so the container ends again and again"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "容器起不来，Pod 不就绪", en: "the container cannot start, so no pod is ready"}
  - rule: job-backoff-limit
    ground: workload
    mechanism: {zh: "任务的每次尝试都因此失败", en: "every attempt of the Job fails over it"}
benign:
  - {zh: "由 init 容器或边车填充的共享卷：程序本来就应在卷里", en: "a shared volume that an init container or a sidecar fills: the program is meant to be in the volume"}
  - {zh: "保存脚本的 ConfigMap 缺少某个键：缺的是键，不是镜像里的文件", en: "a ConfigMap of scripts that lacks a key: the key is missing, and not a file of the image"}
  - {zh: "缺少的是配置文件：它本来就由卷提供", en: "what is missing is a configuration file, which the volume has to bring"}
  - {zh: "以 subPath 挂载单个文件不会遮住同一目录的其他文件", en: "one file mounted with subPath hides no other file of its directory"}
remedy:
  - purpose: {zh: 查看容器的挂载, en: look at the container's mounts}
    place: cluster
    risk: read-only
    command: "kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}get {{ resource }} {{ subject.name }} -o yaml"
    expect: {zh: "volumeMounts 中 {{ volume }} 的 mountPath 是 {{ directory }}，没有 subPath", en: "volumeMounts has {{ volume }} with mountPath {{ directory }} and no subPath"}
    verify: {zh: "用同一个镜像、不带这个卷启动容器，{{ file }} 存在", en: "a container of the same image without this volume has {{ file }}"}
    rollback: {zh: 只读，无需回滚, en: read-only}
  - purpose: {zh: "把卷挂载到程序目录之外，或以 subPath 只挂载需要的文件", en: "mount the volume outside the program's directory, or only the files that are needed, with subPath"}
    place: cluster
    risk: change
    precheck: {zh: "知道程序从哪个路径读取这个卷的内容", en: "it is known from which path the program reads what the volume has"}
    command: "kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}edit {{ resource }} {{ subject.name }}"
    expect: {zh: 保存后触发滚动更新, en: a rollout starts when it is saved}
    verify: {zh: "新的 Pod 就绪，日志不再缺少 {{ file }}", en: "the new pod is ready and no longer misses {{ file }}"}
    rollback: {zh: "`kubectl rollout undo` 回到上一个版本", en: "`kubectl rollout undo` returns to the former revision"}
    notes:
      - {zh: "以 subPath 挂载的文件在 ConfigMap 或 Secret 改变后不会更新，需要重启 Pod", en: "a file mounted with subPath does not follow changes of its ConfigMap or Secret; the pod has to be restarted"}
prevention:
  - kind: prevent
    text: {zh: "约定卷只挂载到专用目录（如 `/config`、`/data`），程序目录中不挂载卷", en: "agree that volumes are mounted at directories of their own (such as `/config`, `/data`) and never over the program's"}
    acceptance: {zh: "CI 拒绝 mountPath 等于镜像 WorkingDir 的清单", en: "CI refuses a manifest whose mountPath is the image's WorkingDir"}
  - kind: detect
    text: {zh: "在流水线中以生产的挂载启动一次容器", en: "start the container once in the pipeline with production's mounts"}
    acceptance: {zh: "程序被遮住的版本在流水线中失败", en: "a release whose program is hidden fails there"}
sources:
  - "docs.docker.com/engine/storage/volumes and bind-mounts: mounting over existing data obscures it; mount(8): the previous contents of the directory become invisible"
  - "kubernetes.io/docs/concepts/storage/volumes, Using subPath; kubernetes pkg/kubelet/kubelet_pods.go makeMounts"
  - "runc libcontainer/standard_init_linux.go: `exec: %q: stat %s: no such file or directory`; nodejs lib/internal/modules/cjs/loader.js `Cannot find module`; CPython Modules/main.c `can't open file`; openjdk launcher.properties `Unable to access jarfile`"
versions: "any"
examples:
  - name: the settings of a ConfigMap over the directory of the program
    files:
      all.json: '{"kind":"List","apiVersion":"v1","items":[{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"settings","namespace":"t"},"data":{"app.yaml":"a: 1"}},{"kind":"Pod","apiVersion":"v1","metadata":{"name":"quotes-0","namespace":"t","ownerReferences":[{"kind":"StatefulSet","name":"quotes","controller":true}]},"spec":{"containers":[{"name":"app","image":"r.example/quotes:2","command":["/srv/app/run"],"volumeMounts":[{"name":"conf","mountPath":"/srv/app"}]}],"volumes":[{"name":"conf","configMap":{"name":"settings"}}]},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":false,"restartCount":6,"state":{"waiting":{"reason":"RunContainerError","message":"failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"/srv/app/run\": stat /srv/app/run: no such file or directory: unknown"}}}]}}]}'
    fires: [{kind: StatefulSet, namespace: t, name: quotes}]
  - name: an empty directory over the program, and Node.js
    files:
      all.json: '{"kind":"List","apiVersion":"v1","items":[{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"labels","namespace":"t"},"spec":{"template":{"metadata":{"labels":{"app":"labels"}},"spec":{"containers":[{"name":"app","image":"r.example/labels:2","volumeMounts":[{"name":"scratch","mountPath":"/srv/app/"}]}],"volumes":[{"name":"scratch","emptyDir":{}}]}}}}]}'
      pods.txt: |
        NAMESPACE   NAME                     READY   STATUS             RESTARTS      AGE
        t           labels-6bdf8c9d7-jd5lx   0/1     CrashLoopBackOff   7 (90s ago)   41m
      labels-6bdf8c9d7-jd5lx.log: |
        node:internal/modules/cjs/loader:1215
        Error: Cannot find module '/srv/app/server.js'
    fires: [{kind: Deployment, namespace: t, name: labels}]
  - name: an init container fills the volume
    files:
      all.json: '{"kind":"List","apiVersion":"v1","items":[{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"labels","namespace":"t"},"spec":{"template":{"metadata":{"labels":{"app":"labels"}},"spec":{"initContainers":[{"name":"fetch","volumeMounts":[{"name":"scratch","mountPath":"/out"}]}],"containers":[{"name":"app","image":"r.example/labels:2","volumeMounts":[{"name":"scratch","mountPath":"/srv/app"}]}],"volumes":[{"name":"scratch","emptyDir":{}}]}}}}]}'
      pods.txt: |
        NAMESPACE   NAME                     READY   STATUS             RESTARTS      AGE
        t           labels-6bdf8c9d7-jd5lx   0/1     CrashLoopBackOff   7 (90s ago)   41m
      labels-6bdf8c9d7-jd5lx.log: |
        Error: Cannot find module '/srv/app/server.js'
  - name: a configuration file that the volume has to bring
    files:
      all.json: '{"kind":"List","apiVersion":"v1","items":[{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"settings","namespace":"t"},"data":{"app.yaml":"a: 1"}},{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"labels","namespace":"t"},"spec":{"template":{"metadata":{"labels":{"app":"labels"}},"spec":{"containers":[{"name":"app","image":"r.example/labels:2","volumeMounts":[{"name":"conf","mountPath":"/srv/app"}]}],"volumes":[{"name":"conf","configMap":{"name":"settings"}}]}}}}]}'
      pods.txt: |
        NAMESPACE   NAME                     READY   STATUS             RESTARTS      AGE
        t           labels-6bdf8c9d7-jd5lx   0/1     CrashLoopBackOff   7 (90s ago)   41m
      labels-6bdf8c9d7-jd5lx.log: |
        FATAL open /srv/app/labels.yaml: no such file or directory
  - name: a ConfigMap of scripts that lacks one
    files:
      all.json: '{"kind":"List","apiVersion":"v1","items":[{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"scripts","namespace":"t"},"data":{"backup.sh":"true"}},{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"labels","namespace":"t"},"spec":{"template":{"metadata":{"labels":{"app":"labels"}},"spec":{"containers":[{"name":"app","image":"r.example/labels:2","volumeMounts":[{"name":"scripts","mountPath":"/scripts"}]}],"volumes":[{"name":"scripts","configMap":{"name":"scripts"}}]}}}}]}'
      pods.txt: |
        NAMESPACE   NAME                     READY   STATUS             RESTARTS      AGE
        t           labels-6bdf8c9d7-jd5lx   0/1     CrashLoopBackOff   7 (90s ago)   41m
      labels-6bdf8c9d7-jd5lx.log: |
        /bin/sh: 1: /scripts/start.sh: not found
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let failing = Subjects {
        only_while_failing: true,
        clients_only: false,
        out_of_reach: false,
        ..of_clients()
    };
    let is_wanted = |id: &str| id.starts_with("app-missing-file/");
    let mut findings: Vec<Finding> = Vec::new();
    for complaint in complaints(snapshot, &is_wanted, &failing) {
        if let Some(finding) = judge(snapshot, rule, &complaint)
            && !findings.iter().any(|known| known.subject == finding.subject)
        {
            findings.push(finding);
        }
    }
    findings
}

fn judge(snapshot: &Snapshot, rule: &RuleHeader, complaint: &Complaint<'_>) -> Option<Finding> {
    let workload = &complaint.speaker.workload;
    let (object, at) = spec_of(snapshot, complaint)?;
    let mount = hiding(object, &at, complaint)?;
    let volumes_at = format!("{at}/volumes");
    let volumes = object.list(&volumes_at);
    let index = volumes
        .iter()
        .position(|volume| text(volume, "/name") == mount.volume)?;
    let volume = volumes.get(index)?;
    let content = content_of(snapshot, workload, volume)?;
    let is_filled = || is_mounted_elsewhere(object, &at, &mount) || is_claimed_elsewhere(snapshot, workload, volume);
    // What is meant to hold programs lacks one by itself.
    let holds_programs = content
        .keys
        .iter()
        .any(|key| has_program_ending(key) || !key.contains('.') && mount.below.split('/').count() == 1);
    // What a container fetches or unpacks there itself was never in the image, and settings below /etc may have any ending.
    if mount.file.starts_with("/etc/") || fetches(object, &at, &mount) || !content.is_fixed && mount.below.contains('/')
    {
        return None;
    }
    if holds_programs || content.keys.contains(&mount.below) || !content.is_fixed && is_filled() {
        return None;
    }
    let mut finding = Finding::new(rule, workload.clone(), complaint.confidence.min(Confidence::Probable))
        .at(format!(
            "spec.template.spec.containers[{}].volumeMounts",
            mount.container
        ))
        .cite(complaint.cite.clone())
        .cite(object.cite_at(&mount.pointer))
        .cite(object.cite_at(&format!("{volumes_at}/{index}")))
        .fact("container", mount.container)
        .fact("file", mount.file)
        .fact("directory", mount.directory)
        .fact("volume", mount.volume)
        .fact("source", content.source)
        .fact("keys", content.keys)
        .fact("said", complaint.said.clone())
        .fact("resource", workload.kind.to_lowercase());
    for cite in content.cites {
        finding.add_cite(cite);
    }
    finding.count = complaint.count;
    if let Some(pod) = &complaint.speaker.pod {
        let pod = Subject::namespaced("Pod", pod.namespace(), pod.name());
        finding.touches.extend(workload_touches(snapshot, &pod));
        finding.add_affected(pod);
    }
    Some(finding)
}

/// True where the container's own command writes files: `wget -O /work/app.jar …`, `git clone …`, `tar -C /work …`.
fn fetches(object: &Object, at: &str, mount: &Hiding) -> bool {
    const WRITERS: [&str; 7] = ["wget", "curl", "git", "tar", "unzip", "cp", "pip"];
    let groups = ["containers", "initContainers"];
    let containers = groups.iter().flat_map(|group| object.list(&format!("{at}/{group}")));
    containers
        .filter(|container| text(container, "/name") == mount.container)
        .flat_map(|container| ["command", "args"].into_iter().flat_map(|field| list(container, field)))
        .filter_map(Value::as_str)
        .flat_map(|line| line.split(|c: char| c.is_whitespace() || ";&|".contains(c)))
        .any(|word| WRITERS.contains(&word))
}

/// The specification that shows the mounts: the pod's own, else its workload's template, with the pointer to it.
fn spec_of<'s>(snapshot: &'s Snapshot, complaint: &Complaint<'s>) -> Option<(&'s Object, String)> {
    let workload = &complaint.speaker.workload;
    let template = match workload.kind.as_str() {
        "CronJob" => "/spec/jobTemplate/spec/template/spec",
        "Pod" => "/spec",
        _ => "/spec/template/spec",
    };
    let own = complaint.speaker.pod.map(|pod| (pod.object, "/spec"));
    let of_workload = snapshot
        .object(&workload.kind, &workload.namespace, &workload.name)
        .map(|object| (object, template));
    own.into_iter()
        .chain(of_workload)
        .find(|(object, at)| !object.list(&format!("{at}/volumes")).is_empty())
        .map(|(object, at)| (object, at.to_owned()))
}

/// A mount that reaches over a file.
struct Hiding {
    container: String,
    file: String,
    /// Where the volume is mounted.
    directory: String,
    /// The file below it.
    below: String,
    volume: String,
    /// Of the mount, in the object.
    pointer: String,
}

/// The mount of a whole volume below which the missing program lies; the deepest, where several do.
fn hiding(object: &Object, at: &str, complaint: &Complaint<'_>) -> Option<Hiding> {
    let of = |name: &str| complaint.captures.get(name);
    let missing = &match (of("file"), of("place"), of("name")) {
        (Some(file), ..) => file.clone(),
        (None, Some(place), Some(name)) => format!("{}/{name}", place.trim_end_matches('/')),
        _ => return None,
    };
    for group in ["containers", "initContainers"] {
        for (index, container) in object.list(&format!("{at}/{group}")).iter().enumerate() {
            let name = text(container, "/name");
            let spoke = complaint.speaker.container.as_str();
            if !spoke.is_empty() && name != spoke {
                continue;
            }
            let Some(file) = absolute(missing, text(container, "/workingDir")) else {
                continue;
            };
            let is_executed = complaint.line.contains("exec") || is_command(container, missing);
            if !(has_program_ending(&file) || is_executed && has_no_ending(&file)) {
                continue;
            }
            let mounts = list(container, "volumeMounts");
            // The file itself is mounted, or the deepest of the directories above it.
            let over = mounts
                .iter()
                .enumerate()
                .filter_map(|(entry, mount)| {
                    let directory = text(mount, "/mountPath").trim_end_matches('/');
                    let rest = file.strip_prefix(directory)?;
                    (!directory.is_empty() && (rest.is_empty() || rest.starts_with('/')))
                        .then_some((entry, mount, directory, rest))
                })
                .max_by_key(|(_, _, directory, _)| directory.len());
            let Some((entry, mount, directory, rest)) = over else {
                continue;
            };
            let is_part = ["/subPath", "/subPathExpr"]
                .iter()
                .any(|field| !text(mount, field).is_empty());
            if rest.is_empty() || is_part {
                continue;
            }
            return Some(Hiding {
                container: name.to_owned(),
                directory: directory.to_owned(),
                below: rest.trim_start_matches('/').to_owned(),
                volume: text(mount, "/name").to_owned(),
                pointer: format!("{at}/{group}/{index}/volumeMounts/{entry}"),
                file,
            });
        }
    }
    None
}

/// What a volume has in it.
struct Content {
    /// `ConfigMap settings`, `emptyDir`…
    source: String,
    /// Its files, as far as an object shows them.
    keys: Vec<String>,
    /// True where nothing but that object puts files into it.
    is_fixed: bool,
    cites: Vec<Citation>,
}

/// The content of a volume; none where it is not known or of another kind.
fn content_of(snapshot: &Snapshot, workload: &Subject, volume: &Value) -> Option<Content> {
    let of_kind = |kind: &str, name: &str, source: &Value| -> Option<(Vec<String>, Option<Citation>)> {
        let object = snapshot.object(kind, &workload.namespace, name);
        let cite = object.map(|object| object.cite.clone());
        let items = list(source, "items");
        if !items.is_empty() {
            let paths = items.iter().map(|item| text(item, "/path").to_owned());
            return Some((paths.collect(), cite));
        }
        let maps: Vec<_> = ["/data", "/binaryData", "/stringData"]
            .iter()
            .filter_map(|pointer| object?.get(pointer)?.as_object())
            .collect();
        (!maps.is_empty()).then(|| (maps.into_iter().flat_map(|map| map.keys().cloned()).collect(), cite))
    };
    if let Some(source) = volume.get("configMap") {
        let name = text(source, "/name");
        let (keys, cite) = of_kind("ConfigMap", name, source)?;
        return Some(Content {
            source: format!("ConfigMap {name}"),
            keys,
            is_fixed: true,
            cites: cite.into_iter().collect(),
        });
    }
    if let Some(source) = volume.get("secret") {
        let name = text(source, "/secretName");
        let (keys, cite) = of_kind("Secret", name, source)?;
        return Some(Content {
            source: format!("Secret {name}"),
            keys,
            is_fixed: true,
            cites: cite.into_iter().collect(),
        });
    }
    if let Some(projected) = volume.get("projected") {
        let (mut keys, mut cites) = (Vec::new(), Vec::new());
        for source in list(projected, "sources") {
            for (kind, field) in [("ConfigMap", "configMap"), ("Secret", "secret")] {
                if let Some(source) = source.get(field) {
                    let (more, cite) = of_kind(kind, text(source, "/name"), source)?;
                    keys.extend(more);
                    cites.extend(cite);
                }
            }
        }
        return Some(Content {
            source: "projected".to_owned(),
            keys,
            is_fixed: true,
            cites,
        });
    }
    let source = match volume.get("persistentVolumeClaim") {
        Some(claim) => format!("PersistentVolumeClaim {}", text(claim, "/claimName")),
        None => volume.get("emptyDir").map(|_| "emptyDir".to_owned())?,
    };
    Some(Content {
        source,
        keys: Vec::new(),
        is_fixed: false,
        cites: Vec::new(),
    })
}

/// True where another container of the pod mounts the volume as well: it may put the program there.
fn is_mounted_elsewhere(object: &Object, at: &str, mount: &Hiding) -> bool {
    ["containers", "initContainers"]
        .iter()
        .flat_map(|group| object.list(&format!("{at}/{group}")))
        .filter(|container| text(container, "/name") != mount.container)
        .flat_map(|container| list(container, "volumeMounts"))
        .any(|other| text(other, "/name") == mount.volume)
}

/// True where another workload mounts the same claim: it may put the program there.
fn is_claimed_elsewhere(snapshot: &Snapshot, workload: &Subject, volume: &Value) -> bool {
    let claim = text(volume, "/persistentVolumeClaim/claimName");
    !claim.is_empty()
        && snapshot
            .pods()
            .filter(|pod| pod.namespace() == workload.namespace)
            .filter(|pod| {
                let volumes = pod.object.list("/spec/volumes");
                volumes
                    .iter()
                    .any(|volume| text(volume, "/persistentVolumeClaim/claimName") == claim)
            })
            .any(|pod| snapshot.top_owner(pod.object) != *workload)
}

/// A path from the root; a relative one starts at the working directory, where that is set.
fn absolute(file: &str, working_directory: &str) -> Option<String> {
    if file.starts_with('/') {
        return Some(file.to_owned());
    }
    let is_path = file.starts_with("./") || has_program_ending(file);
    (is_path && working_directory.starts_with('/')).then(|| {
        let file = file.strip_prefix("./").unwrap_or(file);
        format!("{}/{file}", working_directory.trim_end_matches('/'))
    })
}

/// True for a file that is the first word of what the container runs.
fn is_command(container: &Value, file: &str) -> bool {
    ["command", "args"]
        .iter()
        .filter_map(|field| list(container, field).first()?.as_str())
        .any(|word| word == file)
}

/// True for what interpreters and loaders read: no configuration, no data.
fn has_program_ending(file: &str) -> bool {
    const ENDINGS: [&str; 19] = [
        "bash", "bin", "cjs", "class", "dll", "exe", "jar", "js", "lua", "mjs", "php", "phar", "pl", "py", "rb", "sh",
        "so", "ts", "war",
    ];
    let name = file.rsplit('/').next().unwrap_or(file);
    name.rsplit_once('.')
        .is_some_and(|(_, ending)| ENDINGS.contains(&ending))
}

fn has_no_ending(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    !name.is_empty() && !name.contains('.')
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

fn list<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    value.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
