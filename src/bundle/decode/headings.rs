//! Several logs in one text below headings `==> name <==`: what `tail -n 50 *.log` prints (coreutils `src/tail.c`, `write_header`), and
//! `minikube logs` (kubernetes/minikube `pkg/minikube/logs/logs.go`).

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

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let name = heading(file.line(start))?;
    let first = start + 1;
    // Descriptions and tables stand below such headings too; those are read as what they are.
    let end = (first..file.lines.len())
        .find(|&line| heading(file.line(line)).is_some())
        .unwrap_or(file.lines.len());
    // `kube-apiserver [3f2a…]`: a container of the component with its id.
    let bare = name.split(" [").next().unwrap_or(name);
    let fact = match COMPONENTS.iter().find(|(known, _)| *known == bare) {
        Some((_, unit)) => Fact::UnitLog(UnitLog {
            unit: (*unit).to_owned(),
            first,
            end,
        }),
        None => Fact::LogSection(LogSection {
            namespace: String::new(),
            pod: pod_of_file(name).or_else(|| pod_in(name))?.to_owned(),
            container: String::new(),
            previous: name.contains("previous"),
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
    use super::super::sample::section;
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
