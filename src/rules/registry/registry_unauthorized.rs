//! A registry answers that it wants credentials, and the workload has none that it accepts.

use serde_json::Value;

use crate::cluster::{Image, Object};
use crate::model::{Citation, Confidence};
use crate::rules::toolbox::credentials::tells_pull_secrets;
use crate::rules::toolbox::{add_hit, own_hits, pod_is_failing};
use crate::rules::{Finding, Ground, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: registry-unauthorized
role: cause
level: critical
needs: [pods, events|containerd-log|dockerd-log|kubelet-log]
text:
  - id: status
    pattern: "(?:pull(?:ing)?|resolve|fetch|authorize|image).*(?:unexpected status(?: code| from \\w+ request to \\S+)?|status code)[^\\n]*: 401 Unauthorized"
  - id: token
    pattern: "failed to (?:authorize: failed to )?fetch (?:anonymous|oauth) token: [^\\n]*401 Unauthorized"
  - id: docker
    pattern: "(?:Failed to pull image|failed to pull|Error response from daemon)[^\\n]*(?:unauthorized: (?:authentication required|access to the requested resource is not authorized|incorrect username or password)|reading manifest \\S+ in \\S+: (?:authentication required|unauthorized))"
check:
  zh: 镜像仓库是否拒绝了没有凭据的拉取（401）
  en: whether a registry refused a pull for want of credentials (401)
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} 拉取 {{ image }} 被仓库 {{ registry }} 拒绝（401）：{% if no_secret %}Pod 与 ServiceAccount {{ service_account }} 都没有 imagePullSecrets{% elif missing_secret %}引用的凭据 {{ missing_secret }} 不存在{% else %}凭据未被接受{% endif %}"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: registry {{ registry }} refuses {{ image }} with 401; {% if no_secret %}neither the pod nor ServiceAccount {{ service_account }} has imagePullSecrets{% elif missing_secret %}the pull secret {{ missing_secret }} that it names does not exist{% else %}its credentials are not accepted{% endif %}"
cause:
  zh: "仓库 {{ registry }} 对 {{ image }} 的拉取返回 401 Unauthorized。{% if no_secret %}Pod 与 ServiceAccount {{ service_account }} 都没有配置 imagePullSecrets，因此请求不带凭据。{% elif missing_secret %}Pod 引用的 Secret {{ missing_secret }} 在命名空间 {{ subject.namespace }} 中不存在。{% else %}Pod 带有 imagePullSecrets {{ secrets|join('、') }}，但仓库未接受。{% endif %}"
  en: "registry {{ registry }} answers 401 Unauthorized to the pull of {{ image }}. {% if no_secret %}Neither the pod nor ServiceAccount {{ service_account }} has imagePullSecrets, so the request carries no credentials.{% elif missing_secret %}The Secret {{ missing_secret }} that the pod names does not exist in namespace {{ subject.namespace }}.{% else %}The pod has imagePullSecrets {{ secrets|join(', ') }}, and the registry does not accept them.{% endif %}"
rules_out:
  - zh: "网络、DNS 与 TLS：仓库 {{ registry }} 已经应答（401），说明名称能解析、端口可达、证书握手已完成"
    en: "network, DNS and TLS: registry {{ registry }} did answer (401), so its name resolves, its port is reachable and the TLS handshake worked"
  - zh: "节点运行时故障：请求由节点的运行时正常发出"
    en: "a broken runtime: the node's runtime sent the request as it should"
questions:
  - zh: "{% if no_secret %}这个命名空间以前是否有过该仓库的凭据？其他命名空间如何取得它？{% else %}这份凭据何时签发，是否已轮换或过期？{% endif %}"
    en: "{% if no_secret %}did this namespace ever have credentials for the registry, and how do other namespaces get theirs?{% else %}when were these credentials issued, and were they rotated or did they expire?{% endif %}"
