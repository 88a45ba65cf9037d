//! The token with which a registry is asked has ended.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use crate::cluster::{Hit, Object, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::pull::{by_registry, failed_pulls};
use crate::rules::refused::has_all_replicas;
use crate::rules::toolbox::credentials::{names_in, refused_in_any_form};
use crate::rules::toolbox::nodes::persists;
use crate::rules::toolbox::{add_hit, own_hits, workload_touches};
use crate::rules::{Finding, Ground, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: registry-credential-expired
role: cause
level: critical
needs: [events|pods|containerd-log|dockerd-log|crio-log|kubelet-log]
text:
  - id: expired
    pattern: '(?i)(?P<answer>authorization token has expired\.? ?(?:Reauthenticate and try again)?)'
  # Harbor's own log (src/server/middleware/security/robot.go).
  - id: robot
    in: [container-log, other]
    pattern: 'the robot account is expired: (?P<robot>[^\s"]{1,120})'
check:
  zh: 拉取镜像的凭据是否过期
  en: whether the credentials for pulling images have ended
title:
  zh: "镜像仓库 {{ registry }} 的凭据已过期{% if robot is defined %}：机器人账户 {{ robot }} 到期{% elif secret is defined %}：Secret {{ secret }} 已有 {{ hours }} 小时，ECR 的令牌只有 12 小时有效{% if renewer %}，而负责更新它的 CronJob {{ renewer }} 没有执行成功{% endif %}{% endif %}"
  en: "the credentials for registry {{ registry }} have ended{% if robot is defined %}: robot account {{ robot }} has expired{% elif secret is defined %}: Secret {{ secret }} is {{ hours|hours }} old, and a token of ECR is good for 12{% if renewer %}, and CronJob {{ renewer }}, which is to renew it, does not succeed{% endif %}{% endif %}"
cause:
  zh: "{% if robot is defined %}Harbor 的日志写出机器人账户 {{ robot }} 已过期，{{ registry }} 因此拒绝拉取。{% elif secret is defined %}ECR 的登录令牌 12 小时后失效，Secret {{ secret }} 自 {{ hours }} 小时前起没有更新，{{ registry }} 因此拒绝拉取。{% else %}{{ registry }} 回答令牌已过期。{% endif %}正在运行的 Pod 不受影响，重启或调度到没有该镜像的节点时才会失败。"
  en: "{% if robot is defined %}Harbor's log says that robot account {{ robot }} has expired, so {{ registry }} refuses the pull.{% elif secret is defined %}a token of ECR ends after 12 hours and Secret {{ secret }} was not renewed for {{ hours }}, so {{ registry }} refuses the pull.{% else %}{{ registry }} answers that the token has expired.{% endif %} Pods that run are not affected until they start anew, or elsewhere."
causes:
  - rule: registry-unauthorized
    ground: registry
    mechanism: {zh: "过期的令牌被拒绝", en: "a token that has ended is refused"}
  - rule: image-pull-denied
    ground: registry
    mechanism: {zh: "过期的令牌被拒绝", en: "a token that has ended is refused"}
  - rule: image-not-found
    ground: workload
    mechanism: {zh: "没有有效凭据时仓库回答镜像不存在", en: "without valid credentials the registry answers that there is no such image"}
  - rule: image-pull-backoff
    ground: workload
    mechanism: {zh: "拉取失败，kubelet 退避重试", en: "the pull fails and the kubelet backs off"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有镜像就没有就绪的 Pod", en: "no image, no ready pod"}
benign:
  - {zh: "由 kubelet 的凭据插件（ecr-credential-provider）取得的令牌会自动更新", en: "tokens that the kubelet gets from a credential provider renew themselves"}
  - {zh: "之后拉取已经成功", en: "the pull has succeeded since"}
remedy:
  - purpose: {zh: "查看 Secret 的时间", en: "see how old the Secret is"}
    place: cluster
    risk: read-only
    command: "kubectl get secrets -A --field-selector type=kubernetes.io/dockerconfigjson"
    expect: {zh: "AGE 超过令牌的有效期", en: "an AGE beyond the life of a token"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "用新令牌更新 Secret", en: "renew the Secret with a new token"}
    place: cluster
    risk: change
    command: "kubectl -n <NAMESPACE> create secret docker-registry <SECRET> --docker-server={{ registry }} --docker-username=<USER> --docker-password=<TOKEN> --dry-run=client -o yaml | kubectl apply -f -"
    expect: {zh: "configured", en: "configured"}
    verify: {zh: "`crictl pull {{ image }}` 或新 Pod 拉取成功", en: "a new pod pulls {{ image }}"}
    rollback: {zh: "恢复备份的 Secret", en: "put the saved Secret back"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "改用 kubelet 凭据插件或定时刷新 Secret，并监控到期时间", en: "use the kubelet's credential provider or renew the Secret by a timer, and watch when it ends"}
    acceptance: {zh: "令牌到期后新 Pod 仍能拉取镜像", en: "a new pod pulls its image after the old token has ended"}
sources:
  - "docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html: tokens are valid for 12 hours"
  - "goharbor/harbor src/server/middleware/security/robot.go: `the robot account is expired: %s`"
  - "Amazon ECR: `denied: Your authorization token has expired. Reauthenticate and try again.`"
versions: "any"
examples:
  - name: "the registry says so"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"210987654321.dkr.ecr.eu-west-1.amazonaws.com/api:1.2"}],"nodeName":"n1"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"210987654321.dkr.ecr.eu-west-1.amazonaws.com/api:1.2\": rpc error: code = Unknown desc = failed to pull and unpack image \"210987654321.dkr.ecr.eu-west-1.amazonaws.com/api:1.2\": denied: Your authorization token has expired. Reauthenticate and try again.","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
    fires: [{kind: "Registry", name: "210987654321.dkr.ecr.eu-west-1.amazonaws.com"}]
  - name: "a token of ECR that nobody renews, the CronJob for it is suspended"
    files:
      all.json: '{"kind":"List","apiVersion":"v1","items":[{"kind":"Pod","apiVersion":"v1","metadata":{"name":"web-0","namespace":"shop"},"spec":{"imagePullSecrets":[{"name":"ecr-pull"}],"containers":[{"name":"app","image":"210987654321.dkr.ecr.eu-west-1.amazonaws.com/api:1.2"}],"nodeName":"n1"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}},{"kind":"Secret","apiVersion":"v1","metadata":{"name":"ecr-pull","namespace":"shop","creationTimestamp":"2026-03-09T20:00:00Z"},"type":"kubernetes.io/dockerconfigjson"},{"kind":"CronJob","apiVersion":"batch/v1","metadata":{"name":"ecr-login","namespace":"ops"},"spec":{"suspend":true,"schedule":"0 */8 * * *"}},{"kind":"Event","apiVersion":"v1","metadata":{"name":"e","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"210987654321.dkr.ecr.eu-west-1.amazonaws.com/api:1.2\": failed to resolve reference \"210987654321.dkr.ecr.eu-west-1.amazonaws.com/api:1.2\": unexpected status from HEAD request to https://210987654321.dkr.ecr.eu-west-1.amazonaws.com/v2/api/manifests/1.2: 403 Forbidden","involvedObject":{"kind":"Pod","name":"web-0","namespace":"shop"},"lastTimestamp":"2026-03-18T08:13:59Z","firstTimestamp":"2026-03-18T08:00:00Z","count":4}]}'
    fires: [{kind: "CronJob", namespace: "ops", name: "ecr-login"}]
  - name: "Harbor says that the robot account has ended"
    files:
      pods.json: &refused '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"imagePullSecrets":[{"name":"harbor"}],"containers":[{"name":"app","image":"harbor.example/api:1.2"}],"nodeName":"n1"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}}]}'
      events.json: &refusal '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"harbor.example/api:1.2\": failed to authorize: failed to fetch oauth token: unexpected status from GET request to https://harbor.example/service/token?scope=repository%3Aapi%3Apull&service=harbor-registry: 401 Unauthorized","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
      harbor/core.log: |
        2026-03-30T11:53:12Z [ERROR] [/server/middleware/security/robot.go:71][requestID="ea7bbb06-aca3-4782-8261-12b2aeeff5f0"]: the robot account is expired: robot$shop+pull
    fires: [{kind: "Secret", namespace: "shop", name: "harbor"}]
  - name: "a robot account ended long before the log goes on"
    files:
      pods.json: *refused
      events.json: *refusal
      harbor/core.log: |
        2026-03-30T11:53:12Z [ERROR] [/server/middleware/security/robot.go:71][requestID="ea7bbb06-aca3-4782-8261-12b2aeeff5f0"]: the robot account is expired: robot$shop+pull
        2026-03-30T14:53:12Z [INFO] [/server/middleware/log/log.go:30]: attach request id
  - name: "Harbor refuses for another reason"
    files:
      pods.json: *refused
      events.json: *refusal
      harbor/core.log: |
        2026-03-30T11:53:12Z [ERROR] [/server/middleware/security/robot.go:65][requestID="ea7bbb06-aca3-4782-8261-12b2aeeff5f0"]: the robot account is disabled: robot$shop+pull
  - name: "a pull that worked since"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"210987654321.dkr.ecr.eu-west-1.amazonaws.com/api:1.2"}],"nodeName":"n1"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"210987654321.dkr.ecr.eu-west-1.amazonaws.com/api:1.2\": denied: Your authorization token has expired. Reauthenticate and try again.","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
