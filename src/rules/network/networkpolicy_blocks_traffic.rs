//! A network policy drops traffic that workloads need.

use std::cell::LazyCell;
use std::collections::BTreeMap;

use crate::cluster::{Hit, Object, PodView, Snapshot};
use crate::logs::{Stream, TailLine};
use crate::model::{Citation, Confidence, Subject};
use crate::rules::toolbox::calls::{Call, calls, is_out_of_reach, of_clients};
use crate::rules::toolbox::complaints::{Complaint, complaints};
use crate::rules::toolbox::errors::troubled;
use crate::rules::toolbox::names::name_complaints_of;
use crate::rules::toolbox::peers::{Peer, objects_of};
use crate::rules::toolbox::policies::{Allowed, Home, Way, isolates, may_take, meant_by, rules, selects};
use crate::rules::toolbox::references::{Resolved, references};
use crate::rules::toolbox::services::{
    Backend, Fit, Labels, Target, backends, fit, is_endpoint, ports, same_namespace, selected_by_endpoint, selector,
    services_in, shown,
};
use crate::rules::toolbox::speakers::of_log;
use crate::rules::toolbox::unanswered::unanswered;
use crate::rules::toolbox::{add_hit, cite_tail};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: networkpolicy-blocks-traffic
role: cause
level: critical
needs: [networkpolicies]
text:
  - id: silence
    in: [container-log, event, status, other]
    pattern: "(?i)(?:i/o timeout|timed out|timeout expired|Temporary failure in name resolution|EAI_AGAIN|ETIMEDOUT|no servers could be reached|context deadline exceeded|could not translate host name|could not resolve|connect timeout|SocketTimeoutException|UnknownHostException)"
check:
  zh: 网络策略是否放行工作负载需要的流量
  en: whether network policies let the traffic through that workloads need
title:
  zh: "NetworkPolicy {{ subject.namespace }}/{{ subject.name }} {% if kind == 'dns' %}不放行 {{ from }} 的 DNS 查询（出向 53 端口）{% elif kind == 'nobody' %}拒绝到 {{ to }} 的所有入向流量{% else %}阻断 {{ from }} 到 {{ to }} 的流量{% endif %}"
  en: "NetworkPolicy {{ subject.namespace }}/{{ subject.name }} {% if kind == 'dns' %}does not let the DNS queries of {{ from }} out (port 53){% elif kind == 'nobody' %}refuses all traffic to {{ to }}{% else %}blocks the traffic from {{ from }} to {{ to }}{% endif %}"
cause:
  zh: "策略 {{ subject.name }} 选中了标签为 {{ labels }} 的 Pod，使它们在{{ way_zh|raw }}方向被隔离；没有任何选中这些 Pod 的策略放行{% if kind == 'dns' %}到 DNS 的 53 端口{% elif kind == 'nobody' %}任何来源{% else %} {{ from }} 到 {{ to }}{% if port %} 端口 {{ port }}{% endif %} 的连接{% endif %}，数据包被静默丢弃。"
  en: "policy {{ subject.name }} selects the pods labelled {{ labels }} and isolates them for {{ way_en|raw }}; no policy that selects them lets {% if kind == 'dns' %}port 53 of the DNS{% elif kind == 'nobody' %}anybody{% else %}{{ from }} through to {{ to }}{% if port %} at port {{ port }}{% endif %}{% endif %}, so packets are dropped in silence."
questions:
  - {zh: 集群的 CNI 是否执行网络策略（Flannel 不执行）？, en: "does the cluster's CNI enforce network policies (Flannel does not)?"}
causes:
  - rule: app-upstream-refused
    ground: workload
    mechanism: {zh: "策略拒绝了这些流量", en: "the policy refuses this traffic"}
  - rule: app-upstream-unresolved
    ground: workload
    mechanism: {zh: "策略拒绝了这些流量", en: "the policy refuses this traffic"}
  - rule: app-database-unreachable
    ground: workload
    mechanism: {zh: "策略拒绝了这些流量", en: "the policy refuses this traffic"}
  - rule: dns-resolution-failure
    ground: workload
    mechanism: {zh: "策略拒绝了这些流量", en: "the policy refuses this traffic"}
  - rule: dns-resolution-failure
    ground: namespace
    mechanism: {zh: "策略拒绝了这些流量", en: "the policy refuses this traffic"}
  - rule: readiness-probe-failing
    ground: workload
    mechanism: {zh: "策略拒绝了这些流量", en: "the policy refuses this traffic"}
  - rule: peer-answers-with-errors
    ground: service
    mechanism: {zh: "它所依赖的连接被策略阻断", en: "connections that it needs are cut by the policy"}
  - rule: peer-answers-with-errors
    ground: workload
    mechanism: {zh: "它所依赖的连接被策略阻断", en: "connections that it needs are cut by the policy"}
  - rule: init-container-waiting
    ground: workload
    mechanism: {zh: "初始化容器等待的对端连不上", en: "what the init container waits for is out of reach"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: 依赖连不上，Pod 不就绪, en: "what the pods depend on is out of reach"}
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: 依赖连不上，进程退出, en: "what the process depends on is out of reach, so it ends"}
  - rule: service-unreachable
    ground: node
    mechanism: {zh: "到后端的路径不通", en: "the way to what stands behind it is broken"}
benign:
  - zh: 策略不影响镜像拉取与 hostNetwork 的 Pod
    en: policies never affect image pulls or pods of the host network
  - zh: 默认拒绝再加上相应放行策略是常见做法
    en: a default deny together with policies that allow what is needed is common practice
