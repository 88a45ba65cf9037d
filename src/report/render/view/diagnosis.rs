//! Chapter 2.

use minijinja::context;
use minijinja::value::{Serde, Value};

use crate::model::Confidence;
use crate::report::compose::is_silent;
use crate::report::model::{CheckOutcome, Matrix, MatrixCell, Risk, Session, StepPlace};
use crate::report::render::blanks::Slot;
use crate::report::render::rich::Rich;
use crate::report::render::scribe::Scribe;

/// Columns of the matrix; further nodes are in the JSON report.
const MAX_COLUMNS: usize = 12;
/// Differences in the body.
const MAX_DIFF: usize = 40;

/// Chapter 2.
pub(super) fn diagnosis(s: &mut Scribe<'_>) -> Value {
    let report = s.report;
    context! {
        triage => triage(s),
        triage_blanks => s.slot_items(Slot::Triage),
        sessions => report.sessions.iter().map(|session| session_shown(s, session)).collect::<Vec<_>>(),
        analysis => s.sentences(&report.analysis),
        analysis_blanks => s.slot_items(Slot::Analysis),
        matrix => matrix(s),
        diff => diff(s),
        hypotheses => hypotheses(s),
        localisation => s.sentences(&report.localisation),
        localisation_blanks => s.slot_items(Slot::Localisation),
        recovery => recovery(s),
        recovery_blanks => s.slot_items(Slot::Recovery),
    }
}

/// The sign that stands before the word of an outcome.
pub(super) fn glyph(outcome: CheckOutcome) -> char {
    match outcome {
        CheckOutcome::Pass => '✓',
        CheckOutcome::Fail => '✗',
        CheckOutcome::Risk => '!',
        CheckOutcome::Unknown => '?',
        CheckOutcome::NotApplicable => '–',
    }
}

fn triage(s: &Scribe<'_>) -> Vec<Value> {
    let checks = s.report.triage.iter().map(|check| {
        // What the command would print follows it as comments, as a person would paste a session into a report.
        let observed = check
            .observed
            .iter()
            .flat_map(|block| block.lines())
            .map(|line| format!("# {line}"));
        let observed = observed.collect::<Vec<_>>().join("\n");
        let session: Vec<&str> = [check.command.as_str(), &observed]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect();
        context! {
            title => s.text(&check.title),
            outcome => Value::from(Serde(check.outcome)),
            glyph => glyph(check.outcome).to_string(),
            session => session.join("\n"),
            command => check.command.as_str(),
            observed,
            note => s.text(&check.note),
            refs => s.refs(&check.refs),
        }
    });
    checks.collect()
}

/// A command, what it prints as a comment, and where that stands.
fn session_shown(s: &Scribe<'_>, session: &Session) -> String {
    let refs = session.refs.iter().map(|id| format!("[{id}]"));
    format!(
        "{}  # {} {}",
        session.command,
        s.unmarked(&session.observed),
        refs.collect::<String>()
    )
}

fn matrix(s: &Scribe<'_>) -> Option<Value> {
    let matrix = s.report.matrix.as_ref()?;
    let rows = folded(matrix).into_iter().map(|row| {
        let cells: Vec<Value> = row.cells.iter().map(|cell| matrix_cell(s, cell)).collect();
        let names = row.names.into_iter().map(Rich::code);
        context! { name => Rich::join(names, &s.words.joint.list), cells }
    });
    Some(context! {
        columns => matrix.columns.iter().take(MAX_COLUMNS).map(|column| head(s, column)).collect::<Vec<_>>(),
        rows => rows.collect::<Vec<_>>(),
        more => matrix.columns.len().saturating_sub(MAX_COLUMNS),
        source => s.sentence(&matrix.source),
    })
}

/// The host, and which side of a comparison it is on.
fn head(s: &Scribe<'_>, column: &str) -> Rich {
    let sided = column.rsplit_once(" · ").and_then(|(host, alias)| {
        let bundle = s.report.bundles.iter().find(|bundle| bundle.alias == alias)?;
        Some((host, s.words.role.get(bundle.role)?))
    });
    let compares = s.report.bundles.iter().any(|bundle| bundle.role == "baseline");
    match sided.filter(|_| compares) {
        Some((host, role)) => {
            let mut rich = Rich::code(host);
            rich.push(&format!("{}{role}{}", s.words.joint.open, s.words.joint.close));
            rich
        }
        None => Rich::code(column),
    }
}

/// Rows that say the same of several containers.
struct FoldedRow<'a> {
    names: Vec<&'a str>,
    cells: Vec<MatrixCell>,
}