"##;

/// How Harbor calls itself to those that ask for a token.
const HARBOR_SERVICE: &str = "service=harbor-registry";

/// How long a token of ECR is good for.
const ECR_TOKEN: SignedDuration = SignedDuration::from_hours(12);

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = by_registry(input, rule, &failed_pulls(input, rule));
    for finding in old_tokens(input, rule) {
        if !findings.iter().any(|known| known.subject == finding.subject) {
            findings.push(finding);
        }
    }
    findings.extend(ended_robot(input, rule));
    findings
}

/// A robot account of Harbor that ended while the one registry that the bundle's pods ask refuses them.
fn ended_robot(input: &Input<'_>, rule: &RuleHeader) -> Option<Finding> {
    let snapshot = input.snapshot;
    let told = own_hits(input, rule)
        .into_iter()
        .filter(|hit| hit.signature.ends_with("/robot") && persists(snapshot, hit))
        .max_by_key(|hit| hit.count)?;
    let refused = refused_in_any_form(snapshot);
    let registry = refused.first()?.registry.clone();
    if refused.iter().any(|other| other.registry != registry) {
        return None;
    }
    // The Secret that holds the account, where the bundle shows which one the pods present.
    let names: BTreeSet<(&str, &str)> = (refused.iter())
        .flat_map(|one| {
            let of_account = one.account.map(|account| names_in(account, "/imagePullSecrets"));
            let own = names_in(one.pod.object, "/spec/imagePullSecrets");
            let names = own.into_iter().chain(of_account.unwrap_or_default());
            names.map(|name| (one.pod.namespace(), name))
        })
        .collect();
    let subject = match names.iter().next().filter(|_| names.len() == 1) {
        Some((namespace, name)) => Subject::namespaced("Secret", *namespace, *name),
        None => Subject::cluster("Registry", &registry),
    };
    // Another registry that refuses may do so for reasons of its own.
    let is_its_own = is_host_of(snapshot, told, &registry) || refused.iter().any(|one| names_harbor(one.hit));
    let confidence = if is_its_own {
        Confidence::Confirmed
    } else {
        Confidence::Probable
    };
    let mut finding = Finding::new(rule, subject, confidence)
        .touch(Ground::Registry, &registry)
        .fact("registry", registry)
        .fact("image", refused.first()?.image)
        .fact("robot", told.captures.get("robot").cloned());
    finding.count = 0;
    add_hit(input, &mut finding, told);
    for one in refused {
        let pod = one.pod.object.subject();
        finding.touches.extend(workload_touches(snapshot, &pod));
        finding.add_affected(pod);
    }
    Some(finding)
}