remedy:
  - purpose: {zh: 查看该命名空间的策略, en: look at the policies of the namespace}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} describe networkpolicy"
    expect: {zh: "没有策略放行所需的流量", en: "none of them lets the traffic through"}
    verify: {zh: 已确认, en: confirmed}
    rollback: {zh: 只读，无需回滚, en: read-only}
  - purpose: {zh: 在策略中放行所需的流量, en: let the traffic through in the policy}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} edit networkpolicy {{ subject.name }}"
    expect: {zh: "{% if kind == 'dns' %}在 egress 中加入到 kube-dns 的 53/UDP 与 53/TCP{% else %}加入对应的规则{% endif %}", en: "{% if kind == 'dns' %}egress to kube-dns at 53/UDP and 53/TCP{% else %}a rule for it{% endif %}"}
    verify: {zh: 客户端能连通, en: the client can connect}
    rollback: {zh: 去掉新加的规则, en: take the new rule out}
prevention:
  - kind: prevent
    text: {zh: 默认拒绝策略总与放行 DNS 的策略一起发布, en: ship every default deny together with a policy that allows DNS}
    acceptance: {zh: 新命名空间中的测试 Pod 能解析 Service 名称, en: a test pod in a new namespace resolves the name of a Service}
sources: ["kubernetes.io/docs/concepts/services-networking/network-policies", "kubectl pkg/describe: printNetworkPolicySpecIngressFrom"]
versions: Kubernetes 1.7 to 1.36
examples:
  - name: default deny of egress without DNS, and the client cannot resolve
    files:
      np.json: '{"kind":"NetworkPolicy","apiVersion":"networking.k8s.io/v1","metadata":{"name":"deny-egress","namespace":"pay"},"spec":{"podSelector":{},"policyTypes":["Egress"],"egress":[{"ports":[{"port":5432}]}]}}'
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"api-6c8fdd7b9c-8jhnx","namespace":"pay","labels":{"app":"api"}},"spec":{"containers":[{"name":"a"}]},"status":{"phase":"Running"}}]}'
      api-6c8fdd7b9c-8jhnx.log: |
        dial tcp: lookup db on 10.96.0.10:53: read udp 10.244.1.5:33->10.96.0.10:53: i/o timeout
    fires: [{kind: NetworkPolicy, namespace: pay, name: deny-egress}]
  - name: a policy that lets the applications in and the members of the replica set not
    files:
      np.json: '{"kind":"NetworkPolicy","apiVersion":"networking.k8s.io/v1","metadata":{"name":"docs-db","namespace":"docs"},"spec":{"podSelector":{"matchLabels":{"app":"docs-db"}},"policyTypes":["Ingress"],"ingress":[{"from":[{"podSelector":{"matchLabels":{"app":"docs-api"}}}],"ports":[{"port":27017}]}]}}'
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"docs-db-0","namespace":"docs","labels":{"app":"docs-db"},"ownerReferences":[{"kind":"StatefulSet","name":"docs-db","controller":true}]},"spec":{"containers":[{"name":"mongod"}]},"status":{"phase":"Running","podIP":"10.244.1.5"}},{"metadata":{"name":"docs-db-1","namespace":"docs","labels":{"app":"docs-db"},"ownerReferences":[{"kind":"StatefulSet","name":"docs-db","controller":true}]},"spec":{"containers":[{"name":"mongod"}]},"status":{"phase":"Running","podIP":"10.244.2.6"}}]}'
      docs/docs-db-0/mongod.log: |
        {"t":{"$date":"2026-04-09T15:18:23.244+00:00"},"s":"I","c":"REPL_HB","id":23974,"msg":"Heartbeat failed after max retries","attr":{"target":"docs-db-1.docs-db.docs.svc.cluster.local:27017","error":{"codeName":"HostUnreachable","errmsg":"Error connecting to docs-db-1.docs-db.docs.svc.cluster.local:27017 (10.244.2.6:27017) :: caused by :: Connection timed out"}}}
        {"t":{"$date":"2026-04-09T15:18:43.244+00:00"},"s":"I","c":"REPL_HB","id":23974,"msg":"Heartbeat failed after max retries","attr":{"target":"docs-db-1.docs-db.docs.svc.cluster.local:27017","error":{"codeName":"HostUnreachable","errmsg":"Error connecting to docs-db-1.docs-db.docs.svc.cluster.local:27017 (10.244.2.6:27017) :: caused by :: Connection timed out"}}}
        {"t":{"$date":"2026-04-09T15:19:03.244+00:00"},"s":"I","c":"REPL_HB","id":23974,"msg":"Heartbeat failed after max retries","attr":{"target":"docs-db-1.docs-db.docs.svc.cluster.local:27017","error":{"codeName":"HostUnreachable","errmsg":"Error connecting to docs-db-1.docs-db.docs.svc.cluster.local:27017 (10.244.2.6:27017) :: caused by :: Connection timed out"}}}
    fires: [{kind: NetworkPolicy, namespace: docs, name: docs-db}]
  - name: a policy of which the selector misses the client
    files:
      np.txt: |
        Name:         db-allow
        Namespace:    pay
        Created on:   2025-01-01 00:00:00 +0000 UTC
        Labels:       <none>
        Annotations:  <none>
        Spec:
          PodSelector:     app=db
          Allowing ingress traffic:
            To Port: 5432/TCP
            From:
              PodSelector: app=apis
          Not affecting egress traffic
          Policy Types: Ingress
      svc.json: '{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"db","namespace":"pay"},"spec":{"selector":{"app":"db"},"ports":[{"port":5432}]}}]}'
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"api-6c8fdd7b9c-8jhnx","namespace":"pay","labels":{"app":"api"}},"spec":{"containers":[{"name":"a","env":[{"name":"DB_HOST","value":"db"}]}]},"status":{"phase":"Running"}},{"metadata":{"name":"db-0","namespace":"pay","labels":{"app":"db"}},"spec":{"containers":[{"name":"d"}]},"status":{"phase":"Running"}}]}'
    fires: [{kind: NetworkPolicy, namespace: pay, name: db-allow}]
  - name: pods of two roles of one custom resource, of which one shuts the other out
    files:
      np.json: '{"kind":"NetworkPolicyList","apiVersion":"networking.k8s.io/v1","items":[{"metadata":{"name":"head-only","namespace":"ml"},"spec":{"podSelector":{"matchLabels":{"role":"head"}},"policyTypes":["Ingress"],"ingress":[{"from":[{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"web"}}}],"ports":[{"port":8000}]}]}}]}'
      svc.txt: |
        $ kubectl get svc,endpoints -n ml
        NAME               TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)             AGE
        service/head-svc   ClusterIP   None         <none>        6379/TCP,8000/TCP   46m

        NAME                 ENDPOINTS                           AGE
        endpoints/head-svc   10.244.3.29:6379,10.244.3.29:8000   46m
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"c-head-7kq4n","namespace":"ml","labels":{"role":"head"},"ownerReferences":[{"kind":"RayCluster","name":"c","controller":true}]},"spec":{"containers":[{"name":"a"}]},"status":{"phase":"Running","podIP":"10.244.3.29","containerStatuses":[{"name":"a","ready":true,"restartCount":0,"state":{"running":{}}}]}},{"metadata":{"name":"c-worker-952dd","namespace":"ml","labels":{"role":"worker"},"ownerReferences":[{"kind":"RayCluster","name":"c","controller":true}]},"spec":{"containers":[{"name":"a","env":[{"name":"HEAD_ADDRESS","value":"head-svc.ml.svc.cluster.local:6379"}]}]},"status":{"phase":"Pending","podIP":"10.244.2.32"}}]}'
    fires: [{kind: NetworkPolicy, namespace: ml, name: head-only}]
  - name: a caller of another namespace that is named by its label
    files:
      np.json: '{"kind":"NetworkPolicyList","apiVersion":"networking.k8s.io/v1","items":[{"metadata":{"name":"db-from-web","namespace":"data"},"spec":{"podSelector":{"matchLabels":{"app":"db"}},"policyTypes":["Ingress"],"ingress":[{"from":[{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"pay"}}}]}]}}]}'
      svc.json: '{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"db","namespace":"data"},"spec":{"selector":{"app":"db"},"ports":[{"port":5432}]}}]}'
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"api-6c8fdd7b9c-8jhnx","namespace":"pay","labels":{"app":"api"}},"spec":{"containers":[{"name":"a","env":[{"name":"DB_URL","value":"postgres://db.data.svc:5432/x"}]}]},"status":{"phase":"Running"}},{"metadata":{"name":"db-0","namespace":"data","labels":{"app":"db"}},"spec":{"containers":[{"name":"d"}]},"status":{"phase":"Running"}}]}'
      api-6c8fdd7b9c-8jhnx.log: |
        dial tcp 10.96.0.7:5432: i/o timeout
  - name: a default deny with what is needed allowed
    files:
      np.json: '{"kind":"NetworkPolicyList","apiVersion":"networking.k8s.io/v1","items":[{"metadata":{"name":"deny","namespace":"pay"},"spec":{"podSelector":{},"policyTypes":["Ingress"]}},{"metadata":{"name":"db-allow","namespace":"pay"},"spec":{"podSelector":{"matchLabels":{"app":"db"}},"ingress":[{"from":[{"podSelector":{"matchLabels":{"app":"api"}}}],"ports":[{"port":5432}]}]}}]}'
      svc.json: '{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"db","namespace":"pay"},"spec":{"selector":{"app":"db"},"ports":[{"port":5432}]}}]}'
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"api-6c8fdd7b9c-8jhnx","namespace":"pay","labels":{"app":"api"}},"spec":{"containers":[{"name":"a","env":[{"name":"DB_HOST","value":"db"}]}]},"status":{"phase":"Running"}},{"metadata":{"name":"db-0","namespace":"pay","labels":{"app":"db"}},"spec":{"containers":[{"name":"d"}]},"status":{"phase":"Running"}}]}'
  - name: "the proxy's namespace does not carry the label that the policy asks for"
    files:
      namespaces.json: '{"kind":"NamespaceList","apiVersion":"v1","items":[{"metadata":{"name":"edge","labels":{"kubernetes.io/metadata.name":"edge"}}},{"metadata":{"name":"shop","labels":{"kubernetes.io/metadata.name":"shop"}}}]}'
      policies.json: '{"kind":"NetworkPolicyList","apiVersion":"networking.k8s.io/v1","items":[{"metadata":{"name":"walls","namespace":"shop"},"spec":{"podSelector":{},"policyTypes":["Ingress"],"ingress":[{"from":[{"podSelector":{}}]},{"from":[{"namespaceSelector":{"matchLabels":{"name":"edge"}}}]}]}}]}'
      deployments.json: '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"cart","namespace":"shop"},"spec":{"template":{"metadata":{"labels":{"app":"cart"}},"spec":{"containers":[{"name":"c"}]}}}}]}'
      services.json: '{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"cart","namespace":"shop"},"spec":{"clusterIP":"10.96.0.12","selector":{"app":"cart"},"ports":[{"port":8080}]}}]}'
      pods.txt: |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE
        edge        proxy-57b96b46b7-zv4q2     1/1     Running   0          41m
        shop        cart-6bdf8c9d7-jd5lx       1/1     Running   0          41m
      proxy-57b96b46b7-zv4q2.log: |
        ERROR upstream cart.shop:8080 timed out after 5s
        ERROR upstream cart.shop:8080 timed out after 5s
        ERROR upstream cart.shop:8080 timed out after 5s
    fires: [{kind: NetworkPolicy, namespace: shop, name: walls}]
  - name: "the same where tables show no label of any pod, and the Service shows its selector"
    files:
      kubectl_get_ns_--show-labels.txt: |
        NAME   STATUS   AGE   LABELS
        edge   Active   35d   kubernetes.io/metadata.name=edge,team=edge
        shop   Active   35d   kubernetes.io/metadata.name=shop
      policies.json: '{"kind":"NetworkPolicyList","apiVersion":"networking.k8s.io/v1","items":[{"metadata":{"name":"deny","namespace":"shop"},"spec":{"podSelector":{},"policyTypes":["Ingress"]}},{"metadata":{"name":"walls","namespace":"shop"},"spec":{"podSelector":{"matchLabels":{"app":"cart"}},"policyTypes":["Ingress"],"ingress":[{"from":[{"namespaceSelector":{"matchLabels":{"name":"edge"}}}]}]}}]}'
      kubectl_get_svc_-A_-o_wide.txt: |
        NAMESPACE   NAME   TYPE        CLUSTER-IP    EXTERNAL-IP   PORT(S)    AGE   SELECTOR
        shop        cart   ClusterIP   10.96.0.12    <none>        8080/TCP   35d   app=cart
      kubectl_get_endpoints_-A.txt: |
        NAMESPACE   NAME   ENDPOINTS          AGE
        shop        cart   10.244.1.16:8080   35d
      kubectl_get_pods_-A_-o_wide.txt: |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE   IP            NODE   NOMINATED NODE   READINESS GATES
        edge        proxy-57b96b46b7-zv4q2     1/1     Running   0          41m   10.244.2.20   n-1    <none>           <none>
        shop        cart-6bdf8c9d7-jd5lx       1/1     Running   0          41m   10.244.1.16   n-2    <none>           <none>
      proxy-57b96b46b7-zv4q2.log: |
        ERROR upstream cart: dial tcp 10.96.0.12:8080: i/o timeout
        ERROR upstream cart: dial tcp 10.96.0.12:8080: i/o timeout
        ERROR upstream cart: dial tcp 10.96.0.12:8080: i/o timeout
    fires: [{kind: NetworkPolicy, namespace: shop, name: walls}]
  - name: "the same where another policy excludes just these pods by an expression"
    files:
      policies.json: '{"kind":"NetworkPolicyList","apiVersion":"networking.k8s.io/v1","items":[{"metadata":{"name":"others","namespace":"shop"},"spec":{"podSelector":{"matchExpressions":[{"key":"app","operator":"NotIn","values":["cart"]}]},"policyTypes":["Ingress"],"ingress":[{"from":[{"podSelector":{}}]}]}},{"metadata":{"name":"walls","namespace":"shop"},"spec":{"podSelector":{"matchLabels":{"app":"cart"}},"policyTypes":["Ingress"],"ingress":[{"from":[{"podSelector":{"matchLabels":{"app":"reader"}}}]}]}}]}'
      kubectl_get_svc_-A_-o_wide.txt: |
        NAMESPACE   NAME   TYPE        CLUSTER-IP    EXTERNAL-IP   PORT(S)    AGE   SELECTOR
        shop        cart   ClusterIP   10.96.0.12    <none>        8080/TCP   35d   app=cart
      kubectl_get_endpoints_-A.txt: |
        NAMESPACE   NAME   ENDPOINTS          AGE
        shop        cart   10.244.1.16:8080   35d
      kubectl_get_pods_-A_-o_wide.txt: |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE   IP            NODE   NOMINATED NODE   READINESS GATES
        shop        cart-6bdf8c9d7-jd5lx       1/1     Running   0          41m   10.244.1.16   n-2    <none>           <none>
      writer.json: '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"writer-57b96b46b7-zv4q2","namespace":"shop","labels":{"app":"writer"}},"spec":{"containers":[{"name":"writer"}]},"status":{"phase":"Running","podIP":"10.244.2.20"}}'
      writer-57b96b46b7-zv4q2.log: |
        ERROR cart: dial tcp 10.96.0.12:8080: i/o timeout
        ERROR cart: dial tcp 10.96.0.12:8080: i/o timeout
        ERROR cart: dial tcp 10.96.0.12:8080: i/o timeout
    fires: [{kind: NetworkPolicy, namespace: shop, name: walls}]
  - name: "the client's labels were renamed in a namespace without policies"
    files:
      namespaces.json: '{"kind":"NamespaceList","apiVersion":"v1","items":[{"metadata":{"name":"front","labels":{"kubernetes.io/metadata.name":"front"}}},{"metadata":{"name":"shop","labels":{"kubernetes.io/metadata.name":"shop"}}}]}'
      policies.json: '{"kind":"NetworkPolicyList","apiVersion":"networking.k8s.io/v1","items":[{"metadata":{"name":"walls","namespace":"shop"},"spec":{"podSelector":{"matchLabels":{"app":"cart"}},"policyTypes":["Ingress"],"ingress":[{"from":[{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"front"}},"podSelector":{"matchLabels":{"app":"web"}}}]}]}}]}'
      services.json: '{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"cart","namespace":"shop"},"spec":{"clusterIP":"10.96.0.12","selector":{"app":"cart"},"ports":[{"port":8080}]}}]}'
      endpoints.json: '{"kind":"EndpointsList","apiVersion":"v1","items":[{"metadata":{"name":"cart","namespace":"shop"},"subsets":[{"addresses":[{"ip":"10.244.1.16"}],"ports":[{"port":8080}]}]}]}'
      cart.txt: |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE   IP            NODE   NOMINATED NODE   READINESS GATES
        shop        cart-6bdf8c9d7-jd5lx       1/1     Running   0          41m   10.244.1.16   n-2    <none>           <none>
      web.txt: |
        NAMESPACE   NAME                     READY   STATUS    RESTARTS   AGE   LABELS
        front       web-57b96b46b7-zv4q2     1/1     Running   0          41m   app.kubernetes.io/name=web,pod-template-hash=57b96b46b7
      web-57b96b46b7-zv4q2.log: |
        ERROR cart: dial tcp 10.96.0.12:8080: i/o timeout
        ERROR cart: dial tcp 10.96.0.12:8080: i/o timeout
        ERROR cart: dial tcp 10.96.0.12:8080: i/o timeout
    fires: [{kind: NetworkPolicy, namespace: shop, name: walls}]
  - name: "the proxy's namespace carries it"
    files:
      namespaces.json: '{"kind":"NamespaceList","apiVersion":"v1","items":[{"metadata":{"name":"edge","labels":{"kubernetes.io/metadata.name":"edge","name":"edge"}}},{"metadata":{"name":"shop","labels":{"kubernetes.io/metadata.name":"shop"}}}]}'
      policies.json: '{"kind":"NetworkPolicyList","apiVersion":"networking.k8s.io/v1","items":[{"metadata":{"name":"walls","namespace":"shop"},"spec":{"podSelector":{},"policyTypes":["Ingress"],"ingress":[{"from":[{"podSelector":{}}]},{"from":[{"namespaceSelector":{"matchLabels":{"name":"edge"}}}]}]}}]}'
      deployments.json: '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"cart","namespace":"shop"},"spec":{"template":{"metadata":{"labels":{"app":"cart"}},"spec":{"containers":[{"name":"c"}]}}}}]}'
      pods.txt: |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE
        edge        proxy-57b96b46b7-zv4q2     1/1     Running   0          41m
        shop        cart-6bdf8c9d7-jd5lx       1/1     Running   0          41m
      proxy-57b96b46b7-zv4q2.log: |
        ERROR upstream cart.shop:8080 timed out after 5s
        ERROR upstream cart.shop:8080 timed out after 5s
        ERROR upstream cart.shop:8080 timed out after 5s
