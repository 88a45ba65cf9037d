//! Chapter 2.

use minijinja::context;
use minijinja::value::{Serde, Value};

use super::plan::{self, Part};
use super::{details, hypotheses};
use crate::model::Text;
use crate::report::compose::is_silent;
use crate::report::model::{
    CheckOutcome, DiffRow, Matrix, MatrixCell, PostMortem, RecoveryStep, Risk, Session, StepPlace, TriageCheck,
};
use crate::report::render::blanks::Slot;
use crate::report::render::rich::{Inline, Rich};
use crate::report::render::scribe::Scribe;

/// Columns of the matrix in the body, and among the details; further nodes are in the JSON report.
const COLUMNS: usize = 6;
const MAX_COLUMNS: usize = 12;
/// Rows of the matrix in the body, as they are folded.
const ROWS: usize = 8;
/// Characters of an output that stand in a line of the body.
const OUTPUT: usize = 60;
/// Characters of a command that stands in a cell; a longer one stands in the runbook alone.
const WIDTH: usize = 96;
/// Characters of a command that stands below the steps of the body.
const COMMAND: usize = 1200;

/// Chapter 2.
pub(super) fn diagnosis(s: &mut Scribe<'_>) -> Value {
    let report = s.report;
    context! {
        triage => triage(s),
        triage_in_full => s.in_full(Part::Triage),
        triage_blanks => s.slot_items(Slot::Triage),
        sessions => report.sessions.iter().map(|session| session_shown(s, session)).collect::<Vec<_>>(),
        analysis => s.first(&report.analysis, Part::Analysis),
        analysis_more => s.more(Part::Analysis, report.analysis.len()),
        analysis_blanks => s.slot_items(Slot::Analysis),
        matrix => matrix(s),
        diff => diff(s),
        hypotheses => hypotheses::verdicts(s),
        hypotheses_in_full => s.in_full(Part::Hypotheses),
        localisation => s.sentences(&report.localisation),
        localisation_blanks => s.slot_items(Slot::Localisation),
        recovery => recovery(s),
        commands => commands(s),
        steps_more => s.report.recovery.len().saturating_sub(plan::STEPS),
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
    let told = s.report.triage.iter();
    let checks = told
        .filter(|check| check.outcome != CheckOutcome::NotApplicable)
        .map(|check| {
            context! {
                title => s.text(&check.title),
                outcome => Value::from(Serde(check.outcome)),
                glyph => glyph(check.outcome).to_string(),
                command => Rich::code(&check.command),
                output => Rich::code(&output(check)),
                session => session_in_short(check),
                note => first_clause(s, &check.note),
                refs => s.refs(&check.refs),
            }
        });
    checks.collect()
}

/// The name of an outcome in the words of a language, as in the JSON report.
fn outcome_id(outcome: CheckOutcome) -> &'static str {
    match outcome {
        CheckOutcome::Pass => "pass",
        CheckOutcome::Fail => "fail",
        CheckOutcome::Risk => "risk",
        CheckOutcome::Unknown => "unknown",
        CheckOutcome::NotApplicable => "not-applicable",
    }
}

/// What a check's command prints, on one line: the first line, and how many more there are, which are among the details.
fn output(check: &TriageCheck) -> String {
    let mut lines = check.observed.iter().flat_map(|block| block.lines());
    let Some(first) = lines.next() else {
        return String::new();
    };
    let mut shown: String = first.chars().take(OUTPUT).collect();
    match lines.count() {
        0 => {}
        more => shown.push_str(&format!(" (+{more})")),
    }
    format!("# {shown}")
}

/// What the commands of the checks would print follows them as comments, as a person would paste a session into a report.
pub(super) fn sessions_of_checks(s: &Scribe<'_>) -> Vec<Value> {
    let shown = s.report.triage.iter().filter(|check| is_for_details(check));
    let blocks = shown.flat_map(|check| {
        // What was found stands after what was done: heading, session, verdict.
        let outcome = s
            .words
            .outcome
            .get(outcome_id(check.outcome))
            .map_or("", String::as_str);
        let mut verdict = Rich::parse(&format!("{} {outcome}", glyph(check.outcome)));
        if !check.note.is_empty() {
            verdict.append(&s.words.joint.colon, s.text(&check.note));
        }
        verdict.append(" ", s.refs(&check.refs));
        [
            details::code(s.text(&check.title), &session(check), "bash"),
            details::note(verdict),
        ]
    });
    blocks.collect()
}

