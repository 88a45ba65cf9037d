//! What a machine is: `lsb_release -a` (lsb_release(1)), `hostnamectl` (systemd `src/hostname/hostnamectl.c`), `systemd-detect-virt`, `docker --version`.

use crate::bundle::decode::{Decoder, Fact, HostNameSource, Section, TextFile};

/// The machine's name, `os.name`, `kernel.version`, `host.virtualization`, `docker.client-version`.
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder {
    name: "host identity",
    decode,
};

/// What `systemd-detect-virt` answers (systemd-detect-virt(1)).
const VIRTUALIZATION: [&str; 20] = [
    "none",
    "qemu",
    "kvm",
    "amazon",
    "zvm",
    "vmware",
    "microsoft",
    "oracle",
    "xen",
    "bochs",
    "uml",
    "parallels",
    "bhyve",
    "google",
    "openvz",
    "lxc",
    "docker",
    "podman",
    "wsl",
    "container-other",
];

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let first = file.line(start);
    let one = |key: &str, value: &str| Section {
        end: start + 1,
        facts: vec![file.value(start, key, value)],
        ..Section::default()
    };
    if let Some(rest) = first.strip_prefix("Docker version ") {
        let (version, _) = rest.split_once(", build ")?;
        return Some(one("docker.client-version", version));
    }
    if first.trim_start().starts_with("Static hostname: ") {
        return Some(hostnamectl(file, start));
    }
    if first.starts_with("Distributor ID:") || first == "No LSB modules are available." {
        return lsb_release(file, start);
    }
    let is_answer =
        file.lines.len() == 1 && VIRTUALIZATION.contains(&first.trim_end()) && file.path.file_name().contains("virt");
    is_answer.then(|| one("host.virtualization", first.trim_end()))
}

fn lsb_release(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let rest = file.lines.iter().skip(start);
    let is_field = |line: &&&str| line.contains(":\t") || line.starts_with("No LSB modules");
    let end = start + rest.take_while(is_field).count();
    let (line, name) = (start..end).find_map(|line| Some((line, file.line(line).strip_prefix("Description:\t")?)))?;
    Some(Section {
        end,
        facts: vec![file.value(line, "os.name", name.trim())],
        ..Section::default()
    })
}

fn hostnamectl(file: &TextFile<'_>, start: usize) -> Section {
    let mut section = Section {
        end: start,
        ..Section::default()
    };
    while let Some((key, value)) = file
        .lines
        .get(section.end)
        .and_then(|line| line.trim().split_once(": "))
    {
        let line = section.end;
        match key {
            "Static hostname" => section.facts.push(Fact::HostName {
                name: value.to_owned(),
                via: HostNameSource::Host,
                cite: file.cite(line),
            }),
            "Operating System" => section.facts.push(file.value(line, "os.name", value)),
            "Virtualization" => section.facts.push(file.value(line, "host.virtualization", value)),
            "Kernel" => {
                let release = value.strip_prefix("Linux ").unwrap_or(value);
                section.facts.push(file.value(line, "kernel.version", release));
            }
            _ => {}
        }
        section.end += 1;
    }
    section
}

#[cfg(test)]
mod tests {
    use super::super::testing::values;
    use super::*;
    use crate::bundle::decode::sample::section;

    #[test]
    fn the_machine_says_what_it_is() {
        let text = "   Static hostname: node-1\n         Icon name: computer-vm\n    Virtualization: kvm\n  Operating System: Ubuntu 20.04.3 LTS\n            Kernel: Linux 5.4.0-99-generic\n      Architecture: x86-64\n";
        let found = section(&DECODER, "x", text).unwrap();
        assert!(matches!(&found.facts[0], Fact::HostName { name, .. } if name == "node-1"));
        assert_eq!(
            values(&found),
            [
                "host.virtualization=kvm",
                "os.name=Ubuntu 20.04.3 LTS",
                "kernel.version=5.4.0-99-generic"
            ]
        );
        for (path, text, value) in [
            ("systeminfo/systemd-detect-virt", "kvm\n", "host.virtualization=kvm"),
            (
                "sys/lsb_release",
                "No LSB modules are available.\nDistributor ID:\tUbuntu\nDescription:\tUbuntu 22.04.5 LTS\nRelease:\t22.04\n",
                "os.name=Ubuntu 22.04.5 LTS",
            ),
            (
                "versions",
                "Docker version 28.2.2, build e6534b4\n",
                "docker.client-version=28.2.2",
            ),
        ] {
            assert_eq!(values(&section(&DECODER, path, text).unwrap()), [value]);
        }
    }

    #[test]
    fn other_text_is_declined() {
        for text in ["", "none\n", "Docker version unknown\n", "hostname: x\n"] {
            assert!(section(&DECODER, "x", text).is_none(), "{text}");
        }
    }
}
