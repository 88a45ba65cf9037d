//! Several logs in one text below headings `==> name <==`: what `tail -n 50 *.log` prints (coreutils `src/tail.c`, `write_header`), and
//! `minikube logs` (kubernetes/minikube `pkg/minikube/logs/logs.go`).

use super::banner::{Banner, banner};
use super::prompt::is_command;
use super::{Decoder, Fact, LogSection, Section, TextFile, UnitLog};

/// The lines between two headings, where the heading tells whose log they are.
pub(super) const DECODER: Decoder = Decoder {
    name: "log below a heading",
    decode,
};

/// Names that minikube gives, and the unit or program that each is.
const COMPONENTS: [(&str, &str); 10] = [
    ("kubelet", "kubelet"),
    ("containerd", "containerd"),
    ("Docker", "docker"),
    ("CRI-O", "crio"),
    ("etcd", "etcd"),
    ("kube-apiserver", "kube-apiserver"),
    ("kube-controller-manager", "kube-controller-manager"),
    ("kube-scheduler", "kube-scheduler"),
    ("kube-proxy", "kube-proxy"),
    ("dmesg", "kernel"),
];

/// What stands in a heading; none for any other line.
pub(super) fn heading(line: &str) -> Option<&str> {
    line.trim_end().strip_prefix("==> ")?.strip_suffix(" <==")
}

/// True for a line between the outputs of several commands or containers.
pub(super) fn is_heading(line: &str) -> bool {
    heading(line).is_some() || banner(line).is_some_and(|found| !found.is_doubtful)
}

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let line = file.line(start);
    let first = start + 1;
    let name = heading(line);
    let drawn = match name {
        Some(_) => None,
        None => Some(
            banner(line)
                .filter(|_| is_collection(file) && holds_log(file, first))
                .filter(|found| !found.is_doubtful || begins_as_log(file, first))?,
        ),
    };
    // Descriptions and tables stand below such headings too; those are read as what they are.
    let end = (first..file.lines.len())
        .find(|&line| is_heading(file.line(line)) || drawn.is_some() && banner(file.line(line)).is_some())
        .unwrap_or(file.lines.len());
    let fact = match (name, drawn) {
        (Some(name), _) => below_name(name, first, end)?,
        (None, Some(found)) => Fact::LogSection(section(&found, first, end)),
        (None, None) => return None,
    };
    Some(Section {
        end,
        facts: vec![fact],
        ..Section::default()
    })
}

fn section(found: &Banner<'_>, first: usize, end: usize) -> LogSection {
    LogSection {
        namespace: found.namespace.to_owned(),
        pod: found.pod.to_owned(),
        container: found.container.to_owned(),
        previous: found.previous,
        first,
        end,
    }
}

/// True in a text that a script put together: it begins with a heading or a command, and its name is not that of one pod. Programs draw
/// lines into their own logs too.
fn is_collection(file: &TextFile<'_>) -> bool {
    let is_blank = |line: &&&str| line.trim().is_empty();
    let Some(first) = file.lines.iter().find(|line| !is_blank(line)) else {
        return false;
    };
    let is_drawn = |line: &str| {
        ["==", "--", "##", "**", "<<", ">>", "++"]
            .iter()
            .any(|sign| line.starts_with(sign))
    };
    pod_of_file(file.path.as_str()).is_none()
        && (is_drawn(first) || banner(first).is_some() || first.starts_with("$ ") || is_command(first))
}

/// The log below `==> name <==`.
fn below_name(name: &str, first: usize, end: usize) -> Option<Fact> {
    // `kube-apiserver [3f2a…]`: a container of the component with its id.
    let bare = name.split(" [").next().unwrap_or(name);
    Some(match COMPONENTS.iter().find(|(known, _)| *known == bare) {
        Some((_, unit)) => Fact::UnitLog(UnitLog {
            unit: (*unit).to_owned(),
            first,
            end,
        }),
        None => {
            let plain = Banner {
                pod: pod_of_file(name).or_else(|| pod_in(name)).unwrap_or(""),
                previous: name.contains("previous"),
                ..Banner::default()
            };
            let line = format!("=== {name} ===");
            // `logs of pod web-0 namespace shop`
            let told = || banner(&line).filter(|found| !found.is_doubtful);
            let found = if plain.pod.is_empty() { told()? } else { plain };
            Fact::LogSection(section(&found, first, end))
        }
    })
}

/// False where kubectl's tables, descriptions and objects stand.
fn holds_log(file: &TextFile<'_>, first: usize) -> bool {
    const OTHERS: [&str; 9] = [
        "Name:  ",
        "NAME  ",
        "NAME\t",
        "NAMESPACE  ",
        "LAST SEEN  ",
        "apiVersion:",
        "kind:",
        "{",
        "$ ",
    ];
    let begin = (first..file.lines.len())
        .map(|line| file.line(line))
        .find(|line| !line.trim().is_empty());
    begin.is_some_and(|line| !OTHERS.iter().any(|other| line.starts_with(other)) || line.starts_with("{\""))
}

/// True where the first line is a record: JSON, or a time with words behind it. What `date` prints is no log.
fn begins_as_log(file: &TextFile<'_>, first: usize) -> bool {
    /// A time alone is no longer.
    const TIME: usize = 36;
    let begin = (first..file.lines.len())
        .map(|line| file.line(line))
        .find(|line| !line.trim().is_empty());
    let has_time = |line: &str| {
        let head = line.as_bytes().get(..line.len().min(40)).unwrap_or_default();
        head.windows(8).any(|window| {
            window.iter().zip(b"dd:dd:dd").all(|(byte, form)| match form {
                b'd' => byte.is_ascii_digit(),
                _ => byte == form,
            })
        })
    };
    begin.is_some_and(|line| {
        let is_record = line.len() > TIME && line.starts_with(|c: char| c.is_ascii_digit() || "[(<tIWEFD".contains(c));
        line.starts_with("{\"") || is_record && has_time(line)
    })
}

