//! Logs of a machine's components below the command that printed them: `journalctl -u kubelet` (journalctl(1)), `dmesg` (dmesg(1)),
//! `docker logs kubelet` on RKE1, `docker logs k8s_…`, `crictl logs <id>`.

use super::prompt::is_command;
use super::{Decoder, Fact, LogSection, Section, TextFile, UnitLog};

/// The lines between such a command and the next.
pub(super) const DECODER: Decoder = Decoder {
    name: "log below its command",
    decode,
};

/// Bytes of a longer line are no command.
const LONGEST: usize = 1000;

/// Commands that print the log of one container (docker-logs(1), podman-logs(1), cri-tools `cmd/crictl/logs.go`, nerdctl).
const RUNTIMES: [&str; 4] = ["docker logs ", "crictl logs ", "podman logs ", "nerdctl logs "];
/// Digits of an id that every program prints: `docker ps` has twelve, `crictl ps` thirteen.
const SHORT_ID: usize = 12;

/// What the kernel's messages are kept as, in the place of a unit.
const KERNEL: &str = "kernel";

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
    // A command is short, and its sign stands near its beginning; most lines have none.
    let is_asking =
        || line.contains("journalctl ") || line.contains("dmesg") || RUNTIMES.iter().any(|one| line.contains(one));
    if line.len() > LONGEST || !is_asking() || !is_command(line) {
        return None;
    }
    // What a substitution asks is part of the command.
    let is_whole = line.contains("$(") || line.contains('`');
    let command = line.split('|').next().filter(|_| !is_whole).unwrap_or(line);
    let first = start + 1;
    let end = (first..file.lines.len())
        .find(|&index| is_command(file.line(index)) || file.line(index).starts_with("```"))
        .unwrap_or(file.lines.len());
    let fact = match named(command) {
        Some(name) => container_log(name, first, end)?,
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

/// The log of the container that a command names, whatever its name: the lines `first..end` are known to be its output.
pub(super) fn output_of_runtime(command: &str, first: usize, end: usize) -> Option<Fact> {
    let name = named(command)?;
    let of_name = || log_of("", "", name, first, end);
    Some(container_log(name, first, end).unwrap_or_else(of_name))
}

/// The container whose log a command prints: `agent` of `docker logs --tail 100 agent 2>&1`.
fn named(command: &str) -> Option<&str> {
    let arguments = RUNTIMES
        .iter()
        .find_map(|runtime| Some(command.split_once(runtime)?.1))?;
    if let Some(lookup) = substitution(arguments) {
        return looked_up(lookup);
    }
    let mut names = arguments.split_whitespace().filter(|word| {
        !word.starts_with('-') && !word.bytes().all(|byte| byte.is_ascii_digit()) && !word.contains('>')
    });
    let first = names.next()?;
    // The value of an option may stand before it.
    Some(
        names
            .find(|word| is_id(word))
            .filter(|_| !is_id(first))
            .unwrap_or(first),
    )
}

/// The command by which an id is looked up: `crictl logs $(crictl ps -q --name etcd)`.
fn substitution(arguments: &str) -> Option<&str> {
    let (_, inner) = arguments.split_once("$(").or_else(|| arguments.split_once('`'))?;
    inner.split([')', '`']).next()
}

/// The name that such a command asks for, by `--name` (crictl-ps, docker-ps `--filter name=`) or with `grep`.
fn looked_up(command: &str) -> Option<&str> {
    let words: Vec<&str> = command.split_whitespace().collect();
    let name = words.iter().enumerate().find_map(|(at, word)| {
        let next = words.get(at + 1).copied();
        match *word {
            "--name" => next,
            "grep" => words.get(at + 1..)?.iter().find(|word| !word.starts_with('-')).copied(),
            other => other.strip_prefix("--name=").or_else(|| other.strip_prefix("name=")),
        }
    })?;
    let name = name.trim_matches(['^', '$', '"', '\'']);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (!name.is_empty() && name.bytes().all(is_plain)).then_some(name)
}

fn is_id(word: &str) -> bool {
    (SHORT_ID..=64).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_hexdigit())
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
        [] if asks_kernel(command) => Some(KERNEL.to_owned()),
        _ => None,
    }
}

/// True for a command that prints the kernel's messages: `dmesg -T`, `sudo dmesg`, `journalctl -k`.
fn asks_kernel(command: &str) -> bool {
    let mut words = command.split_whitespace();
    match words.find(|word| word.ends_with("journalctl") || *word == "dmesg" || word.ends_with("/dmesg")) {
        Some(program) if program.ends_with("dmesg") => true,
        Some(_) => words
            .any(|word| word == "--dmesg" || word.starts_with('-') && !word.starts_with("--") && word.contains('k')),
        None => false,
    }
}

/// The log of a container of which its name tells what it is, or of which the machine's listings know the id.
fn container_log(name: &str, first: usize, end: usize) -> Option<Fact> {
    if RKE_CONTAINERS.contains(&name) {
        return Some(Fact::UnitLog(UnitLog {
            unit: name.to_owned(),
            first,
            end,
        }));
    }
    if is_id(name) {
        return Some(log_of("", "", name, first, end));
    }
    // The names that dockershim and cri-dockerd give.
    let mut pieces = name.strip_prefix("k8s_")?.split('_');
    let (container, pod, namespace) = (pieces.next()?, pieces.next()?, pieces.next()?);
    Some(log_of(namespace, pod, container, first, end))
}

fn log_of(namespace: &str, pod: &str, container: &str, first: usize, end: usize) -> Fact {
    Fact::LogSection(LogSection {
        namespace: namespace.to_owned(),
        pod: pod.to_owned(),
        container: container.to_owned(),
        previous: false,
        first,
        end,
    })
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
            ("n1 ~ # crictl logs --tail 24 $(crictl ps -q --name etcd)", "etcd"),
            (
                "$ sudo crictl logs `crictl ps -a | grep kube-apiserver | awk '{print $1}'` 2>&1 | tail",
                "kube-apiserver",
            ),
            ("[root@n1 ~]# dmesg -T | grep -i drop | tail -7", "kernel"),
            ("$ sudo journalctl -kb --no-pager", "kernel"),
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
    fn an_id_stands_for_the_container_that_the_machines_listings_know() {
        let id = "31a2614d4315f";
        for command in [
            "$ crictl logs 31a2614d4315f",
            "# docker logs --since 2h 31a2614d4315f 2>&1",
            "$ sudo crictl logs --tail 50 31a2614d4315f | tail",
        ] {
            let found = section(&DECODER, "x", &format!("{command}\nboom\n")).unwrap();
            assert!(
                matches!(&found.facts[0], Fact::LogSection(log) if log.container == id && log.pod.is_empty()),
                "{command}"
            );
        }
        let of_any = output_of_runtime("/usr/bin/docker logs agent", 2, 3);
        assert!(matches!(of_any, Some(Fact::LogSection(log)) if log.container == "agent"));
        assert!(output_of_runtime("/usr/bin/docker ps", 2, 3).is_none());
    }

    #[test]
    fn other_text_is_declined() {
        for text in [
            "see journalctl -u kubelet for details\n",
            "$ journalctl -u kubelet -u containerd\n",
            "$ docker logs web\n",
        ] {
            assert!(section(&DECODER, "x", text).is_none(), "{text}");
        }
    }
}
