//! Descriptions of services, endpoints, endpoint slices, ingresses and network policies.
//!
//! Source: the describers of these kinds in `k8s.io/kubectl/pkg/describe/describe.go`.

use serde_json::{Value, json};

use super::super::build::ObjectBuilder;
use super::super::table::Header;
use super::super::values::{int_or_string, integer, items, label_map, label_selector, present};
use super::outline::{Item, Outline};

/// A service. `Endpoints:` of each port stands in `casefileEndpoints` as a list of addresses: it belongs to another object.
pub(crate) fn service(outline: &Outline<'_>, to: &mut ObjectBuilder<'_, '_>) {
    let mut port = String::new();
    for item in outline.roots() {
        let line = item.line;
        match item.key {
            "Selector" => {
                let text = outline
                    .entries(item)
                    .into_iter()
                    .map(|(text, _)| text)
                    .collect::<Vec<_>>()
                    .join(",");
                to.set_some("/spec/selector", present(&text).map(label_map), line);
            }
            "Type" => to.set_some("/spec/type", present(item.value), line),
            "IP" => to.set_some("/spec/clusterIP", present(item.value), line),
            "External IPs" => to.set("/spec/externalIPs", items(item.value), line),
            "External Name" => to.set_some("/spec/externalName", present(item.value), line),
            "LoadBalancer Ingress" => {
                for address in items(item.value) {
                    let address = address.split(" (").next().unwrap_or(address);
                    let field = if address.parse::<std::net::IpAddr>().is_ok() {
                        "ip"
                    } else {
                        "hostname"
                    };
                    to.push("/status/loadBalancer/ingress", json!({field: address}), line);
                }
            }
            // `http  80/TCP`
            "Port" => {
                let mut words = item.value.split_whitespace();
                let (name, number) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
                let (number, protocol) = number.split_once('/').unwrap_or((number, "TCP"));
                port = to.push(
                    "/spec/ports",
                    json!({"port": int_or_string(number), "protocol": protocol}),
                    line,
                );
                to.set_some(&format!("{port}/name"), present(name), line);
            }
            "TargetPort" if !port.is_empty() => {
                to.set(
                    &format!("{port}/targetPort"),
                    int_or_string(item.value.split('/').next().unwrap_or("")),
                    line,
                );
            }
            "NodePort" if !port.is_empty() => {
                let number = item
                    .value
                    .split_whitespace()
                    .last()
                    .and_then(|word| word.split('/').next())
                    .and_then(integer);
                to.set_some(&format!("{port}/nodePort"), number, line);
            }
            "Endpoints" => {
                if to.count("/casefileEndpoints") == 0 {
                    to.set("/casefileEndpoints", json!([]), line);
                }
                for endpoint in present(item.value).map(items).unwrap_or_default() {
                    let endpoint = endpoint.split(" + ").next().unwrap_or(endpoint);
                    to.push("/casefileEndpoints", endpoint, line);
                }
            }
            "Session Affinity" => to.set_some("/spec/sessionAffinity", present(item.value), line),
            "External Traffic Policy" => to.set_some("/spec/externalTrafficPolicy", present(item.value), line),
            "Internal Traffic Policy" => to.set_some("/spec/internalTrafficPolicy", present(item.value), line),
            _ => {}
        }
    }
}

/// Endpoints. No subsets make an empty list.
pub(crate) fn endpoints(outline: &Outline<'_>, to: &mut ObjectBuilder<'_, '_>) {
    let Some(subsets) = outline.root("Subsets") else { return };
    to.set("/subsets", json!([]), subsets.line);
    let mut at = String::new();
    for item in outline.children(subsets) {
        match item.key {
            "Addresses" => {
                at = to.push("/subsets", json!({}), item.line);
                addresses(item, &format!("{at}/addresses"), to);
            }
            "NotReadyAddresses" => addresses(item, &format!("{at}/notReadyAddresses"), to),
            "Ports" => ports(outline, item, &format!("{at}/ports"), to),
            _ => {}
        }
    }
}

fn addresses(item: &Item<'_>, pointer: &str, to: &mut ObjectBuilder<'_, '_>) {
    for address in present(item.value).map(items).unwrap_or_default() {
        to.push(pointer, json!({"ip": address}), item.line);
    }
}