"##;

/// Traffic that does not pass.
struct Blocked<'s> {
    policy: &'s Object,
    kind: &'static str,
    way: Way,
    isolated: Backend<'s>,
    from: Option<Subject>,
    to: Option<Subject>,
    /// The Service that is called.
    service: Option<Subject>,
    port: Option<i64>,
    /// A client's own words that the traffic does not pass.
    said: Option<Citation>,
}

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings: BTreeMap<Subject, Finding> = BTreeMap::new();
    for blocked in dns(input)
        .into_iter()
        .chain(between(input))
        .chain(strangers(input))
        .chain(nobody(input))
        .chain(members(input))
    {
        let subject = blocked.policy.subject();
        if let Some(known) = findings.get_mut(&subject) {
            for object in blocked.to.iter().chain(&blocked.service) {
                known.impair(object.clone());
            }
            for client in blocked.from.into_iter().chain(blocked.to).chain(blocked.service) {
                known.add_affected(client);
            }
            continue;
        }
        let hits = silences(input, blocked.from.as_ref());
        let failing = blocked
            .from
            .as_ref()
            .is_some_and(|client| input.snapshot.pods_of(client).any(|pod| !pod.is_well()));
        // Nothing that suffers, nothing that is known to need it: a policy may well forbid it on purpose.
        if hits.is_empty() && !failing && blocked.kind == "dns" && !needs_names(input, blocked.from.as_ref()) {
            continue;
        }
        let is_mute = hits.is_empty() && blocked.said.is_none();
        if is_mute && blocked.from.as_ref().is_some_and(|client| goes_without(input, client)) {
            continue;
        }
        let confidence = if is_mute {
            Confidence::Probable
        } else {
            Confidence::Confirmed
        };
        let (way_zh, way_en, at) = match blocked.way {
            Way::Ingress => ("入向", "ingress", "/spec/ingress"),
            Way::Egress => ("出向", "egress", "/spec/egress"),
        };
        let name = |subject: &Option<Subject>| {
            subject
                .as_ref()
                .map_or(String::new(), |subject| format!("{}/{}", subject.kind, subject.name))
        };
        let mut finding = Finding::new(rule, subject.clone(), confidence)
            .at(at.trim_start_matches('/').replace('/', "."))
            .cite(blocked.policy.cite_at("/spec/podSelector"))
            .cite(blocked.policy.cite_at(at))
            .cite(blocked.isolated.object.cite_at(blocked.isolated.labels_at))
            .fact("kind", blocked.kind)
            .fact("labels", shown(blocked.isolated.labels))
            .fact("way_zh", way_zh)
            .fact("way_en", way_en)
            .fact("from", name(&blocked.from))
            .fact("to", name(&blocked.to))
            .fact("port", blocked.port);
        if let Some(said) = blocked.said {
            finding.add_cite(said);
        }
        for hit in hits {
            add_hit(input, &mut finding, hit);
        }
        if let Some(server) = blocked.to.clone() {
            finding.impair(server);
        }
        if let Some(service) = blocked.service.clone() {
            finding.impair(service);
        }
        for client in blocked.from.into_iter().chain(blocked.to).chain(blocked.service) {
            finding.add_affected(client);
        }
        findings.insert(subject, finding);
    }
    for finding in by_name(input, rule) {
        findings.entry(finding.subject.clone()).or_insert(finding);
    }
    findings.into_values().collect()
}

