//! Reports for the renderers' tests: an incident with every chapter filled, a healthy bundle, hostile text everywhere, many findings.

mod appendix;
mod causes;
mod diagnosis;
mod hostile;
mod overview;

pub(crate) use hostile::{PAYLOADS, hostile};

use crate::model::{Basis, CitationKind, Confidence, Level, QuoteLine, Subject, Text, When, code};
use crate::report::model::*;

/// An exact instant.
fn at(time: &str) -> Option<When> {
    When::rfc3339(time)
}

fn interval(earliest: &str, latest: &str, raw: &str) -> Option<When> {
    Some(When {
        earliest: earliest.parse().ok()?,
        latest: latest.parse().ok()?,
        raw: raw.to_owned(),
        basis: Basis::Relative,
    })
}

fn ids(list: &[&str]) -> Vec<String> {
    list.iter().map(|id| (*id).to_owned()).collect()
}

fn said(zh: &str, en: &str, refs: &[&str]) -> Sentence {
    Sentence {
        text: Text::new(zh, en),
        refs: ids(refs),
        confidence: None,
    }
}

fn sure(zh: &str, en: &str, refs: &[&str], confidence: Confidence) -> Sentence {
    Sentence {
        confidence: Some(confidence),
        ..said(zh, en, refs)
    }
}

fn blank(id: &str, zh: &str, en: &str, question: (&str, &str), required: bool) -> Blank {
    Blank {
        id: id.to_owned(),
        label: Text::new(zh, en),
        question: Text::new(question.0, question.1),
        required,
        suggestion: String::new(),
    }
}

fn evidence(
    id: &str,
    kind: CitationKind,
    file: &str,
    lines: (u64, u64),
    quote: &[(u64, &str, bool)],
    time: Option<When>,
) -> EvidenceItem {
    EvidenceItem {
        id: id.to_owned(),
        kind,
        bundle: file.split('/').next().unwrap_or_default().to_owned(),
        file: file.split_once('/').unwrap_or_default().1.to_owned(),
        lines: Some(lines),
        pointer: None,
        sha256: format!("{:064x}", 0x9f3c_55aa_u64 + lines.0),
        quote: quote
            .iter()
            .map(|(line, text, hit)| QuoteLine {
                line: Some(*line),
                text: (*text).to_owned(),
                hit: *hit,
            })
            .collect(),
        time,
        unquoted: None,
        words: Vec::new(),
        searched: None,
    }
}

fn row(when: Option<When>, subject: &str, kind: TimelineKind, zh: &str, en: &str, refs: &[&str]) -> TimelineRow {
    TimelineRow {
        when,
        subject: subject.to_owned(),
        kind,
        text: Text::new(zh, en),
        count: 1,
        until: None,
        refs: ids(refs),
        blank: None,
        order_unknown: false,
    }
}

/// A report with every list empty and nothing wrong.
fn empty() -> PostMortem {
    PostMortem {
        schema_version: SCHEMA_VERSION,
        generated_at: None,
        tool: Tool {
            name: "casefile",
            version: "0.1.0",
            rules: 86,
            rules_sha256: "5d".repeat(32),
        },
        bundles: Vec::new(),
        incident: Incident {
            title: Text::new("未发现异常", "No anomaly found"),
            status: "draft",
            summary: Vec::new(),
            severity: None,
            window: None,
            scope: Sentence::default(),
            environment: Vec::new(),
        },
        root_causes: Vec::new(),
        findings: Vec::new(),
        symptoms: Vec::new(),
        resources: Vec::new(),
        timeline: Vec::new(),
        triage: Vec::new(),
        sessions: Vec::new(),
        analysis: Vec::new(),
        matrix: None,
        diff: Vec::new(),
        diff_about: None,
        hypotheses: None,
        further_hypotheses: Vec::new(),
        localisation: Vec::new(),
        recovery: Vec::new(),
        direct_causes: Vec::new(),
        contributing: Vec::new(),
        causal: CausalGraph::default(),
        ruled_out: Vec::new(),
        unexplained: Vec::new(),
        narrowing: None,
        node_differences: Vec::new(),
        pod_differences: Vec::new(),
        open_questions: Vec::new(),
        conflicts: Vec::new(),
        actions: Vec::new(),
        lessons: Lessons::default(),
        evidence: Vec::new(),
        knowledge: Vec::new(),
        gaps: Vec::new(),
        clock: Vec::new(),
        redactions: Vec::new(),
        checks: Vec::new(),
        applied: Vec::new(),
        blanks: Vec::new(),
        answers: Vec::new(),
        is_cut: false,
        remarks: Vec::new(),
    }
}

