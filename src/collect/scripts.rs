//! From scheduled commands to the scripts that they run and the logs that these write.

use std::collections::VecDeque;

use super::root::HostRoot;
use super::shell;

/// Most scripts and logs that are followed, and how far from a table a script may be.
const MAX_SCRIPTS: usize = 64;
const MAX_LOGS: usize = 32;
const MAX_DEPTH: usize = 3;

/// Absolute paths on the host, in the order of discovery.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Followed {
    /// Scripts that a scheduled command runs, directly or through another script.
    pub(crate) scripts: Vec<String>,
    /// Log files that the commands and scripts name.
    pub(crate) logs: Vec<String>,
}

/// Follows the commands in `texts` (tables, units, periodic scripts) to scripts and logs that exist.
///
/// Only what is executed is a script, and only what is called a log is a log: a crontab may well name `/etc/shadow`, which stays where it is.
pub(crate) fn follow(host: &HostRoot, texts: &[String]) -> Followed {
    let mut found = Followed::default();
    let mut waiting: VecDeque<(usize, String)> = texts.iter().map(|text| (0, text.clone())).collect();
    while let Some((depth, text)) = waiting.pop_front() {
        let named = shell::named(&text);
        let on_path = named
            .words
            .iter()
            .flat_map(|word| ["/usr/local/sbin", "/usr/local/bin"].map(|dir| format!("{dir}/{word}")));
        for path in named
            .paths
            .iter()
            .cloned()
            .chain(on_path)
            .flat_map(|path| existing(host, &path))
        {
            if is_log(&path) {
                if found.logs.len() < MAX_LOGS && !found.logs.contains(&path) {
                    found.logs.push(path);
                }
                continue;
            }
            if found.scripts.len() >= MAX_SCRIPTS || found.scripts.contains(&path) {
                continue;
            }
            if let Some(script) = script(host, &path) {
                found.scripts.push(path);
                if depth < MAX_DEPTH {
                    waiting.push_back((depth + 1, script));
                }
            }
        }
    }
    found
}

/// The path itself, or the newest names that its last component matches where it holds a `*`.
fn existing(host: &HostRoot, path: &str) -> Vec<String> {
    if ["/dev/", "/proc/", "/sys/"]
        .iter()
        .any(|virtual_folder| path.starts_with(virtual_folder))
    {
        return Vec::new();
    }
    if !path.contains('*') {
        return if host.is_file(path) {
            vec![path.into()]
        } else {
            Vec::new()
        };
    }
    let Some((folder, pattern)) = path.rsplit_once('/') else {
        return Vec::new();
    };
    let Some((start, end)) = pattern.split_once('*').filter(|_| !folder.contains('*')) else {
        return Vec::new();
    };
    let end = end.rsplit('*').next().unwrap_or(end);
    // A bare `/*` or `$DIR/$FILE` would match whatever lies there.
    if start.len() + end.len() < 3 {
        return Vec::new();
    }
    let mut names = host.list(folder).unwrap_or_default();
    names.retain(|name| name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end));
    // Such names hold dates, so the last ones in order are the newest.
    names
        .iter()
        .rev()
        .take(3)
        .map(|name| format!("{folder}/{name}"))
        .filter(|path| host.is_file(path))
        .collect()
}

fn is_log(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    path.starts_with("/var/log/") || name.ends_with(".log") || name.ends_with(".out")
}

/// The text of a script, if `path` is one.
fn script(host: &HostRoot, path: &str) -> Option<String> {
    let has_extension = [".sh", ".bash", ".py", ".pl", ".rb"]
        .iter()
        .any(|end| path.ends_with(end));
    let text = host.small(path)?;
    let is_script = has_extension || text.starts_with("#!") || host.is_executable(path);
    (is_script && !text.contains('\0')).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn plant(files: &[(&str, &str)]) -> (tempfile::TempDir, HostRoot) {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path.trim_start_matches('/'));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let host = HostRoot::new(dir.path().to_path_buf());
        (dir, host)
    }

    #[test]
    fn a_cron_line_leads_over_scripts_to_their_logs() {
        let (_dir, host) = plant(&[
            (
                "/opt/scripts/docker-clean.sh",
                "#!/bin/bash\nLOG=/var/log/docker-clean.log\n. /opt/scripts/lib.sh\nprune >> $LOG\n",
            ),
            ("/opt/scripts/lib.sh", "prune() { docker container prune -f; }\n"),
            ("/var/log/docker-clean.log", "2026-11-21 10:20:33 start clean\n"),
        ]);
        let found = follow(&host, &["0 2 * * * root /opt/scripts/docker-clean.sh\n".into()]);
        assert_eq!(found.scripts, ["/opt/scripts/docker-clean.sh", "/opt/scripts/lib.sh"]);
        assert_eq!(found.logs, ["/var/log/docker-clean.log"]);
    }

    #[test]
    fn files_that_are_no_scripts_and_no_logs_stay_where_they_are() {
        let (_dir, host) = plant(&[
            ("/etc/shadow", "root:$6$x\n"),
            ("/etc/backup.env", "PASSWORD=hunter2hunter2\n"),
        ]);
        let found = follow(
            &host,
            &["0 1 * * * root . /etc/backup.env; cp /etc/shadow /backup/\n".into()],
        );
        assert_eq!(found, Followed::default());
    }

    #[test]
    fn a_log_with_a_date_in_its_name_is_found_and_the_newest_come_first() {
        let (_dir, host) = plant(&[
            ("/var/log/clean-2026-11-20.log", ""),
            ("/var/log/clean-2026-11-21.log", ""),
            ("/var/log/other.log", ""),
        ]);
        let found = follow(
            &host,
            &["0 2 * * * root prune >> /var/log/clean-$(date +\\%F).log\n".into()],
        );
        assert_eq!(
            found.logs,
            ["/var/log/clean-2026-11-21.log", "/var/log/clean-2026-11-20.log"]
        );
    }

    #[test]
    fn a_script_on_the_local_path_is_found_by_its_word() {
        let (_dir, host) = plant(&[("/usr/local/bin/docker-clean", "#!/bin/sh\ndocker system prune -f\n")]);
        assert_eq!(
            follow(&host, &["@daily root docker-clean\n".into()]).scripts,
            ["/usr/local/bin/docker-clean"]
        );
    }

    #[test]
    fn scripts_that_name_each_other_end() {
        let (_dir, host) = plant(&[("/opt/a.sh", "/opt/b.sh\n"), ("/opt/b.sh", "/opt/a.sh\n")]);
        assert_eq!(
            follow(&host, &["* * * * * root /opt/a.sh".into()]).scripts,
            ["/opt/a.sh", "/opt/b.sh"]
        );
    }
}