/// True for a check with more to say than the body's line: its output, the rest of its note, or that it had nothing to look at.
pub(super) fn is_for_details(check: &TriageCheck) -> bool {
    !check.observed.is_empty() || !check.note.is_empty()
}

/// A check's command and the first line that it prints; what the details say in full.
fn session_in_short(check: &TriageCheck) -> String {
    let lines = [check.command.clone(), output(check)];
    let lines: Vec<String> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

fn session(check: &TriageCheck) -> String {
    let observed = check.observed.iter().flat_map(|block| block.lines());
    let observed = observed.map(|line| format!("# {line}"));
    let command = Some(check.command.clone()).filter(|command| !command.is_empty());
    command.into_iter().chain(observed).collect::<Vec<_>>().join("\n")
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
    let (kept, _) = body_rows(matrix);
    let rows = kept.into_iter().map(|row| {
        let cells: Vec<Value> = row
            .cells
            .iter()
            .take(COLUMNS)
            .map(|cell| matrix_cell(s, cell))
            .collect();
        context! { name => names(s, &row), cells }
    });
    Some(context! {
        columns => matrix.columns.iter().take(COLUMNS).map(|column| head(s, column)).collect::<Vec<_>>(),
        rows => rows.collect::<Vec<_>>(),
        in_full => s.in_full(Part::Matrix),
        source => s.sentence(&matrix.source),
    })
}

/// The rows of the matrix that the body shows, and how many it does not: of many, those in which all is well go first.
fn body_rows(matrix: &Matrix) -> (Vec<FoldedRow<'_>>, usize) {
    let mut rows = folded(matrix);
    let left = rows.len().saturating_sub(ROWS);
    let is_well = |row: &FoldedRow<'_>| row.cells.iter().all(|cell| cell.outcome == Some(CheckOutcome::Pass));
    if left > 0 {
        rows.sort_by_key(is_well);
        rows.truncate(ROWS);
    }
    (rows, left)
}

/// True where the body does not show the whole matrix.
pub(super) fn is_matrix_cut(report: &PostMortem) -> bool {
    let matrix = report.matrix.as_ref();
    matrix.is_some_and(|matrix| matrix.columns.len() > COLUMNS || body_rows(matrix).1 > 0)
}

/// The matrix with every row and up to [`MAX_COLUMNS`] nodes.
pub(super) fn whole_matrix(s: &Scribe<'_>) -> Vec<Value> {
    let Some(matrix) = &s.report.matrix else {
        return Vec::new();
    };
    let columns = matrix.columns.iter().take(MAX_COLUMNS);
    let rows = folded(matrix).into_iter().map(|row| {
        let name = names(s, &row);
        let cells = row.cells.iter().map(|cell| cell_shown(s, cell));
        std::iter::once(name).chain(cells).collect()
    });
    vec![details::table(
        &["container"],
        columns.map(|column| head(s, column)).collect(),
        rows.collect(),
    )]
}

fn names(s: &Scribe<'_>, row: &FoldedRow<'_>) -> Rich {
    Rich::join(row.names.iter().map(|name| Rich::code(name)), &s.words.joint.list)
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

fn cell_shown(s: &Scribe<'_>, cell: &MatrixCell) -> Rich {
    let mut shown = Rich::parse(&cell.outcome.map_or('–', glyph).to_string());
    shown.append(" ", s.cited(&cell.text, &cell.refs));
    shown
}

fn matrix_cell(s: &Scribe<'_>, cell: &MatrixCell) -> Value {
    let shown = cell_shown(s, cell);
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
    let kept = plan::differences(s.report);
    let left = s.report.diff.len().saturating_sub(kept.len());
    let rows = kept.into_iter().map(|row| {
        context! {
            datum => datum(s, row),
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
        more => s.left(Part::Difference, left),
        about => about.map(|about| s.sentence(&about.text)).unwrap_or_default(),
        equal => about.map(|about| about.equal),
    }
}

fn datum(s: &Scribe<'_>, row: &DiffRow) -> Rich {
    Rich::parse(s.words.datum.get(&row.datum).unwrap_or(&row.datum))
}

/// Every difference that the report has, those that the matrix shows too.
pub(super) fn whole_difference(s: &Scribe<'_>) -> Vec<Value> {
    let rows = s.report.diff.iter().map(|row| {
        let mut subject = s.subject(&row.subject);
        subject.append(" ", Rich::code(&row.path));
        vec![
            datum(s, row),
            subject,
            s.text(&row.expected),
            s.text(&row.actual),
            s.refs(&row.refs),
        ]
    });
    vec![details::table(
        &["datum", "subject", "expected", "actual", "evidence"],
        Vec::new(),
        rows.collect(),
    )]
}

/// The first clause of a text; all of it where the languages would be cut at different places.
fn first_clause(s: &Scribe<'_>, text: &Text) -> Rich {
    let names = |text: &str| {
        let cut = clause(Rich::parse(text));
        cut.0.iter().filter(|part| matches!(part, Inline::Code(_))).count()
    };
    if names(&text.zh) == names(&text.en) {
        clause(s.text(text))
    } else {
        s.text(text)
    }
}

/// What stands before the first semicolon, bracket or full stop of its words: a cell has room for no more.
fn clause(rich: Rich) -> Rich {
    let mut short = Rich::default();
    for part in rich.0 {
        match part {
            Inline::Text(text) => {
                let ends = CLAUSE_ENDS.iter().filter_map(|end| text.find(end));
                if let Some(at) = ends.min() {
                    short.push(text.get(..at).unwrap_or_default());
                    break;
                }
                short.push(&text);
            }
            other => short.0.push(other),
        }
    }
    short
}

/// Where a clause ends, in both languages.
const CLAUSE_ENDS: [&str; 6] = ["；", "（", "。", "; ", " (", ". "];

/// A command for a cell: one line of it, and a sign where there is more; nothing where a line says nothing.
fn brief(step: &RecoveryStep) -> String {
    let first = super::overview::first_line(&step.command);
    let is_whole = step.command.lines().nth(1).is_none();
    match (step.language, first.chars().count() <= WIDTH) {
        ("bash", true) if is_whole => first.to_owned(),
        ("bash", true) => format!("{first} …"),
        _ => String::new(),
    }
}

/// The commands of the body's steps that rebuild something from its own arguments, in full: what they do stands in these alone.
fn commands(s: &Scribe<'_>) -> Vec<Value> {
    let steps = s.report.recovery.iter().enumerate().take(plan::STEPS);
    let long = steps.filter(|(_, step)| is_rebuilt(step));
    let shown = long.map(|(index, step)| {
        let id = format!("R{}", index.saturating_add(1));
        context! { link => s.reference(&id), command => joined(&step.command) }
    });
    shown.collect()
}

/// True for one command whose arguments stand on lines of their own, unless it fills a page.
fn is_rebuilt(step: &RecoveryStep) -> bool {
    let goes_on = step.command.lines().next().is_some_and(|line| line.ends_with('\\'));
    let command = joined(&step.command);
    step.language == "bash" && goes_on && command.lines().nth(1).is_none() && command.chars().count() <= COMMAND
}

/// Arguments that stand on lines of their own, one after the other: the same command in less room.
fn joined(command: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in command.trim_end().lines() {
        let (text, continues) = match line.strip_suffix('\\') {
            Some(text) => (text.trim_end(), true),
            None => (line, false),
        };
        match lines.last_mut().filter(|_| goes_on) {
            Some(last) => {
                last.push(' ');
                last.push_str(text.trim_start());
            }
            None => lines.push(text.to_owned()),
        }
        goes_on = continues;
    }
    lines.join("\n")
}

fn recovery(s: &Scribe<'_>) -> Vec<Value> {
    let steps = s.report.recovery.iter().enumerate().map(|(index, step)| {
        let id = format!("R{}", index.saturating_add(1));
        context! {
            link => s.reference(&id),
            id,
            brief => Rich::code(&brief(step)),
            in_body => index < plan::STEPS,
            is_below => is_rebuilt(step),
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
            done => first_clause(s, &step.verify),
            verify => s.text(&step.verify),
            rollback => if step.risk == Risk::ReadOnly { Rich::default() } else { s.text(&step.rollback) },
            notes => s.sentences(&step.notes),
        }
    });
    steps.collect()
}
