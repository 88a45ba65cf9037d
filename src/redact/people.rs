//! User names, where they stand beside what says that they are some.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use super::words::Words;

/// Accounts of systems and programs, which tell nothing of a person, and words of every text.
const COMMON: &[&str] = &[
    "_apt",
    "admin",
    "administrator",
    "anonymous",
    "app",
    "azureuser",
    "bin",
    "calico",
    "centos",
    "client",
    "cloud-user",
    "containerd",
    "core",
    "daemon",
    "debian",
    "default",
    "docker",
    "ec2-user",
    "elasticsearch",
    "etcd",
    "fedora",
    "git",
    "gitlab-runner",
    "grafana",
    "guest",
    "invalid",
    "jenkins",
    "kube",
    "kubelet",
    "kubernetes",
    "kubernetes-admin",
    "linuxbrew",
    "messagebus",
    "mysql",
    "name",
    "nginx",
    "nobody",
    "nogroup",
    "node",
    "none",
    "nonroot",
    "null",
    "operator",
    "opensuse",
    "polkitd",
    "postgres",
    "prometheus",
    "rancher",
    "redis",
    "root",
    "runner",
    "server",
    "service",
    "staff",
    "sshd",
    "super-admin",
    "sys",
    "syslog",
    "system",
    "systemd-journal",
    "systemd-network",
    "systemd-resolve",
    "systemd-timesync",
    "test",
    "ubuntu",
    "unknown",
    "user",
    "users",
    "vagrant",
    "wheel",
    "www-data",
];

macro_rules! name {
    () => {
        r"(?<n>[A-Za-z_][A-Za-z0-9._-]{1,30}[A-Za-z0-9_])"
    };
}

/// Where a name of a person stands.
struct Place {
    /// Words, in any case, without which the expression cannot match.
    words: &'static [&'static str],
    expression: &'static str,
}

/// How ls(1) begins: the kind of a file, and whether its owner reads and writes it.
const RIGHTS: &[&str] = &[
    "brw", "br-", "b-w", "b--", "crw", "cr-", "c-w", "c--", "drw", "dr-", "d-w", "d--", "lrw", "lr-", "l-w", "l--",
    "prw", "pr-", "p-w", "p--", "srw", "sr-", "s-w", "s--", "-rw", "-r-", "--w", "---",
];

