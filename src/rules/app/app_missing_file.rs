//! An application ends because a file or directory that it needs is not there.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::{add_hit, cite_tail, last_words, own_hits, pod_is_failing, words};
use crate::rules::{Finding, Ground, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: app-missing-file
role: cause
level: critical
needs: [pods, container-logs]
text:
  - id: shell
    in: [container-log, status]
    pattern: "(?:can't create|cannot create|can't open|cannot open) ['‘]?(?P<file>/[^'’:\\s]+)['’]?: (?:nonexistent directory|no such file|No such file or directory|Directory nonexistent)"
  - id: enoent
    in: [container-log, status]
    pattern: "ENOENT: no such file or directory, \\w+ '(?P<file>[^']+)'"
  - id: python
    in: [container-log, status]
    pattern: "FileNotFoundError: \\[Errno 2\\] No such file or directory: ['\"](?P<file>[^'\"]+)['\"]"
  - id: go
    in: [container-log, status]
    pattern: "(?:open|stat|lstat|chdir|read|unable to read|failed to open|could not open|cannot open) ['\"]?(?P<file>/[^'\":\\s]+)['\"]?: no such file or directory"
  - id: java
    in: [container-log, status]
    pattern: "java\\.(?:io\\.FileNotFoundException|nio\\.file\\.NoSuchFileException): (?P<file>/[^\\s(]+)"
  - id: plain
    in: [container-log, status]
    pattern: "(?i)(?:cannot|can't|could not|failed to|unable to) (?:open|read|load|find|stat|access) (?:\\w+ ){0,3}['\"]?(?P<file>/[\\w./-]+)['\"]?(?:: (?:no such file|not found)| does not exist)"
check:
  zh: 退出的容器是否因为缺少文件或目录
  en: whether a container ends for want of a file or directory
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：容器 {{ container }} 打不开 {{ file }}，以退出码 {{ exit_code }} 结束，重启 {{ restarts }} 次"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: container {{ container }} cannot open {{ file }}, ends with exit code {{ exit_code }}, {{ restarts }} restarts"
cause:
  zh: "容器 {{ container }} 在退出前写出 {{ last_line }}：路径 {{ file }} 在容器内不存在{% if not mounted %}，而 Pod 没有任何卷挂载到它或它的上级目录{% endif %}。"
  en: "before it ended, container {{ container }} wrote {{ last_line }}: the path {{ file }} does not exist in the container{% if not mounted %}, and no volume of the pod is mounted at it or above it{% endif %}."
factors:
  - text: {zh: 镜像或清单没有提供应用需要的路径, en: neither the image nor the manifest provides the path that the application needs}
rules_out:
  - zh: "镜像拉取与调度：容器已多次启动（{{ restarts }} 次重启）"
    en: "image pull and scheduling: the container did start, {{ restarts }} times over"
questions:
  - zh: 这个路径原本由镜像提供，还是由卷提供？最近一次发布改了哪一处？
    en: "was this path meant to come from the image or from a volume, and which of them did the last release change?"
causes:
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: 应用打不开路径即退出，kubelet 反复重启, en: "the application ends when it cannot open the path; the kubelet restarts it"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: 容器从未就绪, en: the container never gets ready}
benign:
  - zh: 就绪的容器日志里出现同样的文字（例如可选配置不存在）不是原因
    en: "the same words in the log of a container that is ready (an optional file) are no cause"
remedy:
  - purpose: {zh: 查看上一个实例的最后日志, en: read the last log lines of the previous instance}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} logs {{ pod }} -c {{ container }} --previous --tail=20"
    expect: {zh: "出现 {{ file }}", en: "it names {{ file }}"}
    verify: {zh: 与本报告引用的行一致, en: it agrees with the lines quoted here}
    rollback: {zh: 只读，无需回滚, en: read-only}
  - purpose: {zh: "为 {{ directory }} 提供可写卷（若数据需要保留，改用 PersistentVolumeClaim）", en: "mount a volume at {{ directory }} (a PersistentVolumeClaim if the data has to be kept)"}
    place: cluster
    risk: change
    when: "patchable"
    command: |
      kubectl -n {{ subject.namespace }} patch {{ resource }} {{ subject.name }} --type=strategic -p {{ patch }}
    expect: {zh: "{{ resource }}.apps/{{ subject.name }} patched", en: "{{ resource }}.apps/{{ subject.name }} patched"}
    verify: {zh: 新 Pod 就绪且不再重启, en: the new pod is ready and does not restart}
    rollback: {zh: "kubectl -n {{ subject.namespace }} rollout undo {{ resource }} {{ subject.name }}", en: "kubectl -n {{ subject.namespace }} rollout undo {{ resource }} {{ subject.name }}"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "在镜像或清单中提供 {{ directory }}", en: "provide {{ directory }} in the image or the manifest"}
    acceptance: {zh: 以相同清单部署到空命名空间，Pod 在 5 分钟内就绪且重启次数为 0, en: "deployed into an empty namespace, the pod is ready within 5 minutes with 0 restarts"}
  - kind: detect
    text: {zh: 在发布流水线中以与生产相同的 securityContext 和挂载启动一次容器, en: "start the container once in the release pipeline, with production's securityContext and mounts"}
    acceptance: {zh: 缺少挂载的版本在流水线中失败, en: a release without the mount fails there}
