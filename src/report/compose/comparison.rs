//! Chapter 2.2: the matrix of system containers, the comparison with a baseline, and what tells rival causes apart.

use std::collections::BTreeSet;

use serde_json::json;

use super::changed::before_finding;
use super::ledger::{Ledger, plain_sentence};
use super::observations::observations;
use super::phrases::{filled, phrase};
use crate::bundle::decode::ContainerState;
use crate::cluster::{Host, HostContainer};
use crate::model::Text;
use crate::report::model::{CheckOutcome, Matrix, MatrixCell, MatrixRow, Sentence, Session};
use crate::rules::inventory::{RKE1, is_rke_container, is_rke1};

/// Causes of which the analysis says what changed about them.
const CHANGED: usize = 3;
/// Containers of roles that not every host has (rancher/rke `services/`).
const ROLES: [&str; 2] = ["etcd", "nginx-proxy"];
/// More columns cannot be read on a page.
const COLUMNS: usize = 12;

pub(super) fn analysis(ledger: &mut Ledger<'_, '_>) -> (Vec<Sentence>, Option<Matrix>) {
    let matrix = matrix(ledger);
    let mut sentences = Vec::new();
    for finding in ledger.root_findings() {
        // The absence is paired with the fact that tells its causes apart: here, that the image is still there.
        let images = finding
            .facts
            .get("images")
            .and_then(|value| value.as_array())
            .cloned()
            .unwrap_or_default();
        if !images.is_empty() && finding.subject.kind == "HostContainer" {
            let mut facts = ledger.facts(finding);
            facts.insert("images".into(), json!(images));
            let template = phrase("analysis.image-present");
            let text = ledger.wording.text(&template, &facts).unwrap_or_default();
            let refs = ledger.cite_claim(finding, &[&template], &text);
            sentences.push(Sentence {
                text,
                refs,
                confidence: None,
            });
        }
        let others = finding
            .facts
            .get("others_deleted")
            .and_then(|value| value.as_array())
            .cloned()
            .unwrap_or_default();
        if !others.is_empty() {
            let text = filled("analysis.others-deleted", &[("names", json!(others))]);
            sentences.push(Sentence {
                refs: ledger.cite_facts(finding, &["others_deleted"], &text),
                text,
                confidence: None,
            });
        }
    }
    let roots: Vec<usize> = ledger
        .diagnosis
        .roots
        .iter()
        .map(|root| root.finding)
        .take(CHANGED)
        .collect();
    // What differs from the baseline is marked in the table of differences, which follows.
    let changes: Vec<Sentence> = roots
        .into_iter()
        .flat_map(|finding| before_finding(ledger, finding))
        .collect();
    if sentences.is_empty() {
        sentences.extend(evidence_sentences(ledger));
    }
    sentences.extend(changes);
    sentences.extend(observations(ledger));
    (sentences, matrix)
}

/// The absence and the fact that tells its causes apart, as commands: the containers that are gone, and their images that are not.
pub(super) fn sessions(ledger: &mut Ledger<'_, '_>) -> Result<Vec<Session>, minijinja::Error> {
    let mut sessions = Vec::new();
    for finding in ledger.root_findings() {
        let facts = ledger.facts(finding);
        let listed = |fact: &str| {
            let names = facts.get(fact).and_then(|value| value.as_array());
            let names = names.into_iter().flatten().filter_map(|name| name.as_str());
            names.map(str::to_owned).collect::<Vec<_>>()
        };
        let images = listed("images");
        if finding.subject.kind != "HostContainer" || images.is_empty() {
            continue;
        }
        for name in listed("missing") {
            let facts = serde_json::Map::from_iter([("name".to_owned(), json!(name))]);
            sessions.push(Session {
                command: ledger
                    .wording
                    .command("docker ps -a --filter name=^/{{ name }}$", &facts)?,
                observed: phrase("session.no-row"),
                refs: ledger.cite_absence(finding),
            });
        }
        for image in images {
            let facts = serde_json::Map::from_iter([("image".to_owned(), json!(image))]);
            sessions.push(Session {
                command: ledger.wording.command("docker images {{ image }}", &facts)?,
                observed: phrase("session.one-row"),
                refs: ledger.cite_tied_word(finding, "images", &image),
            });
        }
    }
    Ok(sessions)
}