/// Where tables show no labels: a policy that selects by a workload's own name and lets no DNS query out, while that workload's names
/// do not resolve.
fn by_name(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = Vec::new();
    for policy in snapshot.kind("NetworkPolicy") {
        if !isolates(policy, Way::Egress) || rules(policy, Way::Egress).iter().any(Allowed::lets_dns_through) {
            continue;
        }
        let Some(meant) = meant_by(snapshot, policy, &[]) else {
            continue;
        };
        let client = meant.subject;
        let hits = silences(input, Some(&client));
        if hits.is_empty() {
            continue;
        }
        let mut finding = Finding::new(rule, policy.subject(), Confidence::Probable)
            .at("spec.egress")
            .cite(policy.cite_at("/spec/podSelector"))
            .cite(policy.cite_at("/spec/egress"))
            .fact("kind", "dns")
            .fact("labels", shown(meant.labels))
            .fact("way_zh", "出向")
            .fact("way_en", "egress")
            .fact("from", format!("{}/{}", client.kind, client.name))
            .fact("to", "")
            .fact("port", serde_json::Value::Null);
        for hit in hits {
            add_hit(input, &mut finding, hit);
        }
        finding.add_affected(client);
        findings.push(finding);
    }
    findings
}

fn policies<'s>(input: &Input<'s>, backend: &Backend<'_>, way: Way) -> Vec<&'s Object> {
    input
        .snapshot
        .kind("NetworkPolicy")
        .filter(|policy| {
            same_namespace(&policy.key.namespace, &backend.subject.namespace)
                && isolates(policy, way)
                && selects(policy, backend.labels)
        })
        .collect()
}