causes:
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "没有就绪的 Pod，Service 就没有端点", en: "without a ready pod the Service has no endpoint"}
  - rule: image-pull-backoff
    ground: workload
    mechanism: {zh: 401 使拉取失败，kubelet 退避重试, en: "the 401 makes the pull fail; the kubelet backs off"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: 没有镜像就没有就绪的 Pod, en: "no image, no ready pod"}
benign:
  - zh: 取令牌之前的第一次 401 是正常的协议握手，只有最终结果是 401 才算
    en: the first 401 before a token is fetched is normal protocol; only a final 401 counts
  - zh: 之后出现 Successfully pulled image 说明已恢复
    en: Successfully pulled image afterwards means that it recovered
remedy:
  - purpose: {zh: 确认 Pod 与 ServiceAccount 的拉取凭据, en: look at the pull secrets of the pod and its ServiceAccount}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ subject.namespace }} get serviceaccount {{ service_account }} -o jsonpath='{.imagePullSecrets}{"\n"}'
      kubectl -n {{ subject.namespace }} get pod {{ pod }} -o jsonpath='{.spec.imagePullSecrets}{"\n"}'
      kubectl -n {{ subject.namespace }} get secrets --field-selector type=kubernetes.io/dockerconfigjson
    expect: {zh: "{% if no_secret %}前两行为空{% else %}列出引用的 Secret{% endif %}", en: "{% if no_secret %}the first two lines are empty{% else %}the Secrets that are named{% endif %}"}
    verify: {zh: 与本报告一致, en: it agrees with this report}
    rollback: {zh: 只读，无需回滚, en: read-only}
  - purpose: {zh: "在 {{ subject.namespace }} 创建该仓库的拉取凭据", en: "create a pull secret for the registry in {{ subject.namespace }}"}
    place: cluster
    risk: change
    when: "no_secret or missing_secret"
    command: "kubectl -n {{ subject.namespace }} create secret docker-registry {{ missing_secret or 'registry-pull' }} --docker-server={{ registry }} --docker-username=<REGISTRY_USER> --docker-password=<REGISTRY_PASSWORD>"
    expect: {zh: "`secret/{{ missing_secret or 'registry-pull' }} created`", en: "`secret/{{ missing_secret or 'registry-pull' }} created`"}
    verify: {zh: "在节点上用同一凭据执行 `crictl pull {{ image }}` 成功", en: "on the node, `crictl pull {{ image }}` with the same credentials succeeds"}
    rollback: {zh: "`kubectl -n {{ subject.namespace }} delete secret {{ missing_secret or 'registry-pull' }}`", en: "`kubectl -n {{ subject.namespace }} delete secret {{ missing_secret or 'registry-pull' }}`"}
    notes:
      - {zh: "<REGISTRY_USER> 与 <REGISTRY_PASSWORD> 由镜像仓库管理员提供，建议使用只读的机器人账号", en: "<REGISTRY_USER> and <REGISTRY_PASSWORD> come from the registry's administrator; a read-only robot account is best"}
  - purpose: {zh: "让 ServiceAccount {{ service_account }} 使用该凭据", en: "let ServiceAccount {{ service_account }} use it"}
    place: cluster
    risk: change
    when: no_secret
    command: |
      kubectl -n {{ subject.namespace }} patch serviceaccount {{ service_account }} -p '{"imagePullSecrets":[{"name":"registry-pull"}]}'
    expect: {zh: "`serviceaccount/{{ service_account }} patched`", en: "`serviceaccount/{{ service_account }} patched`"}
    verify: {zh: 新建 Pod 的 spec.imagePullSecrets 含有该名称, en: spec.imagePullSecrets of a new pod has the name}
    rollback: {zh: "`kubectl -n {{ subject.namespace }} patch serviceaccount {{ service_account }} --type=json -p '[{\"op\":\"remove\",\"path\":\"/imagePullSecrets\"}]'`", en: "`kubectl -n {{ subject.namespace }} patch serviceaccount {{ service_account }} --type=json -p '[{\"op\":\"remove\",\"path\":\"/imagePullSecrets\"}]'`"}
    notes:
      - {zh: imagePullSecrets 只在创建 Pod 时由准入控制器从 ServiceAccount 复制，已有的 Pod 需要重建, en: "imagePullSecrets are copied from the ServiceAccount only when a pod is created, so existing pods have to be re-created"}
  - purpose: {zh: 重建受影响的 Pod, en: re-create the affected pods}
    place: cluster
    risk: change
    when: restartable
    command: "kubectl -n {{ subject.namespace }} rollout restart {{ resource }} {{ subject.name }}"
    expect: {zh: "`{{ resource }}.apps/{{ subject.name }} restarted`", en: "`{{ resource }}.apps/{{ subject.name }} restarted`"}
    verify: {zh: Pod 变为 Running 且就绪, en: the pods become Running and ready}
    rollback: {zh: "`kubectl -n {{ subject.namespace }} rollout undo {{ resource }} {{ subject.name }}`", en: "`kubectl -n {{ subject.namespace }} rollout undo {{ resource }} {{ subject.name }}`"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "以声明方式为命名空间 {{ subject.namespace }} 的 ServiceAccount 配置拉取凭据", en: "declare the pull secret of the ServiceAccounts in {{ subject.namespace }} with the rest of the namespace"}
    acceptance: {zh: 从仓库中的清单重建空命名空间，同一镜像可以拉取, en: "rebuilt from its manifests into an empty namespace, the same image can be pulled"}
  - kind: detect
    text: {zh: 每天用各命名空间的凭据对仓库做一次 HEAD 检查, en: check the registry daily with a HEAD request under each namespace's credentials}
    acceptance: {zh: 吊销测试账号后当天收到告警, en: "a revoked test account raises the alert the same day"}
  - kind: process
    text: {zh: 记录每份仓库凭据的签发与到期日期及轮换步骤, en: "record issue and expiry of every registry credential and how it is rotated"}
    acceptance: {zh: 轮换演练后没有 Pod 出现 401, en: after a rehearsed rotation no pod gets a 401}
lessons:
  - phrase: {zh: 凭据是部署的一部分, en: Credentials are part of a deployment}
    text: {zh: 新命名空间需要的拉取凭据应与工作负载一起交付, en: "what a new namespace needs to pull its images is delivered with its workloads"}
knowledge:
  - text: {zh: ServiceAccount 的 imagePullSecrets 只在 Pod 创建且自身未指定时由准入控制器复制, en: "a ServiceAccount's imagePullSecrets are copied by admission only when a pod is created and names none itself"}
    reference: "kubernetes plugin/pkg/admission/serviceaccount/admission.go"
sources: ["containerd remotes/docker/resolver.go: `pulling from host %s failed with status code %v: %v`", "containerd remotes/docker/auth/fetch.go", "moby registry/auth.go"]
versions: containerd 1.3 to 2.1; Docker 18 to 29; Kubernetes 1.19 to 1.36
examples:
  - name: containerd gets a final 401 and nobody has a secret
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"serviceAccountName":"default","containers":[{"name":"app","image":"harbor.example:5000/a/b:1"}]},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"harbor.example:5000/a/b:1\": failed to resolve reference \"harbor.example:5000/a/b:1\": pulling from host harbor.example:5000 failed with status code [manifests 1]: 401 Unauthorized","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
    fires: [{kind: Pod, namespace: shop, name: web-0}]
  - name: an old 401 of a pod that runs now
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"harbor.example:5000/a/b:1"}]},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"harbor.example:5000/a/b:1\": pulling from host harbor.example:5000 failed with status code [manifests 1]: 401 Unauthorized","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for hit in own_hits(input, rule) {
        let about = &hit.about.object;
        if about.kind != "Pod" || !pod_is_failing(snapshot, about) {
            continue;
        }
        let owner = snapshot.top_owner_of(about);
        if let Some(known) = findings.iter_mut().find(|finding| finding.subject == owner) {
            add_hit(input, known, hit);
            known.add_affected(about.clone());
            continue;
        }
        let pod = snapshot.pod(&about.namespace, &about.name).map(|pod| pod.object);
        let image = quoted_image(&hit.cite)
            .or_else(|| pod.map(|pod| pod.text("/spec/containers/0/image").to_owned()))
            .unwrap_or_default();
        let registry = Image::parse(&image).registry;
        let credentials = Credentials::of(input, pod, &about.namespace);
        let mut finding = Finding::new(rule, owner, Confidence::Confirmed).at("spec.template.spec.imagePullSecrets");
        finding.count = 0;
        add_hit(input, &mut finding, hit);
        for citation in credentials.evidence {
            finding.add_cite(citation);
        }
        let resource = finding.subject.kind.to_lowercase();
        findings.push(
            finding
                .affects(about.clone())
                .touch(Ground::Registry, &registry)
                .fact("image", image)
                .fact("registry", registry)
                .fact("pod", about.name.clone())
                .fact("service_account", credentials.service_account)
                .fact("no_secret", credentials.is_known && credentials.names.is_empty())
                .fact("missing_secret", credentials.missing)
                .fact("secrets", credentials.names)
                .fact(
                    "restartable",
                    matches!(resource.as_str(), "deployment" | "statefulset" | "daemonset"),
                )
                .fact("resource", resource),
        );
    }
    findings
}

