//! Machines: the containers and images of their runtime, what cron runs, configuration files, certificates. How they are set up
//! besides is compared by node.

use std::collections::BTreeMap;

use super::lines::changed_lines;
use super::{Difference, Differences, Side};
use crate::bundle::decode::{ContainerState, ImageFact, Script};
use crate::cluster::{Host, HostContainer, Snapshot};
use crate::model::{Citation, Subject};

/// What `docker images` shows in place of a name that an image has lost, or never had.
const UNNAMED: &str = "<none>";

/// Things by name, each with its meaning and its place.
type Things = BTreeMap<String, (String, Citation)>;

pub(super) fn compare(good: &Snapshot, bad: &Snapshot, result: &mut Differences) {
    for host in &bad.hosts {
        let same = good
            .hosts
            .iter()
            .find(|other| other.runtime_name() == host.runtime_name());
        if let Some(other) = same.or_else(|| only_one(good, bad)) {
            compare_hosts(other, host, result);
        }
    }
}

/// With one machine on each side, they are counterparts whatever they are called.
fn only_one<'s>(good: &'s Snapshot, bad: &Snapshot) -> Option<&'s Host> {
    match (good.hosts.as_slice(), bad.hosts.as_slice()) {
        ([one], [_]) => Some(one),
        _ => None,
    }
}

fn compare_hosts(good: &Host, bad: &Host, result: &mut Differences) {
    let node = bad.runtime_name();
    let on_node = |kind: &'static str| move |name: &str| Subject::on_node(kind, name, node);
    let listing = |host: &Host| {
        host.complete_listing()
            .or_else(|| host.listings.first())
            .map(|listing| listing.cite.clone())
    };
    if let (Some(_), Some(searched)) = (listing(good), listing(bad)) {
        let (before, after) = (containers(good), containers(bad));
        compare_things(
            "container",
            &before,
            &after,
            (listing(good).as_ref(), Some(&searched)),
            on_node("HostContainer"),
            result,
        );
    }
    compare_arguments(good, bad, node, result);
    if !good.images.is_empty() && !bad.images.is_empty() {
        compare_things(
            "image",
            &images(good),
            &images(bad),
            (None, None),
            on_node("Image"),
            result,
        );
        compare_unnamed(good, bad, node, result);
    }
    if !good.cron.is_empty() && !bad.cron.is_empty() {
        // The listing of a crontab directory shows what was searched; an entry of it does where there is none.
        let listed = |host: &Host| {
            let mut directories = host.tools.directories.iter();
            let directory = directories.find(|listed| listed.path.starts_with("/etc/cron") && !listed.is_missing);
            let first = || host.cron.first().map(|entry| &entry.cite);
            let cite = directory.map(|listed| &listed.cite).or_else(first)?;
            Some(cite.clone().absence(None))
        };
        compare_things(
            "cron",
            &cron(good),
            &cron(bad),
            (listed(good).as_ref(), listed(bad).as_ref()),
            on_node("CronEntry"),
            result,
        );
    }
    compare_files(&scripts(good), &scripts(bad), "script", node, result);
    compare_files(&configs(good), &configs(bad), "configuration", node, result);
    let (before, after) = (certificates(good), certificates(bad));
    for (name, before) in before {
        // A certificate that is not in the other bundle may just not have been collected.
        if let Some(after) = after.get(&name) {
            let subject = Subject::on_node("Certificate", &name, node);
            result.note("certificate", subject, "", Some(before), Some(after.clone()));
        }
    }
}

fn compare_things(
    datum: &'static str,
    good: &Things,
    bad: &Things,
    (searched_good, searched_bad): (Option<&Citation>, Option<&Citation>),
    subject: impl Fn(&str) -> Subject,
    result: &mut Differences,
) {
    for (name, before) in good {
        let after = bad.get(name).cloned();
        let is_gone = after.is_none();
        result.note(datum, subject(name), "", Some(before.clone()), after);
        // What is gone is cited by the listing that does not have it.
        if let (true, Some(searched), Some(last)) = (is_gone, searched_bad, result.different.last_mut()) {
            last.evidence.push(searched.clone());
        }
    }
    for (name, after) in bad.iter().filter(|(name, _)| !good.contains_key(*name)) {
        result.note(datum, subject(name), "", None, Some(after.clone()));
        if let (Some(searched), Some(last)) = (searched_good, result.different.last_mut()) {
            last.evidence.push(searched.clone());
        }
    }
}

fn containers(host: &Host) -> Things {
    let described = |container: &HostContainer| format!("{} ({})", state_word(container.state), container.image);
    let own = host.containers.iter().filter(|container| !is_of_pod(container));
    own.map(|container| (container.name.clone(), (described(container), container.cite.clone())))
        .collect()
}

/// The kubelet names the containers of pods `k8s_…` (kubernetes `pkg/kubelet/dockershim/naming.go`); the pods stand for them.
fn is_of_pod(container: &HostContainer) -> bool {
    container.name.starts_with("k8s_")
}

/// How a container of the host was started, as `docker inspect` has it: the arguments, flags by name.
fn compare_arguments(good: &Host, bad: &Host, node: &str, result: &mut Differences) {
    let with_arguments = |host: &Host| -> BTreeMap<String, Things> {
        let own = host.containers.iter().filter(|container| !is_of_pod(container));
        own.filter_map(|container| Some((container.name.clone(), arguments(container)?)))
            .collect()
    };
    let (before, after) = (with_arguments(good), with_arguments(bad));
    for (name, after) in &after {
        let Some(before) = before.get(name) else { continue };
        for flag in before
            .keys()
            .chain(after.keys().filter(|flag| !before.contains_key(*flag)))
        {
            let subject = Subject::on_node("HostContainer", name, node);
            result.note(
                "argument",
                subject,
                flag,
                before.get(flag).cloned(),
                after.get(flag).cloned(),
            );
        }
    }
}

