//! What runs by the clock: cron tables, periodic scripts, systemd timers, the scripts that they name and the logs that these write.

use std::collections::BTreeSet;

use super::context::{Context, Step};
use super::scripts::follow;
use super::{Outcome, Read};

/// Tables of cron itself (crontab(5)) and of anacron (anacrontab(5)).
const TABLES: &[&str] = &["/etc/crontab", "/etc/anacrontab"];

/// Folders of tables: the system's, and the users' on Debian (`crontabs`), Red Hat (the folder itself) and SUSE (`tabs`).
const FOLDERS: &[&str] = &[
    "/etc/cron.d",
    "/var/spool/cron",
    "/var/spool/cron/crontabs",
    "/var/spool/cron/tabs",
];

/// Folders whose files are run as they are (run-parts(8)).
const PERIODIC: &[&str] = &[
    "/etc/cron.hourly",
    "/etc/cron.daily",
    "/etc/cron.weekly",
    "/etc/cron.monthly",
];

/// Folders of units, those that win first (systemd.unit(5)).
const UNITS: &[&str] = &[
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// The steps of this source, in their order: the last one follows what the first two have found.
pub(crate) fn steps() -> Vec<Step> {
    let tables = TABLES.iter().map(|path| Read::File((*path).into()));
    let folders = FOLDERS
        .iter()
        .chain(PERIODIC)
        .map(|path| Read::File(format!("{path}/*")));
    let timers = UNITS
        .iter()
        .map(|path| Read::File(format!("{path}/*.timer and the services they start")))
        .collect();
    let named = vec![
        Read::File("the scripts that scheduled commands name".into()),
        Read::File("the logs that these write".into()),
    ];
    vec![
        Step::new("cron/tables", tables.chain(folders).collect(), |ctx| {
            Box::pin(async { read_tables(ctx) })
        }),
        Step::new("cron/timers", timers, |ctx| Box::pin(async { read_timers(ctx) })),
        Step::new("cron/scripts", named, |ctx| Box::pin(async { read_scripts(ctx) })),
    ]
}

fn read_tables(ctx: &mut Context) -> Outcome {
    let mut paths: Vec<String> = TABLES.iter().map(|path| (*path).into()).collect();
    let mut errors = Vec::new();
    for folder in FOLDERS
        .iter()
        .chain(PERIODIC)
        .filter(|folder| ctx.host.is_dir(folder))
        .collect::<Vec<_>>()
    {
        match ctx.host.list(folder) {
            Ok(names) => paths.extend(
                names
                    .iter()
                    .map(|name| format!("{folder}/{name}"))
                    .filter(|path| ctx.host.is_file(path)),
            ),
            Err(error) => errors.push(format!("cannot list {folder}: {error}")),
        }
    }
    let mut found = false;
    for path in paths {
        found |= copy_scheduled(ctx, &path, &mut errors);
    }
    end(found, errors, "no cron tables")
}

fn read_timers(ctx: &mut Context) -> Outcome {
    let mut seen = BTreeSet::new();
    let mut found = false;
    let mut errors = Vec::new();
    for folder in UNITS {
        for timer in ctx.host.list(folder).unwrap_or_default() {
            let Some(name) = timer.strip_suffix(".timer") else {
                continue;
            };
            if !seen.insert(timer.clone()) {
                continue;
            }
            let path = format!("{folder}/{timer}");
            let text = ctx.host.small(&path).unwrap_or_default();
            found |= copy_scheduled(ctx, &path, &mut errors);
            // Without `Unit=` a timer starts the service of its own name (systemd.timer(5)).
            let unit = text
                .lines()
                .find_map(|line| line.trim().strip_prefix("Unit="))
                .map_or(format!("{name}.service"), |unit| unit.trim().into());
            if unit.contains('/') {
                continue;
            }
            let service = UNITS
                .iter()
                .map(|folder| format!("{folder}/{unit}"))
                .find(|path| ctx.host.is_file(path));
            if let Some(service) = service {
                copy_scheduled(ctx, &service, &mut errors);
            }
        }
    }
    end(found, errors, "no systemd timers")
}

fn read_scripts(ctx: &mut Context) -> Outcome {
    let followed = follow(&ctx.host, &ctx.scheduled);
    let mut found = false;
    let mut errors = Vec::new();
    for script in &followed.scripts {
        found |= copy(ctx, script, false, &mut errors);
    }
    for log in &followed.logs {
        found |= copy(ctx, log, true, &mut errors);
    }
    end(found, errors, "no scheduled command names a script that exists")
}

/// Copies a table, and keeps its text so that its commands can be followed.
fn copy_scheduled(ctx: &mut Context, path: &str, errors: &mut Vec<String>) -> bool {
    ctx.scheduled.extend(ctx.host.small(path));
    copy(ctx, path, false, errors)
}

fn copy(ctx: &mut Context, path: &str, is_log: bool, errors: &mut Vec<String>) -> bool {
    if ctx.evidence.has(path) {
        return true;
    }
    let capture = if is_log {
        ctx.evidence.tail()
    } else {
        ctx.evidence.head()
    };
    ctx.copy(path, path, capture).unwrap_or_else(|error| {
        errors.push(error);
        false
    })
}

fn end(found: bool, errors: Vec<String>, nothing: &str) -> Outcome {
    if !errors.is_empty() {
        Outcome::Failed(errors.join("; "))
    } else if found {
        Outcome::Done
    } else {
        Outcome::Skipped(nothing.into())
    }
}
