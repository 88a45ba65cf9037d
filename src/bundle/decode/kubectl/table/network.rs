//! Rows of services, endpoints, endpoint slices, ingresses, ingress classes and network policies.
//!
//! Source: the printers of these kinds in `kubernetes/pkg/printers/internalversion/printers.go`.

use serde_json::{Value, json};

use super::super::build::ObjectBuilder;
use super::super::values::{address_port, int_or_string, integer, items, label_map, label_selector, present};
use super::Row;

/// A row of services. `<pending>` is a load balancer that has no address yet.
pub(crate) fn service(row: &Row<'_, '_>, to: &mut ObjectBuilder<'_, '_>) {
    let line = row.line;
    let kind = row.get("TYPE").unwrap_or("");
    to.set_some("/spec/type", present(kind), line);
    match row.raw("CLUSTER-IP") {
        "None" => to.set("/spec/clusterIP", "None", line),
        address => to.set_some("/spec/clusterIP", present(address), line),
    }
    match row.get("EXTERNAL-IP") {
        Some("<pending>") => to.map("/status/loadBalancer", line),
        Some(name) if kind == "ExternalName" => to.set("/spec/externalName", name, line),
        Some(list) if kind == "LoadBalancer" => to.set("/status/loadBalancer/ingress", points(list), line),
        Some(list) if list != "<nodes>" => to.set("/spec/externalIPs", items(list), line),
        _ => {}
    }
    for port in row.get("PORT(S)").map(items).unwrap_or_default() {
        to.push("/spec/ports", service_port(port), line);
    }
    to.set_some("/spec/selector", row.get("SELECTOR").map(label_map), line);
}

/// `80:30080/TCP`: port, node port, protocol.
fn service_port(text: &str) -> Value {
    let (numbers, protocol) = text.split_once('/').unwrap_or((text, "TCP"));
    let (port, node_port) = numbers.split_once(':').unwrap_or((numbers, ""));
    let mut value = json!({"port": int_or_string(port), "protocol": protocol});
    if let (Some(map), Some(node_port)) = (value.as_object_mut(), integer(node_port)) {
        map.insert("nodePort".into(), node_port.into());
    }
    value
}

/// Addresses of a load balancer: names have letters beyond those of an address.
fn points(list: &str) -> Value {
    items(list)
        .into_iter()
        .filter(|address| !address.ends_with("..."))
        .map(|address| {
            if address.parse::<std::net::IpAddr>().is_ok() {
                json!({"ip": address})
            } else {
                json!({"hostname": address})
            }
        })
        .collect()
}

/// A row of endpoints: `10.0.0.1:80,10.0.0.2:80 + 3 more...`. No addresses at all make an empty list, which is a fact about a service.
/// The number of addresses that the table leaves out stands in `casefileMore`.
pub(crate) fn endpoints(row: &Row<'_, '_>, to: &mut ObjectBuilder<'_, '_>) {
    let line = row.line;
    to.set("/subsets", json!([]), line);
    let Some(cell) = row.get("ENDPOINTS") else { return };
    let (list, more) = cell.split_once(" + ").unwrap_or((cell, ""));
    to.set_some("/casefileMore", more.split(' ').next().and_then(integer), line);
    for endpoint in items(list) {
        let (address, port) = address_port(endpoint);
        let known = (0..to.count("/subsets")).find(|index| {
            to.value()
                .pointer(&format!("/subsets/{index}/ports/0/port"))
                .and_then(Value::as_i64)
                == port
        });
        match known {
            Some(index) => {
                to.push(&format!("/subsets/{index}/addresses"), json!({"ip": address}), line);
            }
            None => {
                let ports = port.map_or_else(|| json!([]), |port| json!([{"port": port}]));
                to.push(
                    "/subsets",
                    json!({"addresses": [{"ip": address}], "ports": ports}),
                    line,
                );
            }
        }
    }
}

/// A row of endpoint slices.
pub(crate) fn endpoint_slice(row: &Row<'_, '_>, to: &mut ObjectBuilder<'_, '_>) {
    let line = row.line;
    to.set_some("/addressType", row.get("ADDRESSTYPE"), line);
    let ports: Vec<Value> = row
        .get("PORTS")
        .map(items)
        .unwrap_or_default()
        .into_iter()
        .filter_map(integer)
        .map(|port| json!({"port": port}))
        .collect();
    to.set("/ports", ports, line);
    let cell = row.get("ENDPOINTS").unwrap_or("");
    let (list, more) = cell.split_once(" + ").unwrap_or((cell, ""));
    to.set_some("/casefileMore", more.split(' ').next().and_then(integer), line);
    let endpoints: Vec<Value> = items(list)
        .into_iter()
        .map(|address| json!({"addresses": [address]}))
        .collect();
    to.set("/endpoints", endpoints, line);
}

