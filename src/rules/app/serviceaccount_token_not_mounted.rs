//! A program wants to talk to the API server and its pod has no token.

use crate::cluster::{Object, Snapshot};
use crate::model::Subject;
use crate::rules::toolbox::complaints::judge;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: serviceaccount-token-not-mounted
role: cause
level: critical
needs: [container-logs|pods]
text:
  - id: file
    in: [container-log, status]
    pattern: '(?P<file>/(?:var/)?run/secrets/kubernetes\.io/serviceaccount/(?:token|ca\.crt|namespace))[^\n]{0,60}(?i:no such file|not found|does not exist|cannot (?:open|find)|ENOENT)'
  - id: file-after
    in: [container-log, status]
    pattern: '(?i:no such file or directory|ENOENT|FileNotFound\w*|NoSuchFileException|does not exist|not find)[^\n]{0,80}(?P<file>/(?:var/)?run/secrets/kubernetes\.io/serviceaccount/(?:token|ca\.crt|namespace))'
  - id: client-go
    in: [container-log, status]
    pattern: '(?P<reason>(?:error creating inClusterConfig|unable to load in-cluster configuration|[Ff]ailed to (?:get|build|create|load) in-?cluster config)[^\n]{0,160})'
  - id: python
    in: [container-log, status]
    pattern: '(?P<reason>Service (?:token|certification) file does not exist)'
finds:
  subject: application
  confidence: confirmed
  only_while_failing: true
check:
  zh: '需要访问 API 的 Pod 是否挂载了 ServiceAccount 令牌'
  en: 'whether pods that talk to the API server have the token of their ServiceAccount'
title:
  zh: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：{% if setter %}automountServiceAccountToken 为 false，{% endif %}{{ workload }} 的 Pod 里没有 ServiceAccount 令牌'
  en: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: {% if setter %}automountServiceAccountToken is false and {% endif %}the pods of {{ workload }} have no ServiceAccount token'
cause:
  zh: '应用写出 {{ said }}（共 {{ times }} 次）：它要用 Pod 的 ServiceAccount 访问 API，而 Pod 里没有令牌文件。{% if setter %}{{ setter }} 的 automountServiceAccountToken 为 false，kubelet 不挂载令牌。{% endif %}'
  en: 'the application wrote {{ said }} ({{ times|times }}): it means to talk to the API server as its ServiceAccount, and its pod has no token.{% if setter %} automountServiceAccountToken of {{ setter }} is false, so the kubelet mounts none.{% endif %}'
rules_out:
  - zh: 'RBAC：没有令牌时请求还没有发出'
    en: 'RBAC: without a token no request is sent'
causes:
  - rule: crashloopbackoff
    ground: workload
    mechanism:
      zh: '应用因此退出，kubelet 反复重启'
      en: 'the application ends over it and the kubelet restarts it'
  - rule: workload-unavailable
    ground: workload
    mechanism:
      zh: '容器不能就绪'
      en: 'its containers do not get ready'
  - rule: readiness-probe-failing
    ground: workload
    mechanism:
      zh: '应用不能提供服务，就绪探针失败'
      en: 'it cannot serve, so the readiness probe fails'
  - rule: liveness-probe-failing
    ground: workload
    mechanism:
      zh: '应用不能提供服务，存活探针失败'
      en: 'it cannot serve, so the liveness probe fails'
  - rule: job-backoff-limit
    ground: workload
    mechanism:
      zh: '任务的每次尝试都因此失败'
      en: 'every attempt of the Job fails over it'
  - rule: app-bug
    ground: workload
    mechanism:
      zh: '最后几行日志说的就是它'
      en: 'the last lines of the log are about it'
  - rule: app-missing-file
    ground: workload
    mechanism:
      zh: '缺的就是令牌文件'
      en: 'the file that is missing is the token'
  - rule: app-panic
    ground: workload
    mechanism:
      zh: '程序随之退出'
      en: 'the program ends with it'
  - rule: app-config-invalid
    ground: workload
    mechanism:
      zh: '没有令牌就没有客户端配置'
      en: 'without a token there is no configuration for a client'
  - rule: app-missing-variable
    ground: workload
    mechanism:
      zh: '客户端改找别的配置'
      en: 'the client looks for another configuration'
benign:
  - zh: '退回到 kubeconfig 并成功的程序'
    en: 'a program that goes on with a kubeconfig and succeeds'
  - zh: '不访问 API 的 Pod 关闭自动挂载是好做法'
    en: 'turning automounting off for pods that do not talk to the API is good practice'
