//! What people call a workload in the name of a file: `web.log` where there is one `cms-web`.

use std::collections::BTreeSet;

/// Names of files that programs of a host give their own logs (Debian and Red Hat `/var/log`, systemd).
const OF_HOSTS: [&str; 9] = [
    "audit", "auth", "boot", "cron", "daemon", "kern", "messages", "secure", "syslog",
];
/// Letters of the shortest word that is looked for.
const SHORTEST: usize = 3;

/// The only workload of which the name holds all words of a file's stem, in their order. Numbers and the words in `skipped` tell
/// nothing.
pub(super) fn meant<'w>(stem: &str, skipped: &[&str], workloads: &BTreeSet<&'w str>) -> Option<&'w str> {
    let lower = stem.to_ascii_lowercase();
    let words: Vec<&str> = words_of(&lower)
        .filter(|word| !skipped.contains(word) && !word.bytes().all(|byte| byte.is_ascii_digit()))
        .collect();
    let is_told = words.iter().any(|word| word.len() >= SHORTEST) && !words.iter().all(|word| OF_HOSTS.contains(word));
    if !is_told {
        return None;
    }
    let holds = |workload: &&&'w str| {
        let own: Vec<&str> = words_of(workload).collect();
        holds_in_order(&own, &words)
    };
    let mut found = workloads.iter().filter(holds);
    match (found.next(), found.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

/// A word is one of the name's, or the initials of several: `ccm` is a cloud-controller-manager.
fn holds_in_order(own: &[&str], words: &[&str]) -> bool {
    let mut rest = own;
    words.iter().all(|word| {
        let at = (0..rest.len()).find_map(|at| Some(at + length_of(rest.get(at..)?, word)?));
        rest = at.and_then(|next| rest.get(next..)).unwrap_or_default();
        at.is_some()
    })
}

/// How many of the words at the beginning are meant by this one.
fn length_of(own: &[&str], word: &str) -> Option<usize> {
    if own.first() == Some(&word) {
        return Some(1);
    }
    let initials = own.iter().take(word.len()).filter_map(|part| part.chars().next());
    (word.len() >= SHORTEST && initials.eq(word.chars())).then_some(word.len())
}

fn words_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_name_tells_where_no_other_name_has_it() {
        let workloads = BTreeSet::from([
            "cms-web",
            "cms-fpm",
            "ingress-nginx-controller",
            "audit-sink",
            "openstack-cloud-controller-manager",
        ]);
        for (stem, workload) in [
            ("web-2", Some("cms-web")),
            ("web.previous", Some("cms-web")),
            ("openstack-ccm-previous", Some("openstack-cloud-controller-manager")),
            ("occm", Some("openstack-cloud-controller-manager")),
            ("ocm", None),
            ("ingress-controller", Some("ingress-nginx-controller")),
            ("cms", None),
            ("controller-ingress", None),
            ("audit", None),
            ("2", None),
            ("payments", None),
        ] {
            assert_eq!(meant(stem, &["previous"], &workloads), workload, "{stem}");
        }
    }
}