/// Without a comparison, the analysis is the evidence of the first causes in its own words.
fn evidence_sentences(ledger: &mut Ledger<'_, '_>) -> Vec<Sentence> {
    let mut sentences = Vec::new();
    let mut told = BTreeSet::new();
    for finding in ledger.root_findings().into_iter().take(3) {
        for citation in finding.evidence.iter().take(4) {
            let id = ledger.cite(citation);
            let Some(item) = ledger.evidence.iter().find(|item| item.id == id) else {
                continue;
            };
            let Some(line) = item.quote.iter().find(|line| line.hit).or(item.quote.first()) else {
                continue;
            };
            // Several pods tell the same in the same words: once is enough.
            if !told.insert(line.text.clone()) {
                continue;
            }
            let text = filled(
                "analysis.observed",
                &[("file", item.file.clone().into()), ("line", line.text.clone().into())],
            );
            sentences.push(Sentence {
                text,
                refs: vec![id],
                confidence: None,
            });
        }
    }
    sentences
}

/// How many components a host should run, and those of them that run. etcd and nginx-proxy depend on its role, so what of them is there
/// has to run.
pub(super) fn core_containers(host: &Host) -> (usize, Vec<&HostContainer>) {
    let expected: Vec<_> = RKE1
        .iter()
        .filter(|known| !known.is_stopped_by_design() && known.applies(host))
        .collect();
    let present = expected
        .iter()
        .filter_map(|known| host.container(known.name).filter(|c| known.is_healthy(c.state)));
    let known = |name: &str| RKE1.iter().any(|known| known.name == name);
    let others: Vec<_> = host
        .containers
        .iter()
        .filter(|container| !known(&container.name))
        .filter(|container| is_rke_container(container) || ROLES.contains(&container.name.as_str()))
        .collect();
    let count = expected.len() + others.len();
    let running = others
        .into_iter()
        .filter(|other| other.state == ContainerState::Running);
    (count, present.chain(running).collect())
}

fn matrix(ledger: &mut Ledger<'_, '_>) -> Option<Matrix> {
    let diagnosis = ledger.diagnosis;
    let bundles = std::iter::once(diagnosis.snapshot).chain(diagnosis.baseline);
    let hosts: Vec<(&Host, String)> = bundles
        .flat_map(|snapshot| snapshot.hosts.iter().map(move |host| (host, snapshot)))
        .filter(|(host, _)| is_rke1(host))
        .take(COLUMNS)
        .map(|(host, snapshot)| {
            let alias = ledger.masker.mask(&snapshot.bundle.alias);
            (host, format!("{} · {alias}", host.runtime_name()))
        })
        .collect();
    if hosts.is_empty() {
        return None;
    }
    let rows = RKE1
        .iter()
        .map(|known| MatrixRow {
            name: known.name.to_owned(),
            cells: hosts.iter().map(|(host, _)| cell(ledger, host, known)).collect(),
        })
        .collect::<Vec<_>>();
    let rows = rows.into_iter().chain(other_rows(ledger, &hosts)).collect();
    let mut source = plain_sentence(phrase("matrix.source"));
    if let Some(finding) = ledger.root_findings().first() {
        source.refs = ledger.know_said(finding, &source.text);
    }
    Some(Matrix {
        columns: hosts.into_iter().map(|(_, label)| label).collect(),
        rows,
        source,
    })
}