/// Workloads that are isolated for egress and may not ask the DNS.
fn dns<'s>(input: &Input<'s>) -> Vec<Blocked<'s>> {
    let mut found = Vec::new();
    for backend in all_backends(input) {
        let selecting = policies(input, &backend, Way::Egress);
        if selecting
            .iter()
            .flat_map(|policy| rules(policy, Way::Egress))
            .any(|rule| rule.lets_dns_through())
        {
            continue;
        }
        // Of several the one that forbids most isolates the pods; the others only open what they name.
        let strictest = selecting.iter().min_by_key(|policy| rules(policy, Way::Egress).len());
        if let Some(policy) = strictest {
            found.push(Blocked {
                policy,
                kind: "dns",
                way: Way::Egress,
                from: Some(backend.subject.clone()),
                to: None,
                service: None,
                port: None,
                said: None,
                isolated: backend,
            });
        }
    }
    found
}

/// Clients that name a Service of which the pods do not let them in, or that are not let out to it.
fn between<'s>(input: &Input<'s>) -> Vec<Blocked<'s>> {
    let snapshot = input.snapshot;
    let mut found = Vec::new();
    let isolated = all_backends(input);
    let mut known: BTreeMap<String, Vec<Backend<'s>>> = BTreeMap::new();
    let mut inferred: BTreeMap<String, Vec<Backend<'s>>> = BTreeMap::new();
    for call in calls(snapshot) {
        for namespace in [&call.client.namespace, &call.service.key.namespace] {
            known.entry(namespace.clone()).or_insert_with(|| {
                let kept = isolated
                    .iter()
                    .filter(|backend| backend.subject.namespace == *namespace);
                let kept: Vec<Backend<'s>> = kept.cloned().collect();
                if kept.is_empty() {
                    backends(snapshot, namespace)
                } else {
                    kept
                }
            });
        }
        // Pods that only a table shows stand behind their Service by their addresses, with the labels that it selects by.
        let namespace = call.service.key.namespace.as_str();
        let seen = known.get(namespace).map_or(&[][..], Vec::as_slice);
        if !inferred.contains_key(namespace) {
            inferred.insert(namespace.to_owned(), selected_by_endpoint(snapshot, namespace, seen));
        }
        let by_address = inferred.get(namespace).map_or(&[][..], Vec::as_slice);
        let of = |namespace: &str| known.get(namespace).map_or(&[][..], Vec::as_slice);
        let clients: Vec<&Backend<'_>> = of(&call.client.namespace)
            .iter()
            .filter(|backend| backend.subject == call.client && backend.complete && may_hold(backend, &call))
            .collect();
        // The form of a Service that shows no selector leaves its endpoints, and its name.
        let is_served = |backend: &Backend<'_>| match selector(call.service) {
            Some(wanted) => match fit(wanted, backend) {
                Fit::Selected => true,
                Fit::Refused => false,
                // Of some labels nothing is known: the addresses of its pods tell.
                Fit::Unknown => {
                    let mut pods = snapshot.pods_of(&backend.subject);
                    pods.any(|pod| is_endpoint(snapshot, call.service, pod.object))
                }
            },
            None => {
                is_endpoint(snapshot, call.service, backend.object)
                    || (call.fails && backend.subject.name == call.service.key.name)
            }
        };
        let is_own = call.client.namespace == call.service.key.namespace;
        for client in clients {
            let is_other = |backend: &&Backend<'_>| {
                (backend.subject != client.subject || backend.labels != client.labels) && is_served(backend)
            };
            for server in of(namespace).iter().chain(by_address).filter(is_other) {
                let target = ports(call.service)
                    .into_iter()
                    .find(|port| call.port.is_none_or(|wanted| wanted == port.port))
                    .and_then(|port| match port.target {
                        Some(Target::Number(number)) => Some(number),
                        _ => None,
                    });
                // A table shows no target, and the port of the Service is mostly the same.
                let served: Vec<i64> = match target {
                    Some(port) => vec![port],
                    None => ports(call.service).into_iter().map(|port| port.port).collect(),
                };
                for (way, isolated, peer) in [(Way::Ingress, server, client), (Way::Egress, client, server)] {
                    let home = Home {
                        name: &peer.subject.namespace,
                        is_own,
                        labels: snapshot
                            .object("Namespace", "", &peer.subject.namespace)
                            .and_then(|namespace| namespace.get("/metadata/labels")?.as_object()),
                    };
                    let selecting = policies(input, isolated, way);
                    // Labels that were never seen may be what a rule asks for.
                    let may_be = |wanted: &Labels| {
                        wanted
                            .iter()
                            .all(|(key, value)| peer.labels.get(key).is_none_or(|known| known == value))
                    };
                    let admits = |rule: &Allowed| match peer.object.key.kind.as_str() {
                        "Service" => rule.may_admit(&home, may_be),
                        _ => rule.admits(peer.labels, &home),
                    };
                    let passes = selecting
                        .iter()
                        .flat_map(|policy| rules(policy, way))
                        .any(|rule| admits(&rule) && target.is_none_or(|port| rule.opens(port)));
                    // Of another namespace only what is seen to fail counts: a setting may name what is never called.
                    let is_shown = is_own || call.fails;
                    if let (false, true, Some(policy)) = (passes, is_shown, telling(&selecting, way, &served)) {
                        found.push(Blocked {
                            policy,
                            kind: "between",
                            way,
                            isolated: isolated.clone(),
                            from: Some(client.subject.clone()),
                            to: Some(server.subject.clone()),
                            service: Some(call.service.subject()),
                            port: target,
                            said: call.fails.then(|| call.cite.clone()),
                        });
                    }
                }
            }
        }
    }
    found
}

