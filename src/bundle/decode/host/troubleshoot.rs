//! What Troubleshoot's host collectors write: one small JSON document each, below `host-collectors/`.
//!
//! Source: replicatedhq/troubleshoot `pkg/collect/host_{memory,cpu,time,os_info,block_device,ipv4interfaces,services,sysctl,kernel_modules,
//! disk_usage}.go`. A collector's file may be called as its user likes, so that the fields tell what it is. In 2020 the total of the memory
//! was what was available.

use serde_json::{Map, Value};

use super::fact::{Counted, Filesystem, HostFact, Interface, Unit};
use super::mount::DISKS;
use crate::bundle::decode::json_value::{Outcome, first};
use crate::bundle::decode::{Decoder, Fact, HostNameSource, Section, TextFile};
use crate::model::Citation;

/// The facts of one collector.
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder {
    name: "host collector of Troubleshoot",
    decode,
};

/// A larger document is none of a host collector's.
const LARGEST: usize = 4 << 20;
/// Items of one document that are kept.
const MOST: usize = 10_000;

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let is_one = start == 0
        && file.line(0).starts_with(['{', '['])
        && file.text.len() <= LARGEST
        && file.path.components().any(|part| part == "host-collectors");
    if !is_one {
        return None;
    }
    let Outcome::Value { value, values, .. } = first(file.text, file.values_left()) else {
        return None;
    };
    let reader = Reader { file };
    let facts = match &value {
        Value::Object(map) => reader.document(map)?,
        Value::Array(items) => reader.list(items)?,
        _ => return None,
    };
    file.spend_values(values);
    Some(Section {
        end: file.lines.len(),
        facts,
        ..Section::default()
    })
}

struct Reader<'f, 't> {
    file: &'f TextFile<'t>,
}

impl Reader<'_, '_> {
    fn cite(&self, pointer: &str, shown: String) -> Citation {
        Citation::pointer(&self.file.bundle, self.file.path, pointer, shown)
    }

    /// A single value, with the field that has it.
    fn value(&self, key: &str, value: String, field: &str, shown: &str) -> Fact {
        Fact::Value {
            key: key.to_owned(),
            value,
            cite: self.cite(&format!("/{field}"), format!("\"{field}\": {shown}")),
        }
    }

    fn document(&self, map: &Map<String, Value>) -> Option<Vec<Fact>> {
        let has = |key: &str| map.contains_key(key);
        if has("total_bytes") && has("used_bytes") {
            self.disk_usage(map)
        } else if has("ntp_synchronized") {
            self.time(map)
        } else if has("kernelVersion") && has("platform") {
            Some(self.system(map))
        } else if let Some(count) = map.get("logicalCount").and_then(Value::as_u64) {
            let count = count.to_string();
            Some(vec![self.value("host.cpus", count.clone(), "logicalCount", &count)])
        } else if let (1, Some(total)) = (map.len(), map.get("total").and_then(Value::as_u64)) {
            let total = total.to_string();
            Some(vec![self.value("memory.total-bytes", total.clone(), "total", &total)])
        } else if map.values().any(|module| module.get("status").is_some()) {
            self.modules(map)
        } else if !map.is_empty() && map.iter().all(|(key, value)| key.contains('.') && value.is_string()) {
            Some(self.parameters(map))
        } else {
            None
        }
    }

    /// The use of a file system. Which one it is stands only in the specification of the bundle; people call the collector after it:
    /// `root`, `Ephemeral Disk Usage /var/lib/kubelet`.
    fn disk_usage(&self, map: &Map<String, Value>) -> Option<Vec<Fact>> {
        let number = |key: &str| map.get(key).and_then(Value::as_u64);
        let (total, used) = (number("total_bytes")?, number("used_bytes")?);
        let percent = u128::from(used).saturating_mul(100).div_ceil(u128::from(total).max(1));
        let path = self.file.path.as_str();
        let (_, name) = path.split_once("host-collectors/")?;
        let name = name.strip_suffix(".json").unwrap_or(name);
        let (name, below) = name
            .split_once(" /")
            .map_or((name, None), |(name, below)| (name, Some(below)));
        let name = name.rsplit('/').next().unwrap_or(name);
        let shown = format!("\"total_bytes\": {total}, \"used_bytes\": {used}");
        let cite = self.cite("/used_bytes", shown);
        let mount = below.map(|below| format!("/{below}"));
        let Some(mount) = mount.or_else(|| (name == "root").then(|| "/".to_owned())) else {
            return Some(vec![Fact::Value {
                key: format!("disk.used-percent.{name}"),
                value: percent.to_string(),
                cite,
            }]);
        };
        Some(vec![Fact::Host(HostFact::Filesystem(Filesystem {
            device: name.to_owned(),
            kind: String::new(),
            mount,
            counted: Counted::Bytes,
            total: Some(total),
            used: Some(used),
            available: None,
            percent: u64::try_from(percent).ok(),
            cite,
        }))])
    }