/// What a pod can present to a registry.
struct Credentials {
    service_account: String,
    /// True where the bundle tells what the pod itself names.
    is_known: bool,
    names: Vec<String>,
    /// The first Secret that is named and, by a list of Secrets that was collected, absent; empty otherwise.
    missing: String,
    evidence: Vec<Citation>,
}

impl Credentials {
    fn of(input: &Input<'_>, pod: Option<&Object>, namespace: &str) -> Self {
        let snapshot = input.snapshot;
        let service_account = pod
            .map(|pod| pod.text("/spec/serviceAccountName"))
            .filter(|name| !name.is_empty())
            .unwrap_or("default")
            .to_owned();
        let mut evidence = Vec::new();
        let mut names = Vec::new();
        if let Some(pod) = pod {
            names.extend(secret_names(pod.list("/spec/imagePullSecrets")));
            evidence.push(pod.cite_at("/spec/imagePullSecrets"));
        }
        if let Some(account) = snapshot.object("ServiceAccount", namespace, &service_account) {
            names.extend(secret_names(account.list("/imagePullSecrets")));
            evidence.push(account.cite_at("/imagePullSecrets"));
        }
        names.dedup();
        let listed = snapshot.coverage.has("secrets");
        let missing = names
            .iter()
            .find(|name| listed && snapshot.object("Secret", namespace, name).is_none())
            .cloned()
            .unwrap_or_default();
        Self {
            service_account,
            is_known: pod.is_some_and(tells_pull_secrets),
            names,
            missing,
            evidence,
        }
    }
}

fn secret_names(references: &[Value]) -> Vec<String> {
    references
        .iter()
        .filter_map(|reference| reference.get("name")?.as_str().map(str::to_owned))
        .collect()
}

/// The image in `Failed to pull image "…"` (kubernetes `pkg/kubelet/images/image_manager.go`) or `PullImage "…" failed` (containerd).
fn quoted_image(citation: &Citation) -> Option<String> {
    let line = citation.quote.iter().find(|line| line.hit)?;
    let (_, rest) = line
        .text
        .split_once("image \"")
        .or_else(|| line.text.split_once("PullImage \\\""))?;
    let image = rest.split(['"', '\\']).next()?;
    (!image.is_empty()).then(|| image.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EntryPath;

    #[test]
    fn the_image_is_read_from_the_kubelets_and_containerds_wording() {
        let cite = |text: &str| Citation::line(&"b".into(), &EntryPath::new("f"), 1, text);
        assert_eq!(
            quoted_image(&cite("Failed to pull image \"r.io/a:1\": boom")).unwrap(),
            "r.io/a:1"
        );
        assert_eq!(
            quoted_image(&cite(r#"msg="PullImage \"r.io/a:1\" failed""#)).unwrap(),
            "r.io/a:1"
        );
    }
}
