//! For which machine and which server a container was made, by its arguments.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::Value;

use crate::bundle::decode::DockerInspect;
use crate::cluster::Host;
use crate::rules::inventory::names;

/// Names of hosts and nodes in a container's arguments that are not this host's: it was made for another name of the machine.
pub fn named_otherwise(inspect: &DockerInspect, node: &str) -> Vec<String> {
    let text = |pointer: &str| inspect.value.pointer(pointer).and_then(Value::as_str);
    let id = text("/Id").unwrap_or_default();
    let hostname = text("/Config/Hostname").filter(|name| !name.is_empty() && !id.starts_with(name));
    let named = argument(inspect, "--node-name");
    let names: BTreeSet<&str> = hostname.into_iter().chain(named).filter(|name| *name != node).collect();
    names.into_iter().map(str::to_owned).collect()
}

/// The address of the Rancher server in a container's arguments, where that server runs on this very host and the host has no such address.
pub fn server_elsewhere(inspect: &DockerInspect, host: &Host) -> Option<String> {
    let url = argument(inspect, "--server")?;
    let authority = url.split("://").nth(1)?.split('/').next()?;
    let address: IpAddr = authority
        .rsplit_once(':')
        .map_or(authority, |(host, _)| host)
        .parse()
        .ok()?;
    let runs_here = host.containers.iter().any(|one| names(&one.image, "rancher"));
    let interfaces = &host.tools.interfaces;
    let mut own = interfaces.iter().flat_map(|interface| &interface.addresses);
    let is_it = |own: &String| own.split('/').next().and_then(|own| own.parse().ok()) == Some(address);
    (runs_here && !interfaces.is_empty() && !own.any(is_it)).then(|| address.to_string())
}

/// The value of a flag among a container's arguments, where the two are elements of their own.
pub fn argument<'i>(inspect: &'i DockerInspect, flag: &str) -> Option<&'i str> {
    let arguments = inspect.value.pointer("/Config/Cmd").and_then(Value::as_array)?;
    let words: Vec<&str> = arguments.iter().filter_map(Value::as_str).collect();
    let at = words.iter().position(|word| *word == flag)?;
    words.get(at + 1).copied()
}
