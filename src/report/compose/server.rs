//! Where Rancher's server runs, and how its cluster is reached there.

use serde_json::json;

use super::ledger::Ledger;
use super::phrases::{filled, phrase};
use crate::bundle::decode::ContainerState;
use crate::cluster::{Host, HostContainer, Snapshot};
use crate::model::{CODE_OPEN, StepPlace};
use crate::report::model::{RecoveryStep, Sentence};
use crate::rules::inventory::names;
use crate::rules::{KnowledgeWording, shell_quote};

/// The container of a server that was installed with `docker run`, running or not, and its host.
pub(super) fn rancher_server(snapshot: &Snapshot) -> Option<(&Host, &HostContainer)> {
    let of = |host| -> Option<(&Host, &HostContainer)> {
        let host: &Host = host;
        let server = host.containers.iter().find(|one| names(&one.image, "rancher"))?;
        Some((host, server))
    };
    snapshot.hosts.iter().find_map(of)
}

/// Where the server is one container, its cluster is inside, and so is `kubectl` (rancher/rancher `package/Dockerfile`): steps at the server
/// are written for that host, and the first of them says why.
pub(super) fn inside_server(ledger: &mut Ledger<'_, '_>, steps: &mut [RecoveryStep]) {
    let snapshot = ledger.diagnosis.snapshot;
    let running = |(_, server): &(&Host, &HostContainer)| server.state == ContainerState::Running;
    let Some((host, server)) = rancher_server(snapshot).filter(running) else {
        return;
    };
    let prefix = format!("docker exec {} kubectl ", shell_quote(&server.name));
    let mut is_said = false;
    for step in steps.iter_mut().filter(|step| step.place == StepPlace::Rancher) {
        // Commands inside sentences run there too.
        let texts = [
            &mut step.precheck,
            &mut step.expect,
            &mut step.verify,
            &mut step.rollback,
        ];
        let notes = step.notes.iter_mut().map(|note| &mut note.text);
        for text in texts.into_iter().chain(notes) {
            for said in [&mut text.zh, &mut text.en] {
                *said = said.replace(&format!("{CODE_OPEN}kubectl "), &format!("{CODE_OPEN}{prefix}"));
            }
        }
        let lines = step.command.lines().map(|line| match line.strip_prefix("kubectl ") {
            Some(rest) => format!("{prefix}{rest}"),
            None => line.to_owned(),
        });
        let command = lines.collect::<Vec<_>>().join("\n");
        if command != step.command.trim_end_matches('\n') && !is_said {
            is_said = true;
            let kubectl = ledger.know(&KnowledgeWording {
                text: phrase("knowledge.rancher-kubectl"),
                reference: "rancher/rancher package/Dockerfile".into(),
            });
            let facts = [("name", json!(server.name)), ("host", json!(host.runtime_name()))];
            step.notes.push(Sentence {
                text: filled("recovery.in-container", &facts),
                refs: vec![ledger.cite(&server.cite), kubectl],
                confidence: None,
            });
        }
        step.command = command;
    }
}