/// Clients that get no answer, of which no rule lets in a single pod: those of another namespace by its labels, others by what is known
/// of their own.
fn strangers<'s>(input: &Input<'s>) -> Vec<Blocked<'s>> {
    let snapshot = input.snapshot;
    let mut isolated = all_backends(input);
    for namespace in namespaces(input) {
        let inferred = selected_by_endpoint(snapshot, namespace, &isolated);
        isolated.extend(inferred);
    }
    let meant: Vec<Backend<'s>> = snapshot
        .kind("NetworkPolicy")
        .filter_map(|policy| meant_by(snapshot, policy, &isolated))
        .collect();
    isolated.extend(meant);
    let mut found = Vec::new();
    for call in unanswered(snapshot).iter() {
        let namespace = &call.client.namespace;
        let is_own = *namespace == call.peer.namespace;
        // A client may live where no policy is.
        let elsewhere = if is_own {
            Vec::new()
        } else {
            backends(snapshot, namespace)
        };
        let client = isolated
            .iter()
            .chain(&elsewhere)
            .find(|backend| backend.subject == call.client);
        let described = snapshot
            .object("Namespace", "", namespace)
            .map(|namespace| namespace.get("/metadata/labels").and_then(|labels| labels.as_object()));
        let labels = match described {
            Some(labels) => labels,
            // Of the client's own namespace no label is needed, where the client's are known.
            None if is_own && client.is_some() => None,
            None => continue,
        };
        let home = Home {
            name: namespace,
            is_own,
            labels,
        };
        let service = snapshot
            .object("Service", &call.peer.namespace, &call.peer.name)
            .filter(|_| call.peer.kind == "Service");
        let is_behind = |backend: &Backend<'_>| {
            service.is_some_and(|service| {
                is_endpoint(snapshot, service, backend.object)
                    || selector(service).is_some_and(|wanted| fit(wanted, backend) == Fit::Selected)
            })
        };
        let is_server = |backend: &&Backend<'_>| {
            (backend.subject == call.peer || is_behind(backend))
                && backend.subject != call.client
                && !namespace.is_empty()
        };
        let may_be = |wanted: &Labels| client.is_none_or(|client| fit(wanted, client) != Fit::Refused);
        let offered: Vec<i64> = call
            .called
            .iter()
            .filter(|object| object.kind == "Service")
            .filter_map(|object| snapshot.object("Service", &object.namespace, &object.name))
            .flat_map(ports)
            .map(|port| port.port)
            .collect();
        for server in isolated.iter().filter(is_server) {
            let selecting = policies(input, server, Way::Ingress);
            let passes = snapshot
                .kind("NetworkPolicy")
                .filter(|policy| may_select(policy, server))
                .flat_map(|policy| rules(policy, Way::Ingress))
                .any(|rule| rule.may_admit(&home, may_be));
            if let (false, Some(policy)) = (passes, telling(&selecting, Way::Ingress, &offered)) {
                found.push(Blocked {
                    policy,
                    kind: "between",
                    way: Way::Ingress,
                    isolated: server.clone(),
                    from: Some(call.client.clone()),
                    to: Some(server.subject.clone()),
                    service: None,
                    port: None,
                    said: Some(call.cite.clone()),
                });
            }
        }
    }
    found
}

