//! Rows of nodes, namespaces, quotas and what else belongs to the cluster itself.
//!
//! Source: the printers of these kinds in `kubernetes/pkg/printers/internalversion/printers.go`.

use serde_json::json;

use super::super::build::ObjectBuilder;
use super::super::go_value;
use super::super::values::{integer, items};
use super::Row;

/// A row of nodes. `NotReady` stands for a Ready condition that is `False` as well as for one that is `Unknown`; it is kept as `False`.
pub(crate) fn node(row: &Row<'_, '_>, to: &mut ObjectBuilder<'_, '_>) {
    let line = row.line;
    for word in items(row.raw("STATUS")) {
        match word {
            "Ready" => to.set("/status/conditions", json!([{"type": "Ready", "status": "True"}]), line),
            "NotReady" => to.set(
                "/status/conditions",
                json!([{"type": "Ready", "status": "False"}]),
                line,
            ),
            "SchedulingDisabled" => to.set("/spec/unschedulable", true, line),
            _ => {}
        }
    }
    for role in row.get("ROLES").map(items).unwrap_or_default() {
        to.entry("/metadata/labels", &format!("node-role.kubernetes.io/{role}"), "", line);
    }
    for (kind, column) in [("InternalIP", "INTERNAL-IP"), ("ExternalIP", "EXTERNAL-IP")] {
        if let Some(address) = row.get(column) {
            to.push("/status/addresses", json!({"type": kind, "address": address}), line);
        }
    }
    // A column that people choose, and that nearly always has this name.
    if let Some(taints) = row.get("TAINTS").and_then(go_value::parse) {
        to.set("/spec/taints", taints, line);
    }
    to.set_some("/status/nodeInfo/kubeletVersion", row.get("VERSION"), line);
    to.set_some("/status/nodeInfo/osImage", row.get("OS-IMAGE"), line);
    to.set_some(
        "/status/nodeInfo/containerRuntimeVersion",
        row.get("CONTAINER-RUNTIME"),
        line,
    );
    if let Some(kernel) = row.get("KERNEL-VERSION") {
        // The newest printers add the architecture: `6.8.0 (amd64)`.
        let (version, architecture) = kernel.split_once(" (").unwrap_or((kernel, ""));
        to.set("/status/nodeInfo/kernelVersion", version, line);
        to.set_some("/status/nodeInfo/architecture", architecture.strip_suffix(')'), line);
    }
}

/// A row of namespaces.
pub(crate) fn namespace(row: &Row<'_, '_>, to: &mut ObjectBuilder<'_, '_>) {
    to.set_some("/status/phase", row.get("STATUS"), row.line);
    if row.raw("STATUS") == "Terminating" {
        to.set("/metadata/casefileTerminating", true, row.line);
    }
}

/// A row of resource quotas: REQUEST and LIMIT list `pods: 9/10, requests.cpu: 1/2`, used before hard.
pub(crate) fn quota(row: &Row<'_, '_>, to: &mut ObjectBuilder<'_, '_>) {
    for item in ["REQUEST", "LIMIT"]
        .into_iter()
        .filter_map(|column| row.get(column))
        .flat_map(items)
    {
        let Some((resource, amounts)) = item.split_once(": ") else {
            continue;
        };
        let Some((used, hard)) = amounts.split_once('/') else {
            continue;
        };
        for pointer in ["/spec/hard", "/status/hard"] {
            to.entry(pointer, resource, hard, row.line);
        }
        to.entry("/status/used", resource, used, row.line);
    }
}

/// A row of secrets.
pub(crate) fn secret(row: &Row<'_, '_>, to: &mut ObjectBuilder<'_, '_>) {
    to.set_some("/type", row.get("TYPE"), row.line);
}

/// A row of leases.
pub(crate) fn lease(row: &Row<'_, '_>, to: &mut ObjectBuilder<'_, '_>) {
    to.set_some("/spec/holderIdentity", row.get("HOLDER"), row.line);
}

/// A row of priority classes.
pub(crate) fn priority_class(row: &Row<'_, '_>, to: &mut ObjectBuilder<'_, '_>) {
    to.set_some("/value", row.integer("VALUE"), row.line);
    to.set_some(
        "/globalDefault",
        row.get("GLOBAL-DEFAULT").and_then(|word| word.parse::<bool>().ok()),
        row.line,
    );
    to.set_some("/preemptionPolicy", row.get("PREEMPTIONPOLICY"), row.line);
}

/// A row of API services: AVAILABLE is `True`, or `False (MissingEndpoints)`.
pub(crate) fn api_service(row: &Row<'_, '_>, to: &mut ObjectBuilder<'_, '_>) {
    let line = row.line;
    if let Some((namespace, name)) = row.get("SERVICE").and_then(|service| service.split_once('/')) {
        to.set("/spec/service", json!({"namespace": namespace, "name": name}), line);
    }
    if let Some(available) = row.get("AVAILABLE") {
        let (status, reason) = available.split_once(" (").unwrap_or((available, ""));
        to.set(
            "/status/conditions/0",
            json!({"type": "Available", "status": status}),
            line,
        );
        to.set_some("/status/conditions/0/reason", reason.strip_suffix(')'), line);
    }
}

