//! A registry knows no repository of the name that was asked for.

use crate::rules::pull::{by_workload, failed_pulls};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: image-not-found
role: cause
level: critical
needs: [events|pods|containerd-log|dockerd-log|crio-log|kubelet-log]
text:
  - id: docker-hub
    pattern: "(?:[Ff]ailed to pull|PullImage|ErrImagePull)[^\\n]*docker\\.io/[^\\n]*pull access denied, repository does not exist or may require authorization"
    unless: "(?i)sandbox"
  - id: dockerd
    pattern: "(?:[Ff]ailed to pull|Error response from daemon|ErrImagePull)[^\\n]*pull access denied for (?P<repo>[^\\s,]+), repository does not exist or may require 'docker login'"
    unless: "(?i)sandbox"
  - id: unknown
    pattern: "(?:[Ff]ailed to pull|PullImage|Error response from daemon|reading manifest|ErrImagePull)[^\\n]*(?:name unknown|NAME_UNKNOWN|repository \\S+ not found|repository name not known to registry|image \\S+ not found)"
    unless: "(?i)sandbox"
check:
  zh: "容器引用的镜像仓库路径是否存在"
  en: "whether the repositories that containers name exist"
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：镜像 {{ image }} 的仓库路径不存在（或未授权）"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: there is no repository for image {{ image }} (or it is private)"
cause:
  zh: "仓库 {{ registry }} 已应答：{{ repository }} 不存在，或需要授权。Docker Hub 对这两种情况给出同一句话；{% if has_secret %}Pod 带有 imagePullSecrets。{% else %}Pod 没有 imagePullSecrets，因此多半是名称写错。{% endif %}"
  en: "registry {{ registry }} did answer: {{ repository }} does not exist or needs authorization. Docker Hub says the same for both{% if has_secret %}; the pod has imagePullSecrets.{% else %}; the pod has no imagePullSecrets, so the name is most likely mistyped.{% endif %}"
rules_out:
  - {zh: "网络、DNS 与 TLS：仓库已经应答", en: "network, DNS and TLS: the registry did answer"}
questions:
  - {zh: "这个仓库是私有的吗？名称是否与其他环境一致？", en: "is the repository private, and does its name agree with other environments?"}
causes:
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "没有就绪的 Pod，Service 就没有端点", en: "without a ready pod the Service has no endpoint"}
  - rule: image-pull-backoff
    ground: workload
    mechanism: {zh: "拉取失败，kubelet 退避重试", en: "the pull fails and the kubelet backs off"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有镜像就没有就绪的 Pod", en: "no image, no ready pod"}
benign:
  - {zh: "之后拉取成功（Pod 已不再等待镜像）的旧错误不算", en: "an old error does not count once the pull succeeded and no pod waits for the image"}
  - {zh: "错误中的 library/ 前缀由运行时补全，不是用户写的", en: "the prefix library/ is added by the runtime, not by the user"}
remedy:
  - purpose: {zh: "核对镜像名称", en: "check the name"}
    place: cluster
    risk: read-only
    command: "skopeo inspect docker://{{ image }}"
    expect: {zh: "同样的拒绝说明名称或权限有误", en: "the same refusal shows that name or permission is wrong"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "把镜像改为存在的引用", en: "set an image that exists"}
    place: cluster
    risk: change
    when: "settable"
    command: "kubectl -n {{ namespace }} set image {{ resource }}/{{ subject.name }} {{ container }}=<IMAGE>"
    expect: {zh: "`{{ resource }}.apps/{{ subject.name }} image updated`", en: "`{{ resource }}.apps/{{ subject.name }} image updated`"}
    verify: {zh: "新 Pod 拉取成功并就绪", en: "the new pod pulls the image and becomes ready"}
    rollback: {zh: "`kubectl -n {{ namespace }} rollout undo {{ resource }} {{ subject.name }}`", en: "`kubectl -n {{ namespace }} rollout undo {{ resource }} {{ subject.name }}`"}
  - purpose: {zh: "或者回到上一个可用的版本", en: "or go back to the revision that worked"}
    place: cluster
    risk: change
    when: "resource == 'deployment'"
    command: "`kubectl -n {{ namespace }} rollout undo {{ resource }} {{ subject.name }}`"
    expect: {zh: "`{{ resource }}.apps/{{ subject.name }} rolled back`", en: "`{{ resource }}.apps/{{ subject.name }} rolled back`"}
    verify: {zh: "Pod 就绪", en: "the pods are ready"}
    rollback: {zh: "再次执行 rollout undo 即可回到现在的版本", en: "a second rollout undo returns to the present revision"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "发布前检查清单中的每个镜像引用都能解析", en: "check before a release that every image reference in the manifests resolves"}
    acceptance: {zh: "引用不存在标签的清单在流水线中失败", en: "a manifest with a tag that does not exist fails in the pipeline"}
  - kind: detect
    text: {zh: "对等待原因 ImagePullBackOff 与 ErrImagePull 告警", en: "alert on the waiting reasons ImagePullBackOff and ErrImagePull"}
    acceptance: {zh: "引用不存在镜像的测试 Pod 在 5 分钟内触发告警", en: "a test pod with an image that does not exist raises the alert within 5 minutes"}
sources: ["containerd remotes/docker/resolver.go: `pull access denied, repository does not exist or may require authorization`", "moby distribution/errors.go"]
versions: "containerd 1.3 to 2.1; Docker 18 to 29"
examples:
  - name: "a name that Docker Hub does not know"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"nginxdoesntexist"}],"nodeName":"n1"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failed-web-0","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"docker.io/library/nginxdoesntexist:latest\": rpc error: code = Unknown desc = failed to pull and unpack image \"docker.io/library/nginxdoesntexist:latest\": failed to resolve reference \"docker.io/library/nginxdoesntexist:latest\": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
    fires: [{kind: Pod, namespace: shop, name: web-0}]
  - name: "docker, in a description"
    files:
      describe.txt: |
        Name:             web-0
        Namespace:        shop
        Node:             n1/10.0.0.1
        Status:           Pending
        IP:               10.1.0.5
        Priority:         0
        Containers:
          app:
            Image:          acme/typo:1
            State:          Waiting
              Reason:       ErrImagePull
            Ready:          False
            Restart Count:  0
        Conditions:
          Type              Status
          Initialized       True 
          Ready             False 
          ContainersReady   False 
          PodScheduled      True 
        Events:
          Type     Reason   Age                From               Message
          ----     ------   ----               ----               -------
          Warning  Failed   9s (x4 over 2m)    kubelet            Failed to pull image "acme/typo:1": rpc error: code = Unknown desc = Error response from daemon: pull access denied for acme/typo, repository does not exist or may require 'docker login': denied: requested access to the resource is denied
    fires: [{kind: Pod, namespace: shop, name: web-0}]
  - name: "it runs now"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"acme/x:1"}],"nodeName":"n1"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failed-web-0","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"docker.io/acme/x:1\": rpc error: code = Unknown desc = failed to pull and unpack image \"docker.io/acme/x:1\": failed to resolve reference \"docker.io/acme/x:1\": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = by_workload(input, rule, &failed_pulls(input, rule));
    for finding in &mut findings {
        let pod = finding
            .affected
            .iter()
            .find(|affected| affected.kind == "Pod")
            .cloned()
            .unwrap_or_else(|| finding.subject.clone());
        let secrets = input
            .snapshot
            .pod(&pod.namespace, &pod.name)
            .map_or(0, |pod| pod.object.list("/spec/imagePullSecrets").len());
        finding.facts.insert("has_secret".into(), (secrets > 0).into());
    }
    findings
}
