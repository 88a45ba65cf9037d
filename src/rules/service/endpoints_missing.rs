//! A Service that is used has nobody behind it: what people see, rarely why.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::peers::behind;
use crate::rules::toolbox::references::{Resolved, references};
use crate::rules::toolbox::services::{Fit, answering, backends, fit, selector, service};
use crate::rules::toolbox::{add_hit, own_hits, workload_touches};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: endpoints-missing
role: symptom
level: critical
needs: [services|endpoints|endpointslices]
text:
  - id: apiserver
    pattern: "no endpoints available for service \"(?P<service>[a-z0-9.-]+)\""
  - id: ingress-nginx
    pattern: "Service \"(?P<namespace>[a-z0-9-]+)/(?P<service>[a-z0-9-]+)\" does not have any active Endpoint"
check:
  zh: 被使用的 Service 是否有就绪的端点
  en: whether Services that are used have ready endpoints
title:
  zh: "Service {{ subject.namespace }}/{{ subject.name }} 没有就绪的端点"
  en: "Service {{ subject.namespace }}/{{ subject.name }} has no ready endpoint"
cause:
  zh: "Service {{ subject.name }} 没有任何就绪的 Pod 地址，发往它的连接会被拒绝；采集到的数据没有说明原因。"
  en: "no ready pod address stands behind Service {{ subject.name }}, so connections to it are refused; the collected data does not say why."
causes:
  - rule: app-upstream-unresolved
    ground: service
    mechanism: {zh: "没有端点的 headless Service 没有地址记录，名字因此解析不到", en: "a headless Service without endpoints has no address records, so its name does not resolve"}
  - rule: webhook-call-failed
    ground: service
    mechanism: {zh: "webhook 的 Service 没有后端，API 服务器无法调用它", en: "the webhook's Service has no endpoint, so the API server cannot call it"}
  - rule: service-unreachable
    ground: service
    mechanism: {zh: "没有就绪端点，连接被拒绝", en: "without a ready endpoint connections are refused"}
benign:
  - zh: 没有 selector 的 Service 与未被使用的 Service 不算
    en: Services without a selector, and those that nothing uses, do not count
remedy:
  - purpose: {zh: 查看端点与被选中的 Pod, en: look at the endpoints and the selected pods}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} describe service {{ subject.name }}"
    expect: {zh: Endpoints 为空，Selector 是要匹配的标签, en: "Endpoints is empty, Selector names the labels to match"}
    verify: {zh: 原因已记录, en: the reason is on record}
    rollback: {zh: 只读，无需回滚, en: read-only}
prevention:
  - kind: detect
    text: {zh: 对没有就绪端点的 Service 告警, en: alert on Services without a ready endpoint}
    acceptance: {zh: 测试 Service 的端点清空后 5 分钟内收到告警, en: a test Service without endpoints raises the alert within 5 minutes}
sources: ["kubernetes staging/src/k8s.io/apiserver/pkg/util/proxy: `no endpoints available for service %q`", "ingress-nginx internal/ingress/controller: `Service %q does not have any active Endpoint.`"]
versions: Kubernetes 1.0 to 1.36, ingress-nginx 0.20 to 1.13
examples:
  - name: its pods are there and not ready
    files:
      out.txt: |
        $ kubectl get svc,ep -n shop -o wide
        NAME           TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE   SELECTOR
        service/cart   ClusterIP   10.96.1.1    <none>        80/TCP    5d    app=cart

        NAME             ENDPOINTS   AGE
        endpoints/cart   <none>      5d
        $ kubectl get pods -n shop --show-labels
        NAME                    READY   STATUS    RESTARTS   AGE   LABELS
        cart-6c8fdd7b9c-8jhnx   0/1     Running   0          38d   app=cart
    fires: [{kind: Service, namespace: shop, name: cart}]
  - name: nobody uses it
    files:
      out.txt: |
        $ kubectl get svc,ep -n shop -o wide
        NAME           TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE   SELECTOR
        service/cart   ClusterIP   10.96.1.1    <none>        80/TCP    5d    app=cart

        NAME             ENDPOINTS   AGE
        endpoints/cart   <none>      5d
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for object in snapshot.kind("Service") {
        let (Some(wanted), Some(answering)) = (selector(object), answering(snapshot, object)) else {
            continue;
        };
        if answering.ready > 0 {
            continue;
        }
        let mut finding = Finding::new(rule, object.subject(), Confidence::Confirmed)
            .cite(answering.cite)
            .cite(object.cite_at("/spec/selector"));
        let mut needed = false;
        for backend in backends(snapshot, &object.key.namespace)
            .iter()
            .filter(|backend| fit(wanted, backend) == Fit::Selected)
        {
            for pod in snapshot.pods_of(&backend.subject).filter(|pod| !pod.is_well()) {
                let pod = Subject::namespaced("Pod", pod.namespace(), pod.name());
                finding.touches.extend(workload_touches(snapshot, &pod));
                needed = true;
            }
        }
        for reference in references(snapshot).iter() {
            if let Resolved::Service(found) = reference.resolve(snapshot)
                && found.key == object.key
            {
                finding.add_sufferer(reference.workload.clone());
                needed = true;
            }
        }
        if needed {
            // Whatever ails the pods behind it explains this.
            for workload in behind(snapshot, &object.key.namespace, &object.key.name) {
                finding.blame(workload);
            }
            findings.push(finding);
        }
    }
    for hit in own_hits(input, rule) {
        let named = |name: &str| hit.captures.get(name).map_or("", String::as_str);
        let name = named("service").split('.').next().unwrap_or("");
        let Some(object) = service(snapshot, named("namespace"), name) else {
            continue;
        };
        if answering(snapshot, object).is_some_and(|answering| answering.ready > 0) {
            continue;
        }
        match findings.iter_mut().find(|finding| finding.subject == object.subject()) {
            Some(finding) => add_hit(input, finding, hit),
            None => {
                let mut finding = Finding::new(rule, object.subject(), Confidence::Probable);
                finding.count = 0;
                add_hit(input, &mut finding, hit);
                findings.push(finding);
            }
        }
    }
    findings
}
