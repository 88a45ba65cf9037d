//! Where a link points, by names alone.

/// Resolves `target`, written in a symbolic link at `link`, against the folder of the link; empty for the root of the archive. None
/// when it leaves the archive: an absolute target is a place on the machine the bundle came from, not in the bundle.
pub(super) fn relative(link: &str, target: &str) -> Option<String> {
    let folder = link
        .trim_end_matches('/')
        .rsplit_once('/')
        .map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder
        .split('/')
        .filter(|part| !matches!(*part, "" | "." | ".."))
        .collect();
    step(&mut parts, target)?;
    Some(parts.join("/"))
}

/// Resolves `target`, written relative to the root of the archive, as hard links of a tar are.
pub(super) fn from_root(target: &str) -> Option<String> {
    let mut parts = Vec::new();
    step(&mut parts, target.trim_start_matches('/'))?;
    Some(parts.join("/"))
}

/// Walks `target` from `parts`; none when it goes above the start or is absolute.
fn step<'t>(parts: &mut Vec<&'t str>, target: &'t str) -> Option<()> {
    if target.starts_with(['/', '\\']) || target.as_bytes().get(1) == Some(&b':') {
        return None;
    }
    for part in target.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_resolves_against_its_own_folder() {
        for (link, target, place) in [
            ("b/logs/current.log", "kubelet.log", Some("b/logs/kubelet.log")),
            ("./b/logs/current.log", "../pods/x.log", Some("b/pods/x.log")),
            ("top", "b/pods", Some("b/pods")),
            ("b/up", "../../etc/shadow", None),
            ("b/abs", "/etc/shadow", None),
            ("b/abs", "C:\\x", None),
            ("b/root", "..", Some("")),
            ("loop", ".", Some("")),
            ("b/out", "../..", None),
        ] {
            assert_eq!(relative(link, target).as_deref(), place, "{link} -> {target}");
        }
    }

    #[test]
    fn a_hard_link_resolves_against_the_root() {
        assert_eq!(from_root("b/kubelet.log").as_deref(), Some("b/kubelet.log"));
        assert_eq!(from_root("/b/kubelet.log").as_deref(), Some("b/kubelet.log"));
        assert_eq!(from_root("../x"), None);
    }
}