    /// What systemd's `timedate1` says of the clock.
    fn time(&self, map: &Map<String, Value>) -> Option<Vec<Fact>> {
        let is_synchronised = map.get("ntp_synchronized")?.as_bool()?;
        let told = if is_synchronised { "yes" } else { "no" };
        let shown = is_synchronised.to_string();
        let mut facts = vec![self.value("clock.synchronised", told.to_owned(), "ntp_synchronized", &shown)];
        if let Some(zone) = map.get("timezone").and_then(Value::as_str) {
            facts.push(self.value("clock.zone", zone.to_owned(), "timezone", zone));
        }
        Some(facts)
    }

    fn system(&self, map: &Map<String, Value>) -> Vec<Fact> {
        let text = |key: &str| map.get(key).and_then(Value::as_str).unwrap_or("");
        let mut facts = Vec::new();
        if !text("name").is_empty() {
            facts.push(Fact::HostName {
                name: text("name").to_owned(),
                via: HostNameSource::Host,
                cite: self.cite("/name", format!("\"name\": {}", text("name"))),
            });
        }
        let system = format!("{} {}", text("platform"), text("platformVersion"));
        facts.push(self.value("os.name", system.trim().to_owned(), "platform", system.trim()));
        let kernel = text("kernelVersion");
        if !kernel.is_empty() {
            facts.push(self.value("kernel.version", kernel.to_owned(), "kernelVersion", kernel));
        }
        facts
    }

    /// `{"br_netfilter": {"status": "loaded"}, "overlay": {"status": "loadable"}}`: loaded ones are those of `/proc/modules`.
    fn modules(&self, map: &Map<String, Value>) -> Option<Vec<Fact>> {
        let status = |module: &Value| module.get("status").and_then(Value::as_str).map(str::to_owned);
        if !map.values().all(|module| status(module).is_some()) {
            return None;
        }
        let loaded: Vec<&String> = map
            .iter()
            .filter(|(_, module)| status(module).as_deref() == Some("loaded"))
            .map(|(name, _)| name)
            .take(MOST)
            .collect();
        let mut facts = vec![Fact::Value {
            key: "kernel.modules-listed".to_owned(),
            value: loaded.len().to_string(),
            cite: self.cite("", format!("{} modules are loaded", loaded.len())),
        }];
        facts.extend(loaded.into_iter().map(|name| {
            let key = format!("kernel.module.{name}");
            self.value(&key, "loaded".to_owned(), name, "loaded")
        }));
        Some(facts)
    }

    fn parameters(&self, map: &Map<String, Value>) -> Vec<Fact> {
        let told = map
            .iter()
            .take(MOST)
            .filter_map(|(key, value)| Some((key, value.as_str()?)));
        told.map(|(key, value)| Fact::Sysctl {
            key: key.clone(),
            value: value.trim().to_owned(),
            cite: self.cite(&format!("/{key}"), format!("{key} = {value}")),
        })
        .collect()
    }

    fn list(&self, items: &[Value]) -> Option<Vec<Fact>> {
        let first = items.first()?;
        let read: fn(&Self, usize, &Value) -> Option<Fact> = if first.get("kernel_name").is_some() {
            Self::block_device
        } else if first.get("MTU").is_some() && first.get("Name").is_some() {
            Self::interface
        } else if first.get("Unit").is_some() && first.get("Sub").is_some() {
            Self::unit
        } else {
            return None;
        };
        let items = items.iter().take(MOST).enumerate();
        Some(items.filter_map(|(index, item)| read(self, index, item)).collect())
    }

    /// A file system on a device that refuses to be written is read-only itself.
    fn block_device(&self, index: usize, item: &Value) -> Option<Fact> {
        let text = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or("");
        let (mount, kind) = (text("mountpoint"), text("filesystem_type"));
        let is_read_only = item.get("read_only")?.as_bool()?;
        (is_read_only && mount.starts_with('/') && DISKS.contains(&kind)).then(|| Fact::Value {
            key: format!("mount.read-only.{mount}"),
            value: kind.to_owned(),
            cite: self.cite(
                &format!("/{index}/read_only"),
                format!("{} on {mount} type {kind}: \"read_only\": true", text("name")),
            ),
        })
    }

    /// Go's `net.Interface`; only interfaces that are up and have an address are listed.
    fn interface(&self, index: usize, item: &Value) -> Option<Fact> {
        let name = item.get("Name")?.as_str()?;
        let mtu = item.get("MTU")?.as_u64();
        let shown = format!("\"Name\": {name}, \"MTU\": {}", mtu.unwrap_or_default());
        Some(Fact::Host(HostFact::Interface(Interface {
            name: name.to_owned(),
            mtu,
            state: "UP".to_owned(),
            addresses: Vec::new(),
            cite: self.cite(&format!("/{index}"), shown),
        })))
    }