/// The pod after which a log file is called: `logs/web-6bdf8c9d7-jd5lx.log`.
fn pod_of_file(path: &str) -> Option<&str> {
    let file = path.rsplit('/').next()?;
    let (stem, _) = file.split_once(".log").or_else(|| file.split_once(".txt"))?;
    let stem = stem
        .strip_suffix("-previous")
        .or_else(|| stem.strip_suffix("_previous"))
        .unwrap_or(stem);
    let is_name = stem
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let is_made = stem.rsplit_once('-').is_some_and(|(_, suffix)| {
        suffix.len() == 5 && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric())
            || !suffix.is_empty() && suffix.bytes().all(|byte| byte.is_ascii_digit())
    });
    (is_name && is_made).then_some(stem)
}

/// The pod in a heading that a script wrote: `web-6bdf8c9d7-jd5lx`, `shop/web-0`, `web-6bdf8c9d7-jd5lx/nginx`. What made its name is told by
/// its end: five of the letters that Kubernetes draws (`k8s.io/apimachinery/pkg/util/rand`), or a number.
fn pod_in(name: &str) -> Option<&str> {
    let is_drawn = |suffix: &str| {
        suffix.len() == 5
            && suffix
                .bytes()
                .all(|byte| b"bcdfghjklmnpqrstvwxz2456789".contains(&byte))
    };
    let is_number = |suffix: &str| (1..=3).contains(&suffix.len()) && suffix.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts = name
        .split('/')
        .map(|part| part.split([' ', ':']).next().unwrap_or(part));
    parts.find(|part| {
        let plain = part
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        plain
            && part
                .rsplit_once('-')
                .is_some_and(|(_, suffix)| is_drawn(suffix) || is_number(suffix))
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample::{section, section_at};
    use super::*;

    #[test]
    fn a_heading_tells_whose_the_lines_below_it_are() {
        let text = "==> kubelet <==\nNov 21 10:20:42 n1 kubelet[1]: x\n\n==> next <==\n";
        let found = section(&DECODER, "x", text).unwrap();
        assert!(
            matches!(&found.facts[0], Fact::UnitLog(log) if log.unit == "kubelet" && (log.first, log.end) == (1, 3))
        );
        let text = "==> kube-apiserver [3f2a1b] <==\nI1121 x\n";
        assert!(
            matches!(&section(&DECODER, "x", text).unwrap().facts[0], Fact::UnitLog(log) if log.unit == "kube-apiserver")
        );
        let text = "==> logs/web-6bdf8c9d7-jd5lx-previous.log <==\nboom\n";
        assert!(
            matches!(&section(&DECODER, "x", text).unwrap().facts[0], Fact::LogSection(log) if log.pod == "web-6bdf8c9d7-jd5lx" && log.previous)
        );
    }

    #[test]
    fn a_heading_may_name_a_pod_alone() {
        for (heading, pod) in [
            ("web-6bdf8c9d7-jd5lx", "web-6bdf8c9d7-jd5lx"),
            ("shop-front/web-6bdf8c9d7-jd5lx", "web-6bdf8c9d7-jd5lx"),
            ("ledger-0/auth-proxy", "ledger-0"),
        ] {
            let text = format!("==> {heading} <==\nboom\n");
            assert!(
                matches!(&section(&DECODER, "x", &text).unwrap().facts[0], Fact::LogSection(log) if log.pod == pod),
                "{heading}"
            );
        }
    }

    #[test]
    fn a_drawn_line_stands_above_a_log() {
        let of = |text: &str| match section(&DECODER, "x", text)?.facts.into_iter().next()? {
            Fact::LogSection(log) => Some((log.namespace, log.pod, log.container, log.first, log.end)),
            _ => None,
        };
        let expected = |end| Some(("shop".into(), "web-0".into(), "nginx".into(), 1, end));
        assert_eq!(
            of("=== shop/web-0/nginx ===\nboom\n\n=== db-0 ===\nready\n"),
            expected(3)
        );
        assert_eq!(of("Pod: web-0, Namespace: shop, Container: nginx\nboom\n"), expected(2));
        // A chapter's name could be a workload's; its log shows in the line below.
        assert!(of("=== cart ===\n2026-11-21T10:00:00Z ERROR no answer from the store\n").is_some());
        assert!(of("=== cart ===\nready\n").is_none());
        assert!(of("=== n1 ===\nSat Nov 21 10:00:00 UTC 2026\n").is_none());
        assert!(of("[worker-1]\nthreads = 4\n").is_none());
        assert!(of("=== web-0 ===\nName:         web-0\nNamespace:    shop\n").is_none());
    }

    #[test]
    fn what_a_program_draws_into_its_own_log_is_no_heading() {
        let text = "2026-11-21T10:00:00Z start\n--- shard-3 ---\n2026-11-21T10:00:01Z FATAL disk full\n";
        assert!(section_at(&DECODER, "x", text, 1).is_none());
        let text = "=== shard-3 ===\n2026-11-21T10:00:01Z FATAL disk full\n";
        assert!(section_at(&DECODER, "logs/web-0.log", text, 0).is_none());
        let text = "$ ./dump.sh\n=== web-0 ===\nboom\n";
        assert!(section_at(&DECODER, "x", text, 1).is_some());
    }

    #[test]
    fn other_headings_are_left_to_what_stands_below() {
        for text in [
            "==> describe nodes <==\nName: n1\n",
            "==> x\n",
            "==> notes.txt <==\n",
            "",
        ] {
            assert!(section(&DECODER, "x", text).is_none(), "{text}");
        }
    }
}
