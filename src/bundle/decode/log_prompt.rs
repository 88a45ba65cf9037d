//! Logs of a machine's components below the command that printed them: `journalctl -u kubelet` (journalctl(1)), `docker logs kubelet`
//! on RKE1, `docker logs k8s_…`.

use super::prompt::is_command;
use super::{Decoder, Fact, LogSection, Section, TextFile, UnitLog};

/// The lines between such a command and the next.
pub(super) const DECODER: Decoder = Decoder {
    name: "log below its command",
    decode,
};

/// Containers by which RKE1 runs what are units elsewhere (`rke/services/services.go`).
const RKE_CONTAINERS: [&str; 6] = [
    "kubelet",
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
];

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let line = file.line(start);
    if !(line.contains("journalctl ") || line.contains("docker logs ")) || !is_command(line) {
        return None;
    }
    let command = line.split('|').next().unwrap_or(line);
    let first = start + 1;
    let end = (first..file.lines.len())
        .find(|&index| is_command(file.line(index)) || file.line(index).starts_with("```"))
        .unwrap_or(file.lines.len());
    let fact = match command.split_once("docker logs ") {
        Some((_, arguments)) => container_log(arguments, first, end)?,
        None => Fact::UnitLog(UnitLog {
            unit: unit(command)?,
            first,
            end,
        }),
    };
    Some(Section {
        end,
        facts: vec![fact],
        ..Section::default()
    })
}

/// The one unit that `journalctl` is asked for: `-u kubelet`, `-ukubelet`, `--unit=kubelet`, among other letters `-xeu kubelet`.
fn unit(command: &str) -> Option<String> {
    let mut units = Vec::new();
    let mut words = command
        .split_whitespace()
        .skip_while(|word| !word.ends_with("journalctl"))
        .skip(1);
    while let Some(word) = words.next() {
        let is_short = word.starts_with('-') && !word.starts_with("--");
        if let Some(unit) = word
            .strip_prefix("--unit=")
            .or_else(|| word.strip_prefix("-u").filter(|unit| !unit.is_empty()))
        {
            units.push(unit);
        } else if word == "--unit" || is_short && word.ends_with('u') {
            units.extend(words.next());
        }
    }
    match units.as_slice() {
        [unit] => Some((*unit).to_owned()),
        _ => None,
    }
}

fn container_log(arguments: &str, first: usize, end: usize) -> Option<Fact> {
    let name = arguments.split_whitespace().find(|word| {
        !word.starts_with('-') && !word.bytes().all(|byte| byte.is_ascii_digit()) && !word.contains('>')
    })?;
    if RKE_CONTAINERS.contains(&name) {
        return Some(Fact::UnitLog(UnitLog {
            unit: name.to_owned(),
            first,
            end,
        }));
    }
    // The names that dockershim and cri-dockerd give.
    let mut pieces = name.strip_prefix("k8s_")?.split('_');
    let (container, pod, namespace) = (pieces.next()?, pieces.next()?, pieces.next()?);
    Some(Fact::LogSection(LogSection {
        namespace: namespace.to_owned(),
        pod: pod.to_owned(),
        container: container.to_owned(),
        previous: false,
        first,
        end,
    }))
}

#[cfg(test)]
mod tests {
    use super::super::sample::section;
    use super::*;

    #[test]
    fn a_log_belongs_to_the_unit_or_container_that_its_command_names() {
        for (command, unit) in [
            ("root@n1:~# journalctl -u kubelet -n 50 --no-pager", "kubelet"),
            ("$ sudo journalctl -xeu kubelet.service | tail", "kubelet.service"),
            ("# journalctl --unit=containerd --since today", "containerd"),
            ("[root@n1 ~]# docker logs --tail 100 kubelet 2>&1", "kubelet"),
        ] {
            let text = format!("{command}\nline one\n\nline two\n$ date\n");
            let found = section(&DECODER, "x", &text).unwrap();
            let [Fact::UnitLog(log)] = found.facts.as_slice() else {
                panic!("{command}")
            };
            assert_eq!((log.unit.as_str(), log.first, log.end), (unit, 1, 4), "{command}");
        }
        let text = "$ docker logs k8s_nginx_web-0_shop_0123_7\nboom\n";
        assert!(
            matches!(&section(&DECODER, "x", text).unwrap().facts[0], Fact::LogSection(log) if log.pod == "web-0" && log.namespace == "shop")
        );
    }

    #[test]
    fn other_text_is_declined() {
        for text in [
            "see journalctl -u kubelet for details\n",
            "$ journalctl -k\n",
            "$ journalctl -u kubelet -u containerd\n",
            "$ docker logs web\n",
        ] {
            assert!(section(&DECODER, "x", text).is_none(), "{text}");
        }
    }
}