/// True where a registry that refuses says that it is a Harbor: it asks for a token of its service (`src/server/middleware/v2auth`).
fn names_harbor(refusal: &Hit) -> bool {
    let quoted = refusal.cite.quote.iter();
    quoted.into_iter().any(|line| line.text.contains(HARBOR_SERVICE))
}

/// True where the Harbor that wrote this line is reached by this host: an Ingress of its namespace has it.
fn is_host_of(snapshot: &Snapshot, told: &Hit, registry: &str) -> bool {
    let namespace = told.about.object.namespace.as_str();
    let host = registry.split(':').next().unwrap_or(registry);
    !namespace.is_empty()
        && snapshot
            .kind_in("Ingress", namespace)
            .flat_map(|ingress| ingress.list("/spec/rules"))
            .any(|rule| rule.get("host").and_then(|host| host.as_str()) == Some(host))
}

/// Pulls from ECR that are refused while the pod's only Secret was not written for longer than a token lives, as far as is told: whoever
/// patches a Secret leaves the time of its creation as it was.
fn old_tokens(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = Vec::new();
    for refused in refused_in_any_form(snapshot) {
        if !refused.registry.contains(".dkr.ecr.") {
            continue;
        }
        let own = names_in(refused.pod.object, "/spec/imagePullSecrets");
        let of_account = refused.account.map(|account| names_in(account, "/imagePullSecrets"));
        let names: BTreeSet<&str> = own.into_iter().chain(of_account.unwrap_or_default()).collect();
        let namespace = refused.pod.namespace();
        let secret = names
            .first()
            .filter(|_| names.len() == 1)
            .and_then(|name| snapshot.object("Secret", namespace, name));
        let Some(secret) = secret else { continue };
        // Whoever renews the same Secret is seen in its managed fields.
        let written = secret
            .list("/metadata/managedFields")
            .iter()
            .filter_map(|entry| crate::model::When::rfc3339(entry.get("time")?.as_str()?))
            .chain(secret.time("/metadata/creationTimestamp"))
            .max_by_key(|when| when.latest);
        let (Some(written), Some(now)) = (written, snapshot.now()) else {
            continue;
        };
        let age = now.duration_since(written.latest);
        if age <= ECR_TOKEN {
            continue;
        }
        let pod = refused.pod.object.subject();
        let renewer = renewer(snapshot, secret);
        let subject = renewer.map_or_else(|| secret.subject(), Object::subject);
        let mut finding = Finding::new(rule, subject, Confidence::Probable)
            .cite(secret.cite_at("/metadata/creationTimestamp").at(Some(written)))
            .touch(Ground::Registry, &refused.registry)
            .fact("registry", refused.registry.clone())
            .fact("image", refused.image)
            .fact("secret", format!("{namespace}/{}", secret.key.name))
            .fact("renewer", renewer.map(|job| job.key.name.clone()))
            .fact("hours", age.as_hours());
        if let Some(job) = renewer {
            finding.add_cite(job.cite_at("/spec/suspend"));
        }
        add_hit(input, &mut finding, refused.hit);
        finding.touches.extend(workload_touches(snapshot, &pod));
        finding.add_affected(pod);
        findings.push(finding);
    }
    findings
}

