//! What a machine is: `hostnamectl` (systemd `src/hostname/hostnamectl.c`), `systemd-detect-virt`, `docker --version`.

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
    let is_answer =
        file.lines.len() == 1 && VIRTUALIZATION.contains(&first.trim_end()) && file.path.file_name().contains("virt");
    is_answer.then(|| one("host.virtualization", first.trim_end()))
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
