//! User names, where they stand beside what says that they are some.

use std::sync::LazyLock;

use regex::Regex;

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
#[expect(clippy::unwrap_used, reason = "constant patterns that the tests compile")]
static PLACES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        // What the API server says of requests it refuses; a name may have the prefix of its issuer.
        concat!(r#"\b[Uu]ser \\*"(?:[a-z]+[:/])?"#, name!(), r#"\\*""#),
        // Folders of people.
        concat!(r"/(?:home|Users)/", name!()),
        // Where somebody logs in to.
        concat!(
            r"\b(?:ssh|scp|sftp|rsync|ssh-copy-id)\b[^\n|;]*?(?:[ \t]|//)",
            name!(),
            r"@"
        ),
        // passwd(5), where people begin (login.defs(5), UID_MIN).
        concat!(r"(?m)^", name!(), r":[x*!]?:[1-5][0-9]{3,4}:[0-9]+:"),
        // id(1), ls(1).
        concat!(r"\b[ug]id=[0-9]+\(", name!(), r"\)"),
        concat!(r"(?m)(?:^|[\s])[bcdlps-][rwxsStT-]{9}[.+@]?[ \t]+[0-9]+[ \t]+", name!(), r"[ \t]"),
        // PAM, sshd, sudo and su in journals.
        concat!(
            r"\b(?:session (?:opened|closed) for user|Accepted [a-z/-]+ for|[Ff]ailed [a-z/-]+ for(?: invalid user)?|[Ii]nvalid user|(?:New|Removed) session [0-9a-z]+ of user|sudo(?:\[[0-9]+\])?:)[ \t]+",
            name!(),
            r"\b"
        ),
        concat!(r"\b(?:SUDO_USER|LOGNAME|USER)=", name!(), r"\b"),
        // Users of a kubeconfig and those of its contexts, in YAML and in JSON.
        concat!(r"(?m)^[ \t]*-[ \t]+name:[ \t]*", name!(), r"[ \t]*\r?\n[ \t]+user:"),
        concat!(r"(?m)^[ \t]+user:[ \t]*", name!(), r"[ \t]*\r?\n[ \t]*(?:name:|-)"),
        concat!(r#""name\\*":\s*\\*""#, name!(), r#"\\*",\s*\\*"user\\*":\s*\{"#),
        concat!(r#""context\\*":\s*\{[^{}]*"user\\*":\s*\\*""#, name!(), r#"\\*""#),
        // Subjects of role bindings.
        concat!(r"\bkind:[ \t]*User[ \t]*\r?\n[ \t]*name:[ \t]*", name!()),
        concat!(r#""kind\\*":\s*\\*"User\\*",\s*\\*"name\\*":\s*\\*""#, name!(), r#"\\*""#),
        // Audit logs (audit.k8s.io).
        concat!(r#""[uU]ser\\*":\s*\{\s*\\*"username\\*":\s*\\*""#, name!(), r#"\\*""#),
    ]
    .iter()
    .map(|place| Regex::new(place).unwrap())
    .collect()
});

/// The names of people in `text`.
pub(super) fn names(text: &str) -> impl Iterator<Item = &str> {
    PLACES
        .iter()
        .flat_map(move |place| place.captures_iter(text))
        .filter_map(|found| found.name("n"))
        .map(|name| name.as_str())
        .filter(|name| name.len() > 2 && !COMMON.contains(&name.to_ascii_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

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
