//! The main process of a workload that should stay ends by itself.

use crate::bundle::decode::Form;
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::probes::{Kind, failures};
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: main-process-completed
role: cause
level: critical
needs: [pods]
check:
  zh: '常驻工作负载的主进程是否正常结束后被反复重启'
  en: 'whether the main process of a service ends by itself and is restarted again and again'
title:
  zh: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：容器 {{ container }} 的主进程以退出码 0 正常结束，被反复重启（{{ restarts }} 次）'
  en: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: the main process of container {{ container }} ends with exit code 0 and is restarted again and again ({{ restarts|times }})'
cause:
  zh: '容器 {{ container }} 没有出错：它的命令{% if command %} {{ command }}{% endif %} 执行完就结束，而 restartPolicy: Always 要求它常驻，kubelet 因此反复重启。'
  en: 'container {{ container }} does not fail: its command{% if command %} {{ command }}{% endif %} is done and ends, while restartPolicy: Always wants it to stay, so the kubelet restarts it.'
causes:
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "没有就绪的 Pod，Service 就没有端点", en: "without a ready pod the Service has no endpoint"}
  - rule: crashloopbackoff
    ground: workload
    mechanism:
      zh: '正常结束的容器也会被重启并进入退避'
      en: 'a container that ends well is restarted too, with back-off'
  - rule: workload-unavailable
    ground: workload
    mechanism:
      zh: '没有可用的 Pod'
      en: 'no pod is available'
benign:
  - zh: 'Job 与 CronJob 的 Pod 正常结束是应该的'
    en: 'pods of Jobs and CronJobs are meant to end'
  - zh: '存活探针失败后收到 SIGTERM 的程序也可能以 0 结束'
    en: 'a program that gets SIGTERM after a failed liveness probe may end with 0 as well'
remedy:
  - purpose:
      zh: '查看命令与最后的日志'
      en: 'see the command and the last log lines'
    place: cluster
    risk: read-only
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}logs {{ pod }} --previous --tail=20'
    expect:
      zh: '程序完成工作后结束'
      en: 'the program ends when its work is done'
    verify:
      zh: '确认程序为何结束'
      en: 'why it ends is known'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
  - purpose:
      zh: '改为前台常驻的命令；如果它本来就是一次性工作，改用 Job 或 CronJob'
      en: 'run the program in the foreground; if it is one-off work, use a Job or CronJob'
    place: cluster
    risk: change
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}edit {{ resource }} {{ subject.name }}'
    verify:
      zh: 'Pod 就绪且不再重启'
      en: 'the pod is ready and does not restart'
    rollback:
      zh: '`kubectl rollout undo` 回到上一个版本'
      en: '`kubectl rollout undo` to the former revision'
prevention:
  - kind: prevent
    text:
      zh: '在流水线中启动容器并确认 60 秒后仍在运行'
      en: 'start the container in the pipeline and see that it still runs after 60 seconds'
    acceptance:
      zh: '立即结束的镜像在流水线中失败'
      en: 'an image that ends at once fails there'
sources:
  - 'kubernetes pkg/kubelet/container/helpers.go ShouldContainerBeRestarted; https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy'
versions: 'Kubernetes 1.19 to 1.36'
examples:
  - name: 'a Deployment whose command is done'
    files:
      'pods.json': '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-0", "namespace": "shop", "ownerReferences": [{"kind": "StatefulSet", "name": "web", "controller": true}]}, "spec": {"containers": [{"name": "app"}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "app", "ready": false, "restartCount": 5, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 0, "reason": "Completed"}}}]}}]}'
    fires:
      - {kind: 'StatefulSet', namespace: 'shop', name: 'web'}
  - name: 'the status of a table'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        web-6bdf8c9d7-jd5lx               0/1     Completed          4 (50s ago)   41m
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'web'}
  - name: 'a pod of a Job in a table, done at the second attempt'
    files:
      'pods.txt': |
        NAMESPACE     NAME                         READY   STATUS      RESTARTS   AGE
        kube-system   coredns-ccb96694c-8tkcj      1/1     Running     0          101d
        kube-system   helm-install-ingress-mzt8j   0/1     Completed   1          101d
  - name: 'a Job that is done'
    files:
      'pods.json': '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "once-x7k2v", "namespace": "shop", "ownerReferences": [{"kind": "Job", "name": "once", "controller": true}]}, "spec": {"containers": [{"name": "app"}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "app", "ready": false, "restartCount": 5, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 0, "reason": "Completed"}}}]}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for pod in snapshot
        .pods()
        .filter(|pod| !pod.is_terminating() && pod.phase() != "Succeeded")
    {
        let owner = snapshot.top_owner(pod.object);
        // A table shows neither owner nor policy; a pod of which nothing tells that a workload keeps it up may have been a Job's.
        let may_be_of_a_job = owner.kind == "Pod" && pod.object.form == Form::Row;
        let is_meant_to_end = may_be_of_a_job
            || matches!(owner.kind.as_str(), "Job" | "CronJob")
            || matches!(pod.object.text("/spec/restartPolicy"), "Never" | "OnFailure");
        if is_meant_to_end || findings.iter().any(|finding| finding.subject == owner) {
            continue;
        }
        if [Kind::Liveness, Kind::Startup]
            .into_iter()
            .any(|kind| !failures(snapshot, &pod, kind).is_empty())
        {
            continue;
        }
        for container in pod
            .containers()
            .into_iter()
            .filter(|container| !container.init && !container.is_ready() && container.restarts() >= 1)
        {
            let Some(ended) = container.ended().filter(|ended| ended.exit_code == Some(0)) else {
                continue;
            };
            let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
            let list = |key: &str| {
                container
                    .spec
                    .and_then(|spec| spec.get(key)?.as_array())
                    .into_iter()
                    .flatten()
                    .filter_map(|word| word.as_str())
                    .collect::<Vec<_>>()
                    .join(" ")
            };
            let command = format!("{} {}", list("command"), list("args"));
            let mut finding = Finding::new(rule, owner.clone(), Confidence::Confirmed)
                .at(format!("spec.template.spec.containers[{}].command", container.name))
                .cite(pod.object.cite_at(&ended.pointer).at(ended.finished.clone()))
                .cite(pod.cite_status(&container, "/restartCount"))
                .fact("container", container.name)
                .fact("restarts", container.restarts())
                .fact("command", command.trim().chars().take(160).collect::<String>())
                .fact("pod", pod.name())
                .fact("resource", owner.kind.to_lowercase())
                .affects(subject.clone());
            finding.touches.extend(workload_touches(snapshot, &subject));
            findings.push(finding);
            break;
        }
    }
    findings
}
