//! The runtime cannot start a container's command.

use crate::model::Confidence;
use crate::rules::toolbox::{add_hit, own_hits, pod_is_failing, workload_touches};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: container-create-run-error
role: cause
level: critical
needs: [pods|events]
listing: true
text:
  - id: command
    pattern: "exec: \\W+(?P<command>[^\"\\\\]+)\\W+: (?:stat [^:]+: )?(?P<problem>executable file not found in \\$PATH|no such file or directory|permission denied|is a directory)"
  - id: workdir
    pattern: "(?:chdir to cwd|mkdir) \\(?\\W*(?P<command>/[^\"\\\\)]*)\\W+\\)? set in config\\.json failed: (?P<problem>no such file or directory|permission denied)"
  - id: mount
    pattern: "(?:error mounting|failed to create shim task)[^\\n]*\\W(?P<command>/[^\"\\\\\\s]+)\\W+ (?:to rootfs|at)[^\\n]*: (?P<problem>not a directory(?:: unknown: Are you trying to mount a directory onto a file)?|no such file or directory|read-only file system|permission denied)"
check:
  zh: "运行时能否启动容器的命令"
  en: "whether the runtime can start the containers' commands"
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：容器无法启动，运行时不能执行 {{ command }}（{{ problem }}）"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: its container cannot start, the runtime cannot execute {{ command }} ({{ problem }})"
cause:
  zh: "运行时在启动容器时失败：{{ command }}：{{ problem }}。命令、参数或挂载点与镜像内容不符，应用代码还没有运行。"
  en: "the runtime fails to start the container: {{ command }}: {{ problem }}. Command, arguments or mount point do not fit the image; no code of the application ran."
rules_out:
  - {zh: "应用自身的错误：进程没有启动，因此也没有应用日志", en: "a fault of the application: its process never started, and so there is no log of it"}
questions:
  - {zh: "命令是在清单中改的，还是镜像中的路径变了？", en: "did the manifest's command change, or the path in the image?"}
causes:
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: "容器一启动就失败，kubelet 反复重试", en: "the container fails at its start, and the kubelet tries again and again"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "容器起不来，Pod 不就绪", en: "the container cannot start, so no pod is ready"}
benign:
  - {zh: "kubectl exec 执行不存在的命令会得到同样的文字，但与容器启动无关", en: "kubectl exec of a command that does not exist gives the same words and has nothing to do with the start"}
  - {zh: "postStart、preStop 与探针的命令失败有各自的事件前缀", en: "failing hooks and probes have event prefixes of their own"}
remedy:
  - purpose: {zh: "查看清单中的 command 与 args，并与镜像的内容比较", en: "compare command and args of the manifest with the image"}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ namespace }} get pod {{ pod }} -o jsonpath='{range .spec.containers[*]}{.name}{\" \"}{.command}{\" \"}{.args}{\"\\n\"}{end}'"
    expect: {zh: "{{ command }}", en: "{{ command }}"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "改正 command（或删去它，使用镜像自己的入口）", en: "correct the command (or remove it and use the image's own)"}
    place: cluster
    risk: change
    command: "kubectl -n {{ namespace }} edit {{ resource }} {{ name }}"
    expect: {zh: "`{{ resource }}.apps/{{ name }} edited`", en: "`{{ resource }}.apps/{{ name }} edited`"}
    verify: {zh: "容器变为 Running", en: "the container becomes Running"}
    rollback: {zh: "`kubectl -n {{ namespace }} rollout undo {{ resource }} {{ name }}`", en: "`kubectl -n {{ namespace }} rollout undo {{ resource }} {{ name }}`"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "在流水线中以清单中的命令启动一次镜像", en: "start the image once in the pipeline, with the manifest's command"}
    acceptance: {zh: "命令不存在的版本在流水线中失败", en: "a release whose command does not exist fails there"}
sources: ["runc libcontainer/standard_init_linux.go, Go os/exec: `executable file not found in $PATH`", "containerd: `failed to create containerd task`"]
versions: "runc 1.0 to 1.3; containerd 1.3 to 2.1; Docker 18 to 29"
examples:
  - name: "waiting, containerd"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}],"nodeName":"n1"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"RunContainerError","message":"failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"serve\": executable file not found in $PATH: unknown"}}}]}}]}'
    fires: [{kind: Pod, namespace: shop, name: web-0}]
  - name: "event, docker"
    files:
      pods.txt: |
        NAMESPACE   NAME    READY   STATUS             RESTARTS   AGE
        shop        web-0   0/1     CrashLoopBackOff   4          9m
      events.txt: |
        NAMESPACE   LAST SEEN   TYPE      REASON   OBJECT      MESSAGE
        shop        2m          Warning   Failed   pod/web-0   Error: failed to start container "app": Error response from daemon: OCI runtime create failed: container_linux.go:380: starting container process caused: exec: "/app/run.sh": permission denied: unknown
    fires: [{kind: StatefulSet, namespace: shop, name: web}]
  - name: "a probe's command"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}],"nodeName":"n1"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"x"}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-unhealthy-web-0","namespace":"shop"},"type":"Warning","reason":"Unhealthy","message":"Readiness probe failed: OCI runtime exec failed: exec failed: unable to start container process: exec: \"curl\": executable file not found in $PATH: unknown","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for hit in own_hits(input, rule) {
        let pod = &hit.about.object;
        let line = hit
            .cite
            .quote
            .iter()
            .find(|line| line.hit)
            .map_or("", |line| line.text.as_str());
        // `exec failed` is somebody's kubectl exec, a probe or a hook in a container that did start.
        let exec = ["exec failed", "probe", "PostStartHook", "PreStopHook", "ExecSync"]
            .iter()
            .any(|word| line.contains(word));
        if pod.kind != "Pod" || pod.name.is_empty() || exec || !pod_is_failing(snapshot, pod) {
            continue;
        }
        let owner = snapshot.top_owner_of(pod);
        let at = findings.iter().position(|finding| finding.subject == owner);
        let finding = match at {
            Some(at) => findings.get_mut(at),
            None => {
                let mut finding = Finding::new(rule, owner.clone(), Confidence::Confirmed)
                    .at("spec.template.spec.containers[*].command")
                    .fact("pod", pod.name.clone())
                    .fact("namespace", pod.namespace.clone())
                    .fact("name", owner.name.clone())
                    .fact("resource", owner.kind.to_lowercase());
                finding.count = 0;
                findings.push(finding);
                findings.last_mut()
            }
        };
        let Some(finding) = finding else { continue };
        add_hit(input, finding, hit);
        finding.touches.extend(workload_touches(snapshot, pod));
        finding.add_affected(pod.clone());
    }
    findings
}