/// A table of Name, Port, Protocol.
fn ports(outline: &Outline<'_>, item: &Item<'_>, pointer: &str, to: &mut ObjectBuilder<'_, '_>) {
    let mut lines = outline.below(item).iter();
    let Some(header) = lines.next().and_then(|first| Header::inner(first.raw)) else {
        return;
    };
    for (item, row) in lines
        .filter(|item| !item.text.starts_with("---"))
        .filter_map(|item| Some((item, header.row(item.raw, item.line)?)))
    {
        let at = to.push(
            pointer,
            json!({"port": row.integer("Port"), "protocol": row.raw("Protocol")}),
            item.line,
        );
        to.set_some(&format!("{at}/name"), row.get("Name"), item.line);
    }
}

/// An endpoint slice.
pub(crate) fn endpoint_slice(outline: &Outline<'_>, to: &mut ObjectBuilder<'_, '_>) {
    for item in outline.roots() {
        match item.key {
            "AddressType" => to.set_some("/addressType", present(item.value), item.line),
            "Ports" => ports(outline, item, "/ports", to),
            "Endpoints" => {
                to.set("/endpoints", json!([]), item.line);
                for endpoint in outline.children(item).filter(|child| child.text.starts_with("- ")) {
                    let list = endpoint.text.split_once(": ").map_or("", |(_, list)| list.trim());
                    let at = to.push("/endpoints", json!({"addresses": items(list)}), endpoint.line);
                    for field in outline.below(endpoint) {
                        self::endpoint(field, &at, to);
                    }
                }
            }
            _ => {}
        }
    }
}

fn endpoint(field: &Item<'_>, at: &str, to: &mut ObjectBuilder<'_, '_>) {
    match field.key {
        "Ready" | "Serving" | "Terminating" => {
            to.set(
                &format!("{at}/conditions/{}", field.key.to_ascii_lowercase()),
                field.value == "true",
                field.line,
            );
        }
        "NodeName" => to.set_some(&format!("{at}/nodeName"), present(field.value), field.line),
        "TargetRef" => {
            if let Some((kind, name)) = field.value.split_once('/') {
                to.set(
                    &format!("{at}/targetRef"),
                    json!({"kind": kind, "name": name}),
                    field.line,
                );
            }
        }
        _ => {}
    }
}

/// An ingress. The backend of a path is `service:port (addresses)`.
pub(crate) fn ingress(outline: &Outline<'_>, to: &mut ObjectBuilder<'_, '_>) {
    for item in outline.roots() {
        match item.key {
            "Ingress Class" => to.set_some("/spec/ingressClassName", present(item.value), item.line),
            "Address" => {
                for address in present(item.value).map(items).unwrap_or_default() {
                    let field = if address.parse::<std::net::IpAddr>().is_ok() {
                        "ip"
                    } else {
                        "hostname"
                    };
                    to.push("/status/loadBalancer/ingress", json!({field: address}), item.line);
                }
            }
            "Default backend" | "Default Backend" => {
                let real = present(item.value)
                    .filter(|value| *value != "<default>" && !value.starts_with("default-http-backend:"));
                to.set_some("/spec/defaultBackend", real.and_then(backend), item.line);
            }
            "TLS" => {
                // `secret terminates a.example.com,b.example.com`
                for tls in outline.children(item) {
                    let (secret, hosts) = tls.text.split_once(" terminates ").unwrap_or((tls.text, ""));
                    to.push(
                        "/spec/tls",
                        json!({"secretName": present(secret), "hosts": items(hosts)}),
                        tls.line,
                    );
                }
            }
            "Rules" => rules(outline, item, to),
            _ => {}
        }
    }
}

/// Below a heading `Host  Path  Backends`: a host alone, then its paths.
fn rules(outline: &Outline<'_>, item: &Item<'_>, to: &mut ObjectBuilder<'_, '_>) {
    let mut rule = String::new();
    for line in outline
        .below(item)
        .iter()
        .filter(|line| !line.text.starts_with("---") && !line.text.starts_with("Host  "))
    {
        let words: Vec<&str> = line.text.split_whitespace().collect();
        match words.as_slice() {
            [host] => {
                rule = to.push(
                    "/spec/rules",
                    if *host == "*" { json!({}) } else { json!({"host": host}) },
                    line.line,
                );
            }
            [path, target, ..] => {
                if rule.is_empty() {
                    rule = to.push("/spec/rules", json!({}), line.line);
                }
                let path = if path.is_empty() { "/" } else { path };
                to.push(
                    &format!("{rule}/http/paths"),
                    json!({"path": path, "backend": backend(target)}),
                    line.line,
                );
            }
            [] => {}
        }
    }
}