/// A row of certificate signing requests: CONDITION lists `Approved,Issued`, or says `Pending`.
pub(crate) fn signing_request(row: &Row<'_, '_>, to: &mut ObjectBuilder<'_, '_>) {
    let line = row.line;
    to.set_some("/spec/signerName", row.get("SIGNERNAME"), line);
    to.set_some("/spec/username", row.get("REQUESTOR"), line);
    for word in row.get("CONDITION").map(items).unwrap_or_default() {
        if matches!(word, "Approved" | "Denied" | "Failed") {
            to.push("/status/conditions", json!({"type": word, "status": "True"}), line);
        }
    }
}

/// A row of component statuses: STATUS is `Healthy` or `Unhealthy`.
pub(crate) fn component_status(row: &Row<'_, '_>, to: &mut ObjectBuilder<'_, '_>) {
    let line = row.line;
    let status = if row.raw("STATUS") == "Healthy" {
        "True"
    } else {
        "False"
    };
    to.set("/conditions/0", json!({"type": "Healthy", "status": status}), line);
    to.set_some("/conditions/0/message", row.get("MESSAGE"), line);
    to.set_some(
        "/conditions/0/error",
        row.get("ERROR").filter(|error| integer(error) != Some(0)),
        line,
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::testing::{at, find, named, text};
    use super::super::decode;

    #[test]
    fn nodes_of_two_eras() {
        let source = text(
            "NAME   STATUS                        ROLES                  AGE   VERSION   INTERNAL-IP   EXTERNAL-IP   OS-IMAGE           KERNEL-VERSION   CONTAINER-RUNTIME\n\
             m1     Ready,SchedulingDisabled      control-plane,master   90d   v1.28.4   10.0.0.1      <none>        Ubuntu 22.04 LTS   5.15.0           containerd://1.7.2\n\
             w1     NotReady                      <none>                 90d   v1.28.4   10.0.0.2      <none>        Ubuntu 22.04 LTS   5.15.0           containerd://1.7.2\n\n\
             NAME      STATUS    AGE       VERSION\nold       Ready     1y        v1.7.5\n",
        );
        let section = source.decode(decode);
        let m1 = find(&section, "Node", "m1");
        assert_eq!(at(m1, "/spec/unschedulable"), &json!(true));
        assert_eq!(at(m1, "/metadata/labels/node-role.kubernetes.io~1master"), "");
        assert_eq!(
            at(m1, "/status/addresses"),
            &json!([{"type": "InternalIP", "address": "10.0.0.1"}])
        );
        assert_eq!(at(find(&section, "Node", "w1"), "/status/conditions/0/status"), "False");
        assert_eq!(
            at(find(&section, "Node", "old"), "/status/nodeInfo/kubeletVersion"),
            "v1.7.5"
        );
    }

    #[test]
    fn a_quota_tells_used_and_hard() {
        let source = text(
            "NAME    AGE   REQUEST                             LIMIT\nquota   5d    pods: 10/10, requests.cpu: 1500m/2   limits.memory: 2Gi/4Gi\n",
        );
        let section = source.decode(decode);
        let quota = find(&section, "ResourceQuota", "quota");
        assert_eq!(
            at(quota, "/status/used"),
            &json!({"pods": "10", "requests.cpu": "1500m", "limits.memory": "2Gi"})
        );
        assert_eq!(at(quota, "/spec/hard/limits.memory"), "4Gi");
    }

    #[test]
    fn a_table_of_names_takes_its_kind_from_the_file_or_the_prompt() {
        let section = named("kubectl-get-serviceaccounts-wide.txt", "NAME      AGE\ndefault   18s\n").decode(decode);
        find(&section, "ServiceAccount", "default");
        let section = text("$ kubectl get widgets -n shop\nNAME   PHASE   AGE\nw1     Broken  5d\n").decode(decode);
        assert_eq!(at(find(&section, "Widget", "w1"), "/casefileColumns/PHASE"), "Broken");
        let section = text("NAME      AGE\ndefault   18s\n").decode(decode);
        assert!(section.facts.is_empty());
    }

    #[test]
    fn an_api_service_tells_why_it_is_not_available() {
        let source = text(
            "NAME                     SERVICE                      AVAILABLE                  AGE\n\
             v1beta1.metrics.k8s.io   kube-system/metrics-server   False (MissingEndpoints)   5d\n\
             v1.apps                  Local                        True                       5d\n",
        );
        let section = source.decode(decode);
        let metrics = find(&section, "APIService", "v1beta1.metrics.k8s.io");
        assert_eq!(
            at(metrics, "/status/conditions/0"),
            &json!({"type": "Available", "status": "False", "reason": "MissingEndpoints"})
        );
        assert_eq!(at(metrics, "/spec/service/name"), "metrics-server");
    }
}