lessons:
  - phrase: {zh: 运行依赖应写在清单里, en: Run-time needs belong in the manifest}
    text: {zh: 应用写入的每个路径都应对应镜像中的目录或一个卷, en: "each path that an application writes to is a directory of the image or a volume"}
sources: ["busybox shell/ash.c `nonexistent directory`; dash `Directory nonexistent`; libuv ENOENT; CPython FileNotFoundError; Go os.PathError; JDK"]
versions: any
examples:
  - name: a shell cannot create its output file
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"job-abc","namespace":"reports"},"spec":{"containers":[{"name":"gen"}]},"status":{"phase":"Running","containerStatuses":[{"name":"gen","ready":false,"restartCount":4,"state":{"waiting":{"reason":"CrashLoopBackOff"}},"lastState":{"terminated":{"exitCode":1,"reason":"Error"}}}]}}]}'
      logs/job-abc.log: "sh: can't create /data/out/x.csv: nonexistent directory\nFATAL cannot write\n"
    fires: [{kind: Pod, namespace: reports, name: job-abc}]
  - name: a ready container that looked for an optional file
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-abc","namespace":"reports"},"spec":{"containers":[{"name":"web"}]},"status":{"phase":"Running","containerStatuses":[{"name":"web","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
      logs/web-abc.log: "open /etc/app/optional.yaml: no such file or directory\nlistening on :8080\n"
"##;

/// The cause stands among the last lines; earlier complaints were survived.
const LAST_LINES: usize = 6;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for hit in own_hits(input, rule) {
        let pod_subject = &hit.about.object;
        if pod_subject.kind != "Pod" || !pod_is_failing(snapshot, pod_subject) {
            continue;
        }
        let Some(pod) = snapshot
            .pod(&pod_subject.namespace, &pod_subject.name)
            .or_else(|| snapshot.pods().find(|pod| pod.name() == pod_subject.name))
        else {
            continue;
        };
        let containers = pod.containers();
        let named = containers
            .iter()
            .find(|container| container.name == hit.about.container && !container.is_ready());
        let Some(container) = named.or_else(|| {
            containers
                .iter()
                .find(|container| !container.is_ready() && container.ended().is_some())
        }) else {
            continue;
        };
        let Some(ended) = container.ended().filter(|ended| ended.exit_code != Some(0)) else {
            continue;
        };
        let owner = snapshot.top_owner(pod.object);
        if let Some(known) = findings.iter_mut().find(|finding| finding.subject == owner) {
            add_hit(input, known, hit);
            continue;
        }
        let mut finding =
            Finding::new(rule, owner.clone(), Confidence::Confirmed).at(format!("spec.containers[{}]", container.name));
        finding.count = 0;
        add_hit(input, &mut finding, hit);
        let tail = last_words(snapshot, &pod, container.name, LAST_LINES);
        let last_line = tail
            .as_ref()
            .and_then(|(_, lines)| lines.last().map(|line| words(line).to_owned()))
            .unwrap_or_default();
        if let Some((log, lines)) = &tail
            && let Some(citation) = cite_tail(snapshot, log, lines)
        {
            finding.add_cite(citation);
        }
        finding.add_cite(pod.object.cite_at(&ended.pointer).at(ended.finished.clone()));
        finding.add_cite(pod.cite_status(container, "/restartCount"));
        let file = hit.captures.get("file").cloned().unwrap_or_default();
        let directory = file
            .rsplit_once('/')
            .map_or("/", |(directory, _)| if directory.is_empty() { "/" } else { directory })
            .to_owned();
        let mounted = container
            .spec
            .and_then(|spec| spec.get("volumeMounts"))
            .and_then(|mounts| mounts.as_array())
            .into_iter()
            .flatten()
            .filter_map(|mount| mount.get("mountPath").and_then(|path| path.as_str()))
            .any(|path| directory == path || directory.starts_with(&format!("{}/", path.trim_end_matches('/'))));
        let resource = owner.kind.to_lowercase();
        let patchable = matches!(resource.as_str(), "deployment" | "statefulset" | "daemonset") && !mounted;
        let patch = serde_json::json!({"spec": {"template": {"spec": {
            "volumes": [{"name": "writable-dir", "emptyDir": {}}],
            "containers": [{"name": container.name, "volumeMounts": [{"name": "writable-dir", "mountPath": directory}]}],
        }}}});
        findings.push(
            finding
                .affects(Subject::namespaced("Pod", pod.namespace(), pod.name()))
                .touch(Ground::Node, pod.node())
                .fact("container", container.name)
                .fact("pod", pod.name())
                .fact(
                    "exit_code",
                    ended.exit_code.map_or_else(|| "?".to_owned(), |code| code.to_string()),
                )
                .fact("restarts", container.restarts())
                .fact("last_line", last_line)
                .fact("directory", directory)
                .fact("mounted", mounted)
                .fact("resource", resource)
                .fact("patchable", patchable)
                .fact("patch", patch.to_string()),
        );
    }
    findings
}