/// System containers that the catalogue does not name because they depend on a host's role: etcd, nginx-proxy. What one side of a pair of
/// bundles has and the other has not is missing; on a machine of its own it may have another role.
fn other_rows(ledger: &mut Ledger<'_, '_>, hosts: &[(&Host, String)]) -> Vec<MatrixRow> {
    let catalogue: BTreeSet<&str> = RKE1.iter().map(|known| known.name).collect();
    let names: BTreeSet<&str> = hosts
        .iter()
        .flat_map(|(host, _)| &host.containers)
        .filter(|container| is_rke_container(container) || ROLES.contains(&container.name.as_str()))
        .map(|container| container.name.as_str())
        .filter(|name| !catalogue.contains(name))
        .collect();
    let rows = names.into_iter().map(|name| {
        let cells = hosts.iter().map(|(host, _)| match host.container(name) {
            Some(container) => MatrixCell {
                outcome: Some(match container.state {
                    ContainerState::Running => CheckOutcome::Pass,
                    _ => CheckOutcome::Risk,
                }),
                text: state_word(container.state),
                refs: vec![ledger.cite(&container.cite)],
            },
            None => {
                let is_pair =
                    |other: &Host| other.runtime_name() == host.runtime_name() && other.container(name).is_some();
                match host
                    .complete_listing()
                    .filter(|_| hosts.iter().any(|(other, _)| is_pair(other)))
                {
                    Some(listing) => MatrixCell {
                        outcome: Some(CheckOutcome::Fail),
                        text: phrase("state.missing"),
                        refs: vec![ledger.cite(&listing.cite)],
                    },
                    None => MatrixCell {
                        outcome: None,
                        text: phrase("matrix.not-applicable"),
                        refs: Vec::new(),
                    },
                }
            }
        });
        MatrixRow {
            name: name.to_owned(),
            cells: cells.collect(),
        }
    });
    rows.collect()
}

fn cell(ledger: &mut Ledger<'_, '_>, host: &Host, known: &crate::rules::inventory::Expected) -> MatrixCell {
    if !known.applies(host) {
        return MatrixCell {
            outcome: None,
            text: phrase("matrix.not-applicable"),
            refs: Vec::new(),
        };
    }
    match host.container(known.name) {
        Some(container) => {
            let refs = vec![ledger.cite(&container.cite)];
            let (outcome, suffix) = if known.is_healthy(container.state) {
                let expected = if known.is_stopped_by_design() {
                    phrase("matrix.as-expected")
                } else {
                    Text::default()
                };
                (CheckOutcome::Pass, expected)
            } else {
                (CheckOutcome::Fail, Text::default())
            };
            let word = state_word(container.state);
            let text = Text::new(format!("{}{}", word.zh, suffix.zh), format!("{}{}", word.en, suffix.en));
            MatrixCell {
                outcome: Some(outcome),
                text,
                refs,
            }
        }
        None => match host.complete_listing().or_else(|| host.listings.first()) {
            Some(listing) => {
                let refs = vec![ledger.cite(&listing.cite)];
                MatrixCell {
                    outcome: Some(CheckOutcome::Fail),
                    text: phrase("state.missing"),
                    refs,
                }
            }
            None => MatrixCell {
                outcome: Some(CheckOutcome::Unknown),
                text: phrase("state.not-collected"),
                refs: Vec::new(),
            },
        },
    }
}

pub(super) fn state_word(state: ContainerState) -> Text {
    match state {
        ContainerState::Created => phrase("state.created"),
        ContainerState::Running => phrase("state.running"),
        ContainerState::Exited(Some(0)) => phrase("state.exited-zero"),
        ContainerState::Exited(code) => filled(
            "state.exited",
            &[(
                "code",
                code.map_or_else(|| "?".to_owned(), |code| code.to_string()).into(),
            )],
        ),
        ContainerState::Restarting => phrase("state.restarting"),
        ContainerState::Paused => phrase("state.paused"),
        ContainerState::Removing | ContainerState::Dead => phrase("state.dead"),
    }
}