/// The rows of the matrix as they are shown: what is as it should be on every node, in the same words, is one row.
fn folded(matrix: &Matrix) -> Vec<FoldedRow<'_>> {
    let is_well = |cell: &MatrixCell| cell.outcome == Some(CheckOutcome::Pass);
    let says = |cell: &MatrixCell| (cell.outcome, cell.text.clone());
    let mut rows: Vec<FoldedRow<'_>> = Vec::new();
    for row in &matrix.rows {
        let cells: Vec<MatrixCell> = row.cells.iter().take(MAX_COLUMNS).cloned().collect();
        let same = rows
            .iter_mut()
            .find(|known| cells.iter().all(is_well) && known.cells.iter().map(says).eq(cells.iter().map(says)));
        match same {
            Some(known) => {
                known.names.push(&row.name);
                for (known, cell) in known.cells.iter_mut().zip(cells) {
                    known.refs.extend(cell.refs);
                }
            }
            None => rows.push(FoldedRow {
                names: vec![row.name.as_str()],
                cells,
            }),
        }
    }
    rows
}

fn matrix_cell(s: &Scribe<'_>, cell: &MatrixCell) -> Value {
    let mut shown = Rich::parse(&cell.outcome.map_or('–', glyph).to_string());
    shown.append(" ", s.cited(&cell.text, &cell.refs));
    let class = match cell.outcome {
        Some(CheckOutcome::Pass) => "pass",
        Some(CheckOutcome::Fail) => "fail",
        Some(CheckOutcome::Risk) => "risk",
        Some(CheckOutcome::Unknown) => "unknown",
        Some(CheckOutcome::NotApplicable) | None => "none",
    };
    context! { shown, class }
}

fn diff(s: &Scribe<'_>) -> Value {
    let rows = s.report.diff.iter().take(MAX_DIFF).map(|row| {
        context! {
            datum => Rich::parse(s.words.datum.get(&row.datum).unwrap_or(&row.datum)),
            subject => s.subject(&row.subject),
            path => Rich::code(&row.path),
            expected => s.text(&row.expected),
            actual => s.text(&row.actual),
            relevant => row.relevant,
            refs => s.refs(&row.refs),
        }
    });
    let about = s.report.diff_about.as_ref();
    context! {
        rows => rows.collect::<Vec<_>>(),
        more => s.report.diff.len().saturating_sub(MAX_DIFF),
        about => about.map(|about| s.sentence(&about.text)).unwrap_or_default(),
        equal => about.map(|about| about.equal),
    }
}

/// The tables, numbered through: a hypothesis has one number, whichever question it answers.
fn hypotheses(s: &Scribe<'_>) -> Vec<Value> {
    let mut number = 0;
    let tables = s.report.hypotheses.iter().chain(&s.report.further_hypotheses);
    let tables = tables.map(|table| {
        let heads = table.columns.iter().map(|text| {
            number += 1;
            let mut rich = Rich::parse(&format!("H{number}"));
            rich.append(" ", s.text(text));
            rich
        });
        let heads: Vec<Rich> = heads.collect();
        let rows = table.rows.iter().map(|row| {
            // A minus sign proper, so that two of them are not read as a dash.
            let cells: Vec<String> = row.cells.iter().map(|cell| cell.replace('-', "−")).collect();
            context! { evidence => s.sentence(&row.sentence), cells }
        });
        context! {
            question => s.text(&table.question),
            columns => heads,
            rows => rows.collect::<Vec<_>>(),
            verdicts => table.verdicts.iter().map(|&c: &Confidence| s.badge(c)).collect::<Vec<_>>(),
        }
    });
    tables.collect()
}

fn recovery(s: &Scribe<'_>) -> Vec<Value> {
    let steps = s.report.recovery.iter().map(|step| {
        context! {
            purpose => s.text(&step.purpose),
            precheck => s.text(&step.precheck),
            refs => s.refs(&step.refs),
            place => Value::from(Serde(step.place)),
            node => if step.place == StepPlace::Node { Rich::code(&step.node) } else { Rich::default() },
            risk => Value::from(Serde(step.risk)),
            command => step.command.as_str(),
            language => step.language,
            // What goes without saying stands above the steps once.
            expect => if is_silent(&step.expect) { Rich::default() } else { s.text(&step.expect) },
            verify => s.text(&step.verify),
            rollback => if step.risk == Risk::ReadOnly { Rich::default() } else { s.text(&step.rollback) },
            notes => s.sentences(&step.notes),
        }
    });
    steps.collect()
}