/// Members of one workload that do not let each other in, and that get no answer from one another.
fn members<'s>(input: &Input<'s>) -> Vec<Blocked<'s>> {
    let mut found = Vec::new();
    for backend in all_backends(input).into_iter().filter(|backend| backend.complete) {
        let home = Home {
            name: &backend.subject.namespace,
            is_own: true,
            labels: None,
        };
        for way in [Way::Ingress, Way::Egress] {
            let selecting = policies(input, &backend, way);
            let passes = selecting
                .iter()
                .flat_map(|policy| rules(policy, way))
                .any(|rule| rule.admits(backend.labels, &home));
            let Some(policy) = telling(&selecting, way, &[]).filter(|_| !passes) else {
                continue;
            };
            let Some(said) = silent_member(input.snapshot, &backend.subject) else {
                break;
            };
            found.push(Blocked {
                policy,
                kind: "between",
                way,
                from: Some(backend.subject.clone()),
                to: Some(backend.subject.clone()),
                service: None,
                port: None,
                said: Some(said),
                isolated: backend.clone(),
            });
        }
    }
    found
}

/// A line by which a pod of a workload tells that another pod of it does not answer, where that is no accident.
fn silent_member(snapshot: &Snapshot, workload: &Subject) -> Option<Citation> {
    const WORDS: [&str; 5] = [
        "timed out",
        "timeout",
        "HostUnreachable",
        "unreachable",
        "No route to host",
    ];
    const LEAST: usize = 3;
    let pods: Vec<PodView<'_>> = snapshot.pods_of(workload).collect();
    for log in &snapshot.logs {
        let Stream::Container(of) = &log.stream else { continue };
        let Some(own) = pods
            .iter()
            .find(|pod| pod.name() == of.pod && same_namespace(pod.namespace(), &of.namespace))
        else {
            continue;
        };
        let is_of_other = |line: &str| {
            pods.iter().filter(|pod| pod.name() != own.name()).any(|other| {
                let address = other.object.text("/status/podIP");
                line.contains(&format!("{}.", other.name()))
                    || !address.is_empty() && line.contains(&format!("{address}:"))
            })
        };
        let told: Vec<&TailLine> = log
            .tail
            .iter()
            .filter(|line| WORDS.iter().any(|word| line.text.contains(word)) && is_of_other(&line.text))
            .collect();
        if let (true, Some(last)) = (told.len() >= LEAST, told.last()) {
            return cite_tail(snapshot, log, &[*last]);
        }
    }
    None
}