    /// A line of `systemctl list-units`, cut at its blanks: a unit that is not well has a dot before its name.
    fn unit(&self, index: usize, item: &Value) -> Option<Fact> {
        let text = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or("");
        let all = [text("Unit"), text("Load"), text("Active"), text("Sub")];
        let [name, loaded, active, sub] = if all.first().is_some_and(|first| first.contains('.')) {
            all
        } else {
            // The last of the four words was cut off.
            [text("Load"), text("Active"), text("Sub"), ""]
        };
        if !name.contains('.') || active.is_empty() {
            return None;
        }
        let shown = [name, loaded, active, sub].join(" ");
        Some(Fact::Host(HostFact::Unit(Unit {
            name: name.to_owned(),
            loaded: loaded.to_owned(),
            enabled: String::new(),
            active: active.to_owned(),
            sub: sub.to_owned(),
            since: String::new(),
            main_pid: None,
            exit_status: None,
            result: String::new(),
            host: String::new(),
            cite: self.cite(&format!("/{index}"), shown.trim_end().to_owned()),
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{host_facts, values};
    use super::*;
    use crate::bundle::decode::sample::section;

    fn read(name: &str, text: &str) -> Option<Section> {
        section(&DECODER, &format!("support-bundle/host-collectors/{name}.json"), text)
    }

    #[test]
    fn each_collectors_document_is_known_by_its_fields() {
        for (name, text, expected) in [
            (
                "system/memory",
                r#"{"total":8322514944}"#,
                "memory.total-bytes=8322514944",
            ),
            ("system/cpu", r#"{"logicalCount":4,"physicalCount":2}"#, "host.cpus=4"),
            (
                "system/ntp",
                r#"{"timezone":"UTC","ntp_synchronized":false,"ntp_active":true}"#,
                "clock.synchronised=no clock.zone=UTC",
            ),
            (
                "system/hostos_info",
                "{\n \"name\": \"n1\",\n \"kernelVersion\": \"5.15.0\",\n \"platformVersion\": \"22.04\",\n \"platform\": \"ubuntu\"\n}",
                "os.name=ubuntu 22.04 kernel.version=5.15.0",
            ),
            (
                "system/kernel_modules",
                r#"{"br_netfilter":{"status":"loaded"},"overlay":{"status":"loadable"}}"#,
                "kernel.modules-listed=1 kernel.module.br_netfilter=loaded",
            ),
            (
                "system/block_devices",
                r#"[{"name":"sdb1","kernel_name":"sdb1","size":100,"filesystem_type":"ext4","mountpoint":"/data","read_only":true},
                    {"name":"loop0","kernel_name":"loop0","filesystem_type":"squashfs","mountpoint":"/snap/x","read_only":true}]"#,
                "mount.read-only./data=ext4",
            ),
            (
                "diskUsage/data",
                r#"{"total_bytes":1000,"used_bytes":901}"#,
                "disk.used-percent.data=91",
            ),
        ] {
            let found = read(name, text).unwrap();
            assert_eq!(values(&found).join(" "), expected, "{name}");
        }
    }

    #[test]
    fn the_use_of_a_disk_belongs_to_the_path_that_its_collector_is_called_after() {
        for (name, mount) in [
            ("diskUsage/root", "/"),
            ("diskUsage/n1/root", "/"),
            ("diskUsage/Ephemeral Disk Usage /var/lib/kubelet", "/var/lib/kubelet"),
        ] {
            let found = read(name, r#"{"total_bytes":100000000000,"used_bytes":97000000000}"#).unwrap();
            let [HostFact::Filesystem(disk)] = &host_facts(found)[..] else {
                panic!("{name}")
            };
            assert_eq!((disk.mount.as_str(), disk.percent), (mount, Some(97)), "{name}");
        }
    }

    #[test]
    fn units_interfaces_and_parameters_are_those_of_the_machine() {
        let units = r#"[{"Unit":"kubelet.service","Load":"loaded","Active":"inactive","Sub":"dead"},{"Unit":"●","Load":"ntp.service","Active":"loaded","Sub":"failed"}]"#;
        let found = host_facts(read("system/systemctl_services", units).unwrap());
        let states: Vec<String> = found
            .iter()
            .map(|fact| match fact {
                HostFact::Unit(unit) => format!("{} {}", unit.name, unit.active),
                _ => String::new(),
            })
            .collect();
        assert_eq!(states, ["kubelet.service inactive", "ntp.service failed"]);
        let interfaces = r#"[{"Index":2,"MTU":1450,"Name":"eth0","HardwareAddr":"Ugz1","Flags":19}]"#;
        assert!(
            matches!(&host_facts(read("system/ipv4Interfaces", interfaces).unwrap())[..], [HostFact::Interface(eth0)] if eth0.mtu == Some(1450))
        );
        let parameters = read("system/sysctl", r#"{"net.ipv4.ip_forward":"0"}"#).unwrap();
        assert!(
            matches!(&parameters.facts[..], [Fact::Sysctl { key, value, .. }] if key == "net.ipv4.ip_forward" && value == "0")
        );
    }

    #[test]
    fn other_documents_are_declined() {
        for (name, text) in [
            ("system/node_list", r#"{"nodes":["n1"]}"#),
            ("system/x", "[]"),
            ("system/x", "{}"),
            ("system/x", "{\"total\": -1}"),
            ("system/x", "[1]"),
        ] {
            assert!(read(name, text).is_none(), "{text}");
        }
        assert!(section(&DECODER, "memory.json", r#"{"total":1}"#).is_none());
    }
}