fn backend(text: &str) -> Option<Value> {
    let (name, port) = text.split_whitespace().next()?.rsplit_once(':')?;
    let port = match integer(port) {
        Some(number) => json!({"number": number}),
        None => json!({"name": port}),
    };
    Some(json!({"service": {"name": name, "port": port}}))
}

/// A network policy: its selector and types. The rules stand in `spec.casefileIngress` and `spec.casefileEgress` line by line, as written.
pub(crate) fn network_policy(outline: &Outline<'_>, to: &mut ObjectBuilder<'_, '_>) {
    let Some(spec) = outline.root("Spec") else { return };
    for item in outline.children(spec) {
        let line = item.line;
        match item.key {
            "PodSelector" => {
                let selector = item
                    .value
                    // Of all pods kubectl says what that means (`pkg/describe/describe.go`, printNetworkPolicySpecTo); `in (a,b)` stays.
                    .split(" (Allowing ")
                    .next()
                    .and_then(present)
                    .map_or_else(|| json!({}), label_selector);
                to.set("/spec/podSelector", selector, line);
            }
            "Policy Types" => to.set("/spec/policyTypes", items(item.value), line),
            "Allowing ingress traffic" | "Allowing egress traffic" => {
                let way = if item.key.contains("ingress") {
                    "Ingress"
                } else {
                    "Egress"
                };
                let words: Vec<&str> = outline.below(item).iter().map(|below| below.text).collect();
                to.set(&format!("/spec/casefile{way}"), words, line);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::testing::{at, find, text};
    use super::super::decode;

    #[test]
    fn a_service_with_two_ports_and_no_endpoints() {
        let source = text(
            "Name:                     web\nNamespace:                shop\nLabels:                   <none>\nSelector:                 app=web,tier=front\nType:                     NodePort\n\
             IP Family Policy:         SingleStack\nIP:                       10.96.1.1\nIPs:                      10.96.1.1\nPort:                     http  80/TCP\nTargetPort:               8080/TCP\n\
             NodePort:                 http  30080/TCP\nEndpoints:                \nPort:                     admin  81/TCP\nTargetPort:               admin/TCP\nEndpoints:                <none>\nSession Affinity:         None\nEvents:                   <none>\n",
        );
        let section = source.decode(decode);
        let web = find(&section, "Service", "web");
        assert_eq!(at(web, "/spec/selector"), &json!({"app": "web", "tier": "front"}));
        assert_eq!(
            at(web, "/spec/ports/0"),
            &json!({"port": 80, "protocol": "TCP", "name": "http", "targetPort": 8080, "nodePort": 30080})
        );
        assert_eq!(at(web, "/spec/ports/1/targetPort"), "admin");
        assert_eq!(at(web, "/casefileEndpoints"), &json!([]));
        assert_eq!(at(web, "/spec/clusterIP"), "10.96.1.1");
    }

    #[test]
    fn endpoints_that_are_not_ready_are_kept_apart() {
        let source = text(
            "Name:         web\nNamespace:    shop\nLabels:       app=web\nSubsets:\n  Addresses:          <none>\n  NotReadyAddresses:  10.0.0.7,10.0.0.8\n  Ports:\n    Name     Port  Protocol\n    ----     ----  --------\n    <unset>  80    TCP\n\nEvents:  <none>\n",
        );
        let section = source.decode(decode);
        let web = find(&section, "Endpoints", "web");
        assert_eq!(
            at(web, "/subsets/0/notReadyAddresses"),
            &json!([{"ip": "10.0.0.7"}, {"ip": "10.0.0.8"}])
        );
        assert_eq!(at(web, "/subsets/0/addresses"), &json!(null));
        assert_eq!(at(web, "/subsets/0/ports"), &json!([{"port": 80, "protocol": "TCP"}]));
        assert_eq!(section.end, 12);
    }

    #[test]
    fn an_ingress_names_its_backends() {
        let source = text(
            "Name:             web\nLabels:           <none>\nNamespace:        shop\nAddress:          10.0.0.9\nIngress Class:    nginx\nDefault backend:  <default>\nTLS:\n  web-tls terminates a.example.com\n\
             Rules:\n  Host           Path  Backends\n  ----           ----  --------\n  a.example.com  \n                 /api   api:8080 (10.0.0.7:8080)\n                 /      web:http (<error: services \"web\" not found>)\nAnnotations:     <none>\nEvents:          <none>\n",
        );
        let section = source.decode(decode);
        let web = find(&section, "Ingress", "web");
        assert_eq!(at(web, "/spec/rules/0/host"), "a.example.com");
        assert_eq!(
            at(web, "/spec/rules/0/http/paths/0/backend/service"),
            &json!({"name": "api", "port": {"number": 8080}})
        );
        assert_eq!(
            at(web, "/spec/rules/0/http/paths/1/backend/service"),
            &json!({"name": "web", "port": {"name": "http"}})
        );
        assert_eq!(
            at(web, "/spec/tls/0"),
            &json!({"secretName": "web-tls", "hosts": ["a.example.com"]})
        );
        assert_eq!(at(web, "/spec/defaultBackend"), &json!(null));
    }

    #[test]
    fn an_endpoint_slice_tells_who_is_ready() {
        let source = text(
            "Name:         web-abcde\nNamespace:    shop\nLabels:       kubernetes.io/service-name=web\nAnnotations:  <none>\nAddressType:  IPv4\nPorts:\n  Name  Port  Protocol\n  ----  ----  --------\n  http  8080  TCP\n\
             Endpoints:\n  - Addresses:  10.0.0.7\n    Conditions:\n      Ready:    false\n    Hostname:   <unset>\n    TargetRef:  Pod/web-0\n    NodeName:   w1\nEvents:         <none>\n",
        );
        let section = source.decode(decode);
        let slice = find(&section, "EndpointSlice", "web-abcde");
        assert_eq!(
            at(slice, "/endpoints/0"),
            &json!({"addresses": ["10.0.0.7"], "conditions": {"ready": false}, "targetRef": {"kind": "Pod", "name": "web-0"}, "nodeName": "w1"})
        );
        assert_eq!(at(slice, "/metadata/labels/kubernetes.io~1service-name"), "web");
    }

    #[test]
    fn a_network_policy_keeps_the_words_of_its_rules() {
        let source = text(
            "Name:         deny\nNamespace:    shop\nCreated on:   2026-11-21 10:00:00 +0000 UTC\nLabels:       <none>\nAnnotations:  <none>\nSpec:\n  PodSelector:     <none> (Allowing the specific traffic to all pods in this namespace)\n  Allowing ingress traffic:\n    <none> (Selected pods are isolated for ingress connectivity)\n  Not affecting egress traffic\n  Policy Types: Ingress\n",
        );
        let section = source.decode(decode);
        let deny = find(&section, "NetworkPolicy", "deny");
        assert_eq!(at(deny, "/spec/podSelector"), &json!({}));
        assert_eq!(at(deny, "/spec/policyTypes"), &json!(["Ingress"]));
        assert_eq!(
            at(deny, "/spec/casefileIngress"),
            &json!(["<none> (Selected pods are isolated for ingress connectivity)"])
        );
    }

    #[test]
    fn a_set_in_the_selector_of_a_policy_stays_whole() {
        let source = text(
            "Name:         others\nNamespace:    shop\nCreated on:   2026-11-21 10:00:00 +0000 UTC\nLabels:       <none>\nAnnotations:  <none>\nSpec:\n  PodSelector:     app notin (cart,store)\n  Not affecting ingress traffic\n  Policy Types: Egress\n",
        );
        let section = source.decode(decode);
        let others = find(&section, "NetworkPolicy", "others");
        assert_eq!(
            at(others, "/spec/podSelector/matchExpressions"),
            &json!([{"key": "app", "operator": "NotIn", "values": ["cart", "store"]}])
        );
    }
}