/// Of the policies that isolate a pod the one to look at: one that lets somebody in, and names these ports if any does, beside one that lets in
/// nobody.
fn telling<'s>(selecting: &[&'s Object], way: Way, at: &[i64]) -> Option<&'s Object> {
    let allows = |policy: &&&Object| !rules(policy, way).is_empty();
    let names = |policy: &&&Object| {
        rules(policy, way)
            .iter()
            .any(|rule| at.iter().any(|port| rule.names(*port)))
    };
    let some = selecting.iter().find(names).or_else(|| selecting.iter().find(allows));
    some.or(selecting.first()).copied()
}

/// True unless a policy is known not to select these pods.
fn may_select(policy: &Object, backend: &Backend<'_>) -> bool {
    same_namespace(&policy.key.namespace, &backend.subject.namespace)
        && isolates(policy, Way::Ingress)
        && (selects(policy, backend.labels) || may_match(policy, backend))
}

/// True when a policy asks for labels of which it is not known whether the pods have them.
fn may_match(policy: &Object, backend: &Backend<'_>) -> bool {
    let wanted = policy
        .get("/spec/podSelector/matchLabels")
        .and_then(|labels| labels.as_object());
    !backend.complete
        && may_take(policy, backend.labels)
        && wanted.is_none_or(|wanted| {
            wanted
                .iter()
                .all(|(key, value)| backend.labels.get(key).is_none_or(|known| known == value))
        })
}

/// Where pods of one owner have several roles, those count whose own setting names the Service.
fn may_hold(backend: &Backend<'_>, call: &Call<'_>) -> bool {
    call.holder
        .as_ref()
        .is_none_or(|holder| holder.kind != "Pod" || backend.object.key.kind != "Pod" || backend.object.key == *holder)
}

/// Pods behind a Service that let nobody in.
fn nobody<'s>(input: &Input<'s>) -> Vec<Blocked<'s>> {
    let mut found = Vec::new();
    // Gathered only if something is shut off, and then once.
    let missed = LazyCell::new(|| complaints(input.snapshot, &is_out_of_reach, &of_clients()));
    for backend in all_backends(input) {
        let served = services_in(input.snapshot, &backend.subject.namespace)
            .any(|service| selector(service).is_some_and(|wanted| fit(wanted, &backend) == Fit::Selected));
        let selecting = policies(input, &backend, Way::Ingress);
        let is_closed = selecting.iter().all(|policy| rules(policy, Way::Ingress).is_empty());
        let Some(policy) = selecting.first().filter(|_| served && is_closed) else {
            continue;
        };
        if is_wanted(input, &backend.subject, &missed) {
            found.push(Blocked {
                policy,
                kind: "nobody",
                way: Way::Ingress,
                from: None,
                to: Some(backend.subject.clone()),
                service: None,
                port: None,
                said: None,
                isolated: backend,
            });
        }
    }
    found
}

fn namespaces<'s>(input: &Input<'s>) -> Vec<&'s str> {
    let mut namespaces: Vec<&str> = input
        .snapshot
        .kind("NetworkPolicy")
        .map(|policy| policy.key.namespace.as_str())
        .collect();
    namespaces.dedup();
    namespaces
}

fn all_backends<'s>(input: &Input<'s>) -> Vec<Backend<'s>> {
    namespaces(input)
        .into_iter()
        .flat_map(|namespace| backends(input.snapshot, namespace))
        .filter(|backend| !is_on_host(backend))
        .collect()
}

/// Pods on their node's own network are no pods to a policy (kubernetes.io/docs/concepts/services-networking/network-policies).
fn is_on_host(backend: &Backend<'_>) -> bool {
    ["/spec/hostNetwork", "/spec/template/spec/hostNetwork"]
        .iter()
        .any(|at| backend.object.get(at).and_then(|value| value.as_bool()) == Some(true))
}

/// True when somebody is set up to call a workload, or complains of it: nobody misses one that was shut off on purpose.
fn is_wanted(input: &Input<'_>, server: &Subject, missed: &[Complaint<'_>]) -> bool {
    let snapshot = input.snapshot;
    references(snapshot).iter().any(|reference| {
        reference.workload != *server
            && objects_of(
                snapshot,
                &reference.workload.namespace,
                &Peer::parse(&reference.host, None),
            )
            .contains(server)
    }) || missed.iter().any(|complaint| {
        complaint.speaker.workload != *server
            && objects_of(
                snapshot,
                &complaint.speaker.workload.namespace,
                &complaint.peer_within(snapshot),
            )
            .contains(server)
    }) || snapshot
        .kind("Ingress")
        .any(|ingress| ingress.key.namespace == server.namespace)
}

/// Lines of a log by which it would have told what its program lacks.
const TELLING: u64 = 20;

/// True for a client that is well and writes about its work without a word of anybody that it cannot reach.
fn goes_without(input: &Input<'_>, client: &Subject) -> bool {
    let snapshot = input.snapshot;
    let mut logs = snapshot
        .logs
        .iter()
        .filter(|log| of_log(snapshot, log).is_some_and(|speaker| speaker.workload == *client))
        .peekable();
    let is_told = logs.peek().is_some();
    snapshot.is_running_well(client)
        && is_told
        && logs.all(|log| {
            let complains = log.hits.iter().any(|hit| is_out_of_reach(&hit.signature));
            log.lines >= TELLING && !complains
        })
        && !troubled(snapshot).contains(client)
        && name_complaints_of(snapshot, client).is_empty()
}

/// What the client's logs say of connections that get no answer.
fn silences<'s>(input: &Input<'s>, client: Option<&Subject>) -> Vec<&'s Hit> {
    let rule = "networkpolicy-blocks-traffic/silence";
    input
        .snapshot
        .hits(rule)
        .filter(|hit| client.is_some_and(|client| input.snapshot.top_owner_of(&hit.about.object) == *client))
        .collect()
}

fn needs_names(input: &Input<'_>, client: Option<&Subject>) -> bool {
    references(input.snapshot).iter().any(|reference| {
        Some(&reference.workload) == client && matches!(reference.resolve(input.snapshot), Resolved::Service(_))
    })
}