/// A row of ingresses; its backends do not stand in a table.
pub(crate) fn ingress(row: &Row<'_, '_>, to: &mut ObjectBuilder<'_, '_>) {
    let line = row.line;
    to.set_some("/spec/ingressClassName", row.get("CLASS"), line);
    for host in row.get("HOSTS").map(items).unwrap_or_default() {
        let host = host.split(" + ").next().unwrap_or(host);
        to.push(
            "/spec/rules",
            if host == "*" { json!({}) } else { json!({"host": host}) },
            line,
        );
    }
    to.set_some("/status/loadBalancer/ingress", row.get("ADDRESS").map(points), line);
}

/// A row of ingress classes.
pub(crate) fn ingress_class(row: &Row<'_, '_>, to: &mut ObjectBuilder<'_, '_>) {
    to.set_some("/spec/controller", row.get("CONTROLLER"), row.line);
}

/// A row of network policies; without a selector it holds for every pod.
pub(crate) fn network_policy(row: &Row<'_, '_>, to: &mut ObjectBuilder<'_, '_>) {
    to.set(
        "/spec/podSelector",
        row.get("POD-SELECTOR").map_or_else(|| json!({}), label_selector),
        row.line,
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::testing::{at, find, text};
    use super::super::decode;

    #[test]
    fn services_tell_their_ports_and_what_they_lack() {
        let source = text(
            "NAME    TYPE           CLUSTER-IP    EXTERNAL-IP       PORT(S)                      AGE   SELECTOR\n\
             web     LoadBalancer   10.96.1.1     <pending>         80:30080/TCP,443:30443/TCP   16s   app=web,tier=front\n\
             dns     ClusterIP      None          <none>            53/UDP                       16s   <none>\n\
             crm     ExternalName   <none>        crm.example.com   <none>                       16s   <none>\n",
        );
        let section = source.decode(decode);
        let web = find(&section, "Service", "web");
        assert_eq!(
            at(web, "/spec/ports/1"),
            &json!({"port": 443, "protocol": "TCP", "nodePort": 30443})
        );
        assert_eq!(at(web, "/status/loadBalancer"), &json!({}));
        assert_eq!(at(web, "/spec/selector"), &json!({"app": "web", "tier": "front"}));
        assert_eq!(at(find(&section, "Service", "dns"), "/spec/clusterIP"), "None");
        assert_eq!(
            at(find(&section, "Service", "crm"), "/spec/externalName"),
            "crm.example.com"
        );
    }

    #[test]
    fn a_service_without_endpoints_has_an_empty_list() {
        let source = text(
            "NAME    ENDPOINTS                                      AGE\nweb     <none>                                         16s\napi     10.0.0.1:80,10.0.0.2:80,10.0.0.1:443 + 3 more...   1d\n",
        );
        let section = source.decode(decode);
        assert_eq!(at(find(&section, "Endpoints", "web"), "/subsets"), &json!([]));
        let api = find(&section, "Endpoints", "api");
        assert_eq!(
            at(api, "/subsets/0"),
            &json!({"addresses": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}], "ports": [{"port": 80}]})
        );
        assert_eq!(at(api, "/casefileMore"), 3);
    }

    #[test]
    fn ingresses_of_two_eras() {
        let source = text(
            "NAME   CLASS   HOSTS                   ADDRESS     PORTS     AGE\nweb    nginx   a.example.com,b.local   10.0.0.9    80, 443   5d\n\n\
             NAME      HOSTS     ADDRESS   PORTS     AGE\nold       *                   80        5d\n",
        );
        let section = source.decode(decode);
        assert_eq!(at(find(&section, "Ingress", "web"), "/spec/rules/1/host"), "b.local");
        assert_eq!(
            at(find(&section, "Ingress", "web"), "/status/loadBalancer/ingress/0/ip"),
            "10.0.0.9"
        );
        assert_eq!(at(find(&section, "Ingress", "old"), "/spec/rules"), &json!([{}]));
    }
}