const PLACES: &[Place] = &[
    // What the API server says of requests it refuses; a name may have the prefix of its issuer.
    Place {
        words: &["user \"", "user \\"],
        expression: concat!(r#"\b[Uu]ser \\*"(?:[a-z]+[:/])?"#, name!(), r#"\\*""#),
    },
    // Folders of people.
    Place {
        words: &["/home/", "/users/"],
        expression: concat!(r"/(?:home|Users)/", name!()),
    },
    // Where somebody logs in to.
    Place {
        words: &["ssh", "scp", "sftp", "rsync"],
        expression: concat!(
            r"\b(?:ssh|scp|sftp|rsync|ssh-copy-id)\b[^\n|;]*?(?:[ \t]|//)",
            name!(),
            r"@"
        ),
    },
    // passwd(5), where people begin (login.defs(5), UID_MIN).
    Place {
        words: &[":x:", ":*:", ":!:", "::"],
        expression: concat!(r"(?m)^", name!(), r":[x*!]?:[1-5][0-9]{3,4}:[0-9]+:"),
    },
    // id(1), ls(1).
    Place {
        words: &["uid=", "gid="],
        expression: concat!(r"\b[ug]id=[0-9]+\(", name!(), r"\)"),
    },
    Place {
        words: RIGHTS,
        expression: concat!(
            r"(?m)(?:^|[\s])[bcdlps-][rwxsStT-]{9}[.+@]?[ \t]+[0-9]+[ \t]+",
            name!(),
            r"[ \t]"
        ),
    },
    // PAM, sshd, sudo and su in journals.
    Place {
        words: &["for user", "accepted ", "failed ", "invalid user", "of user", "sudo"],
        expression: concat!(
            r"\b(?:session (?:opened|closed) for user|Accepted [a-z/-]+ for|[Ff]ailed [a-z/-]+ for(?: invalid user)?|[Ii]nvalid user|(?:New|Removed) session [0-9a-z]+ of user|sudo(?:\[[0-9]+\])?:)[ \t]+",
            name!(),
            r"\b"
        ),
    },
    Place {
        words: &["user=", "logname="],
        expression: concat!(r"\b(?:SUDO_USER|LOGNAME|USER)=", name!(), r"\b"),
    },
    // Users of a kubeconfig and those of its contexts, in YAML and in JSON.
    Place {
        words: &["user:"],
        expression: concat!(r"(?m)^[ \t]*-[ \t]+name:[ \t]*", name!(), r"[ \t]*\r?\n[ \t]+user:"),
    },
    Place {
        words: &["user:"],
        expression: concat!(r"(?m)^[ \t]+user:[ \t]*", name!(), r"[ \t]*\r?\n[ \t]*(?:name:|-)"),
    },
    Place {
        words: &["\"user"],
        expression: concat!(r#""name\\*":\s*\\*""#, name!(), r#"\\*",\s*\\*"user\\*":\s*\{"#),
    },
    Place {
        words: &["\"context"],
        expression: concat!(r#""context\\*":\s*\{[^{}]*"user\\*":\s*\\*""#, name!(), r#"\\*""#),
    },
    // Subjects of role bindings.
    Place {
        words: &["kind:"],
        expression: concat!(r"\bkind:[ \t]*User[ \t]*\r?\n[ \t]*name:[ \t]*", name!()),
    },
    Place {
        words: &["\"user"],
        expression: concat!(
            r#""kind\\*":\s*\\*"User\\*",\s*\\*"name\\*":\s*\\*""#,
            name!(),
            r#"\\*""#
        ),
    },
    // Audit logs (audit.k8s.io).
    Place {
        words: &["\"username"],
        expression: concat!(r#""[uU]ser\\*":\s*\{\s*\\*"username\\*":\s*\\*""#, name!(), r#"\\*""#),
    },
];

struct Table {
    words: Words,
    /// Of each word the places that it announces.
    owners: Vec<Vec<usize>>,
    places: Vec<Regex>,
}

#[expect(clippy::unwrap_used, reason = "a constant table that the tests compile")]
static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut owners: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, place) in PLACES.iter().enumerate() {
        for word in place.words {
            owners.entry(word).or_default().push(at);
        }
    }
    Table {
        words: Words::new(owners.keys()).unwrap(),
        owners: owners.into_values().collect(),
        places: PLACES
            .iter()
            .map(|place| Regex::new(place.expression).unwrap())
            .collect(),
    }
});

/// The places of which a word stands in the text, in their order: of most texts, none or a few.
fn announced(text: &str) -> BTreeSet<usize> {
    let mut places = BTreeSet::new();
    TABLE.words.find(text.as_bytes(), |word| {
        places.extend(TABLE.owners.get(word.number).into_iter().flatten());
    });
    places
}

/// The names of people in `text`.
pub(super) fn names(text: &str) -> impl Iterator<Item = &str> {
    announced(text)
        .into_iter()
        .filter_map(|place| TABLE.places.get(place))
        .flat_map(move |place| place.captures_iter(text))
        .filter_map(|found| found.name("n"))
        .map(|name| name.as_str())
        .filter(|name| name.len() > 2 && !COMMON.contains(&name.to_ascii_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_word_announces_is_looked_for() {
        assert!(announced("I1121 10:20:20 kubelet.go:2412] sync of shop/checkout-7d9f took 3 ms\n").is_empty());
        assert_eq!(announced("reading /home/jane/x").len(), 1);
    }

    #[test]
    fn people_are_known_by_what_stands_beside_their_names() {
        for text in [
            r#"pods is forbidden: User "jane" cannot list resource"#,
            r#"{\"message\":\"User \\\"oidc:jane\\\" cannot\"}"#,
            "reading /home/jane/.kube/config",
            "ssh -i key -p 22 jane@bastion uptime",
            "jane:x:1000:1000:Jane:/data:/bin/bash",
            "uid=1000(jane) gid=1000(jane) groups=10(wheel)",
            "-rw-r--r--. 1 jane staff 120 Nov 21 10:00 notes.txt",
            "sshd[812]: Accepted publickey for jane from 10.0.0.7 port 50514",
            "sudo: jane : TTY=pts/0 ; PWD=/root ; USER=root",
            "pam_unix(sshd:session): session opened for user jane(uid=1000) by (uid=0)",
            "users:\n- name: jane\n  user:\n    token: x\n",
            "contexts:\n- context:\n    cluster: c\n    user: jane\n  name: c\n",
            r#"{"users":[{"name":"jane","user":{"token":"x"}}]}"#,
            "subjects:\n- apiGroup: rbac.authorization.k8s.io\n  kind: User\n  name: jane\n",
            r#"{"kind":"User","name":"jane"}"#,
            r#"{"verb":"get","user":{"username":"jane","groups":[]}}"#,
        ] {
            assert_eq!(names(text).next(), Some("jane"), "{text}");
            let all = TABLE.places.iter().enumerate();
            let matching = all.filter(|(_, place)| place.is_match(text));
            assert!(
                matching.into_iter().all(|(at, _)| announced(text).contains(&at)),
                "{text}"
            );
            assert!(names(text).all(|name| name == "jane"), "{text}");
        }
        for text in [
            r#"User "system:serviceaccount:shop:default" cannot list"#,
            "/home/ubuntu/x, uid=0(root), Accepted password for root from 10.0.0.1",
            "-rw-r--r-- 1 root root 12 Nov 21 10:00 x",
            "kind: ServiceAccount\nname: checkout\n",
            "user: jane.doe is a setting of somebody else's program",
        ] {
            assert_eq!(names(text).next(), None, "{text}");
        }
    }
}