fn bundle(alias: &str, minute: u32) -> BundleRef {
    BundleRef {
        alias: alias.to_owned(),
        input: format!("{alias}-2026-11-21_10_{minute:02}_00.tar.gz"),
        layout: "rancher-v2".to_owned(),
        sha256: format!("{:064x}", u64::from(minute) + 0x00c0_ffee),
        collected_at: at(&format!("2026-11-21T10:{minute:02}:11Z")),
        nodes: vec![alias.to_owned()],
        files: 214,
        role: "incident",
    }
}

fn check(id: &str, zh: &str, en: &str, outcome: CheckOutcome, reason: (&str, &str)) -> Check {
    Check {
        id: id.to_owned(),
        family: "node".to_owned(),
        title: Text::new(zh, en),
        outcome,
        reason: Text::new(reason.0, reason.1),
        is_of_material: false,
    }
}

/// A bundle in which nothing is wrong: one check passed, one could not be made.
pub(crate) fn healthy() -> PostMortem {
    let mut report = empty();
    report.incident.title = Text::new(
        format!("{} 集群巡检：未发现异常", code("shop-test")),
        format!("Cluster {}: no anomaly found", code("shop-test")),
    );
    report.incident.environment = vec![Labelled {
        label: Text::same("Kubernetes"),
        value: Text::same("v1.30.4"),
        refs: Vec::new(),
    }];
    report.bundles = vec![bundle("n1", 2)];
    report.checks = vec![
        check(
            "node-not-ready",
            "节点就绪",
            "Nodes are ready",
            CheckOutcome::Pass,
            ("", ""),
        ),
        check(
            "event-errors",
            "集群事件",
            "Cluster events",
            CheckOutcome::Unknown,
            ("未采集事件", "events were not collected"),
        ),
    ];
    report.gaps = vec![gap(
        "Kubernetes 事件",
        "Kubernetes events",
        GapReason::NotCollected,
        "kubectl get events -A -o json",
    )];
    report
}

fn gap(zh: &str, en: &str, reason: GapReason, collect: &str) -> Gap {
    Gap {
        what: Text::new(zh, en),
        refs: Vec::new(),
        reason,
        detail: String::new(),
        limits: Text::new("2.1 中的事件检查无法判断", "the event check of 2.1 is undetermined"),
        collect: collect.to_owned(),
        of_baseline: false,
    }
}

/// The loss of `share-mnt` on one of three control-plane nodes, with every chapter filled. All data is invented.
pub(crate) fn incident() -> PostMortem {
    let mut report = empty();
    report.bundles = vec![bundle("cp1", 2), bundle("cp2", 5), bundle("cp3", 7)];
    overview::overview(&mut report);
    overview::timeline(&mut report);
    diagnosis::diagnosis(&mut report);
    diagnosis::recovery(&mut report);
    causes::causes(&mut report);
    causes::improvement(&mut report);
    appendix::appendix(&mut report);
    report
}

/// The incident with `count` findings.
pub(crate) fn many(count: usize) -> PostMortem {
    let mut report = incident();
    let first = report.findings[0].clone();
    let quote = report.evidence[5].clone();
    let levels = [Level::Critical, Level::Warning, Level::Info];
    let confidences = [
        Confidence::Confirmed,
        Confidence::Probable,
        Confidence::Possible,
        Confidence::Undetermined,
    ];
    report.findings = (0..count)
        .map(|n| FindingView {
            id: format!("F{}", n + 1),
            level: levels[n % levels.len()],
            confidence: confidences[n % confidences.len()],
            evidence: vec![format!("E{}", n + 20)],
            ..first.clone()
        })
        .collect();
    report.evidence.extend((0..count).map(|n| {
        EvidenceItem {
            id: format!("E{}", n + 20),
            quote: (0..9)
                .map(|line| QuoteLine {
                    line: Some(line + 1),
                    ..quote.quote[1].clone()
                })
                .collect(),
            ..quote.clone()
        }
    }));
    report
}