/// The CronJob that is to renew a Secret and does not: it is suspended, or its last Job has failed. It is called after the registry or the
/// Secret, or the Secret's labels name it.
fn renewer<'s>(snapshot: &'s Snapshot, secret: &Object) -> Option<&'s Object> {
    let labels = secret.get("/metadata/labels").and_then(|labels| labels.as_object());
    let is_named = |name: &str| {
        name.split('-').any(|part| part == "ecr")
            || name.contains(secret.key.name.as_str())
            || labels.is_some_and(|labels| labels.values().any(|value| value.as_str() == Some(name)))
    };
    snapshot
        .kind("CronJob")
        .filter(|job| is_named(&job.key.name))
        .find(|job| {
            let last = snapshot
                .kind("Job")
                .filter(|run| {
                    run.key.namespace == job.key.namespace
                        && run
                            .key
                            .name
                            .strip_prefix(job.key.name.as_str())
                            .is_some_and(|rest| rest.starts_with('-'))
                })
                .max_by_key(|run| run.key.name.clone());
            job.get("/spec/suspend").and_then(|value| value.as_bool()) == Some(true)
                || last.is_some_and(|run| !has_all_replicas(run) && run.int("/status/succeeded").unwrap_or(0) == 0)
        })
}

#[cfg(test)]
mod tests {
    use crate::model::Confidence;
    use crate::rules::try_out::findings_of;

    const POD: &str = r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"registry.example/api:1.2"}]},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}}"#;
    const LOG: &str = "2026-03-30T11:53:12Z [ERROR] [/server/middleware/security/robot.go:71]: the robot account is expired: robot$shop+pull\n";
    const INGRESS: &str = r#"{"kind":"Ingress","apiVersion":"networking.k8s.io/v1","metadata":{"name":"harbor","namespace":"harbor"},"spec":{"rules":[{"host":"registry.example"}]}}"#;
    const CORE: &str = r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"harbor-core-0","namespace":"harbor"},"spec":{"containers":[{"name":"core","image":"goharbor/core"}]},"status":{"phase":"Running"}}"#;

    #[test]
    fn an_ended_robot_is_the_cause_for_sure_only_where_its_own_harbor_refuses() {
        let refusal = |asked: &str| {
            format!(
                r#"{{"kind":"Event","apiVersion":"v1","metadata":{{"name":"e","namespace":"shop"}},"type":"Warning","reason":"Failed","message":"Failed to pull image \"registry.example/api:1.2\": failed to authorize: failed to fetch oauth token: unexpected status from GET request to https://registry.example/service/token?scope=x{asked}: 401 Unauthorized","involvedObject":{{"kind":"Pod","namespace":"shop","name":"web-0"}}}}"#
            )
        };
        let (other, harbor) = (refusal(""), refusal("&service=harbor-registry"));
        let log = ("logs/harbor/harbor-core-0/core.log", LOG);
        for (more, expected) in [
            (vec![("e.json", other.as_str())], Confidence::Probable),
            (vec![("e.json", harbor.as_str())], Confidence::Confirmed),
            (
                vec![("e.json", other.as_str()), ("ingress.json", INGRESS)],
                Confidence::Confirmed,
            ),
        ] {
            let files: Vec<(&str, &str)> = [("web.json", POD), ("core.json", CORE), log]
                .into_iter()
                .chain(more)
                .collect();
            let found = findings_of("registry-credential-expired", &files);
            assert_eq!(
                found.iter().map(|finding| finding.confidence).collect::<Vec<_>>(),
                [expected]
            );
        }
    }
}