remedy:
  - purpose:
      zh: '查看这段日志的前后文'
      en: 'read what stands around this line'
    place: cluster
    risk: read-only
    command: '{{ log_command|raw }}'
    expect:
      zh: '出现 {{ said }}'
      en: 'it shows {{ said }}'
    verify:
      zh: '与本报告引用的行一致'
      en: 'it agrees with the lines quoted here'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
  - purpose:
      zh: '查看 Pod 与 ServiceAccount 的设置'
      en: 'look at the settings of pod and ServiceAccount'
    place: cluster
    risk: read-only
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}get serviceaccount {{ account }} -o yaml'
    expect:
      zh: 'automountServiceAccountToken'
      en: 'automountServiceAccountToken'
    verify:
      zh: '为 false，或在工作负载的模板里为 false'
      en: 'it is false, here or in the template of the workload'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
  - purpose:
      zh: '在工作负载的模板里打开挂载（它优先于 ServiceAccount 的设置）'
      en: 'turn mounting on in the template of the workload, which wins over the ServiceAccount'
    place: cluster
    risk: change
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}patch {{ resource }} {{ workload_name }} -p ''{"spec":{"template":{"spec":{"automountServiceAccountToken":true}}}}'''
    verify:
      zh: '新 Pod 的 Mounts 中有 kube-api-access'
      en: 'Mounts of the new pods have kube-api-access'
    rollback:
      zh: '改回原值'
      en: 'put the former value back'
prevention:
  - kind: process
    text:
      zh: '关闭自动挂载时，为需要访问 API 的工作负载显式打开'
      en: 'where automounting is turned off, turn it on for the workloads that need the API'
    acceptance:
      zh: '清单里每个用 API 的工作负载都写明该字段'
      en: 'the manifest of every workload that uses the API has the field'
sources:
  - 'kubernetes plugin/pkg/admission/serviceaccount/admission.go ShouldAutomount'
  - 'kubernetes/client-go rest/config.go InClusterConfig, tools/clientcmd/client_config.go: `error creating inClusterConfig, falling back to default config`'
  - 'kubernetes-client/python config/incluster_config.py'
versions: 'Kubernetes 1.6 to 1.36'
examples:
  - name: 'the ServiceAccount turns mounting off'
    files:
      'sa.yaml': |
        apiVersion: v1
        kind: ServiceAccount
        automountServiceAccountToken: false
        metadata:
          name: orders
          namespace: shop
          uid: "1"
          creationTimestamp: "2026-01-01T00:00:00Z"
      'deploy.json': |
        {"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "orders", "namespace": "shop", "uid": "1"}, "spec": {"replicas": 1, "template": {"spec": {"serviceAccountName": "orders", "containers": [{"name": "app", "image": "orders:1"}]}}}}
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        orders-6bdf8c9d7-jd5lx            0/1     CrashLoopBackOff   7 (90s ago)   41m
      'orders.log': |
        error creating inClusterConfig, falling back to default config: open /var/run/secrets/kubernetes.io/serviceaccount/token: no such file or directory
        Failed to run err="invalid configuration: no configuration has been provided"
    fires:
      - {kind: 'ServiceAccount', namespace: 'shop', name: 'orders'}
  - name: 'nothing tells who turned it off'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        orders-6bdf8c9d7-jd5lx            0/1     CrashLoopBackOff   7 (90s ago)   41m
      'orders.log': |
        kubernetes.config.config_exception.ConfigException: Service token file does not exist.
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'orders'}
  - name: 'another way in was found'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        orders-6bdf8c9d7-jd5lx            1/1     Running            0             41m
      'orders.log': |
        error creating inClusterConfig, falling back to default config: open /var/run/secrets/kubernetes.io/serviceaccount/token: no such file or directory
        serving
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let Some(subjects) = &rule.finds else { return Vec::new() };
    let mut findings = judge(input, rule, subjects);
    for finding in &mut findings {
        let workload = finding.subject.clone();
        let spec = pod_spec(input.snapshot, &workload);
        let account = spec
            .map(|(object, at)| object.text(&format!("{at}/serviceAccountName")))
            .filter(|name| !name.is_empty())
            .unwrap_or("default");
        let account = Subject::namespaced("ServiceAccount", &workload.namespace, account);
        let mut setter = String::new();
        if let Some((object, at)) = spec.filter(|(object, at)| is_off(object, &format!("{at}/{FIELD}"))) {
            setter = workload.to_string();
            finding.path = format!("{}.{FIELD}", at.trim_start_matches('/').replace('/', "."));
            finding.add_cite(object.cite_at(&format!("{at}/{FIELD}")));
        } else if let Some(object) = input
            .snapshot
            .object("ServiceAccount", &account.namespace, &account.name)
            .filter(|object| is_off(object, &format!("/{FIELD}")))
        {
            setter = account.to_string();
            finding.path = FIELD.to_owned();
            finding.add_cite(object.cite_at(&format!("/{FIELD}")));
            finding.add_affected(workload.clone());
            finding.touches.extend(crate::rules::Touch::of(&account));
            finding.subject = account.clone();
            finding.affected.retain(|affected| *affected != account);
            finding.add_affected(workload.clone());
        }
        for (name, value) in [
            ("setter", setter),
            ("workload", workload.to_string()),
            ("workload_name", workload.name.clone()),
            ("resource", workload.kind.to_lowercase()),
            ("account", account.name),
        ] {
            finding.facts.insert(name.to_owned(), value.into());
        }
    }
    findings
}

const FIELD: &str = "automountServiceAccountToken";

fn is_off(object: &Object, pointer: &str) -> bool {
    object.get(pointer).and_then(|value| value.as_bool()) == Some(false)
}

/// The specification of a workload's pods: its template, else one of the pods.
fn pod_spec<'s>(snapshot: &'s Snapshot, workload: &'s Subject) -> Option<(&'s Object, &'static str)> {
    let owner = snapshot.object(&workload.kind, &workload.namespace, &workload.name);
    let template = owner.map(|object| {
        let at = match object.key.kind.as_str() {
            "CronJob" => "/spec/jobTemplate/spec/template/spec",
            "Pod" => "/spec",
            _ => "/spec/template/spec",
        };
        (object, at)
    });
    template
        .filter(|(object, at)| object.get(&format!("{at}/serviceAccountName")).is_some())
        .or_else(|| snapshot.pods_of(workload).next().map(|pod| (pod.object, "/spec")))
        .or(template)
}