fn arguments(container: &HostContainer) -> Option<Things> {
    let inspect = container.inspect.as_ref()?;
    let words = inspect.value.pointer("/Args")?.as_array()?;
    let mut found = Things::new();
    for (index, word) in words.iter().filter_map(|word| word.as_str()).enumerate() {
        let (flag, value) = word.split_once('=').unwrap_or((word, "set"));
        let pointer = format!("{}/Args/{index}", inspect.pointer);
        let cite = Citation::pointer(&inspect.cite.bundle, &inspect.cite.file, pointer, word);
        found.insert(flag.to_owned(), (value.to_owned(), cite));
    }
    Some(found)
}

/// Images by their names.
fn images(host: &Host) -> Things {
    let named = host.images.iter().filter(|image| !image.reference.contains(UNNAMED));
    named
        .map(|image| (image.reference.clone(), (image.id.clone(), image.cite.clone())))
        .collect()
}

/// Images without a name together, by their ids. Each is cited, and where there is none the whole list.
fn compare_unnamed(good: &Host, bad: &Host, node: &str, result: &mut Differences) {
    let (Some(before), Some(after)) = (unnamed(good), unnamed(bad)) else {
        return;
    };
    let known = result.different.len();
    let value = |(shown, cites): &(String, Vec<Citation>)| Some((shown.clone(), cites.first()?.clone()));
    let subject = Subject::on_node("DanglingImages", UNNAMED, node);
    result.note("image", subject, "", value(&before), value(&after));
    if let Some(new) = result.different.get_mut(known..).and_then(<[Difference]>::first_mut) {
        new.evidence = before.1.into_iter().chain(after.1).collect();
    }
}

fn unnamed(host: &Host) -> Option<(String, Vec<Citation>)> {
    let unnamed = host.images.iter().filter(|image| image.reference.contains(UNNAMED));
    let unnamed: Vec<&ImageFact> = unnamed.collect();
    let mut ids: Vec<&str> = unnamed.iter().map(|image| image.id.as_str()).collect();
    ids.sort_unstable();
    if ids.is_empty() {
        let first = host.images.first()?;
        let all = Citation::spanning(host.images.iter().map(|image| &image.cite));
        let count = host.images.len() as u64;
        let searched = all.unwrap_or_else(|| first.cite.clone()).absence(Some((count, false)));
        return Some(("0".to_owned(), vec![searched]));
    }
    let cites = Citation::runs(unnamed.iter().map(|image| &image.cite));
    Some((format!("{}: {}", ids.len(), ids.join(", ")), cites))
}

fn cron(host: &Host) -> Things {
    let entries = host.cron.iter();
    entries
        .map(|entry| (entry.command.clone(), (entry.schedule.clone(), entry.cite.clone())))
        .collect()
}

fn scripts(host: &Host) -> Things {
    let text = |script: &Script| joined(&script.lines);
    let scripts = host.scripts.iter();
    scripts
        .map(|script| (within(host, &script.path), (text(script), script.cite.clone())))
        .collect()
}

fn configs(host: &Host) -> Things {
    let configs = host.tools.configs.iter();
    configs
        .map(|config| (within(host, &config.path), (joined(&config.lines), config.cite.clone())))
        .collect()
}

fn joined(lines: &[(u64, String)]) -> String {
    lines
        .iter()
        .map(|(_, line)| line.as_str())
        .collect::<Vec<_>>()
        .join("\n")
}

/// A path below the directory that holds the machine's evidence, which may be called otherwise in the other bundle.
fn within(host: &Host, path: &str) -> String {
    let below = path.strip_prefix(host.directory.as_str()).unwrap_or(path);
    below.trim_start_matches('/').to_owned()
}

/// Files that both have, line by line. A file that only one has may just not have been collected by the other.
fn compare_files(good: &Things, bad: &Things, datum: &'static str, node: &str, result: &mut Differences) {
    for (name, (before, here)) in good {
        let Some((after, there)) = bad.get(name) else { continue };
        let changes = changed_lines(before, after);
        if changes.is_empty() {
            result.equal += 1;
        }
        for (expected, actual) in changes {
            let side = |line: Option<&str>| Side::of(line.map(str::to_owned));
            result.different.push(Difference {
                datum,
                subject: Subject::on_node("File", name, node),
                path: String::new(),
                expected: side(expected),
                actual: side(actual),
                evidence: vec![here.clone(), there.clone()],
            });
        }
    }
}

fn certificates(host: &Host) -> Things {
    let certificates = host.certificates.iter();
    certificates
        .map(|certificate| {
            let until = certificate
                .not_after
                .map_or_else(String::new, |end| format!(" until {end}"));
            let meaning = format!("{} by {}{until}", certificate.serial, certificate.issuer);
            let name = format!(
                "{} {}",
                within(host, certificate.cite.file.as_str()),
                certificate.subject
            );
            (name, (meaning, certificate.cite.clone()))
        })
        .collect()
}

/// The state without ages and exit codes that change from run to run.
fn state_word(state: ContainerState) -> &'static str {
    match state {
        ContainerState::Created => "created",
        ContainerState::Running => "running",
        ContainerState::Paused => "paused",
        ContainerState::Restarting => "restarting",
        ContainerState::Removing => "removing",
        ContainerState::Exited(Some(0)) => "exited (0)",
        ContainerState::Exited(_) => "exited with an error",
        ContainerState::Dead => "dead",
    }
}
