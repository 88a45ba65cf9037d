//! What the body of a report holds, and what stands in the appendices "Recovery runbook" and "Details" instead. The body is four printed
//! pages at most, so every list of it has a limit; what is beyond it, or only needed to look closer, has a numbered entry among the details.

use crate::report::model::{CheckOutcome, Impact, PostMortem, ResourceRow, Sentence, TimelineKind, TimelineRow};

/// Symptoms in the body.
const SYMPTOMS: usize = 4;
/// Affected resources in the body.
const RESOURCES: usize = 5;
/// Rows of the timeline in the body.
const TIMELINE: usize = 19;
/// Paragraphs of the analysis in the body.
const ANALYSIS: usize = 4;
/// Differences from the baseline in the body.
const DIFFERENCES: usize = 4;
/// Questions with competing hypotheses in the body.
const HYPOTHESES: usize = 2;
/// Direct causes in the body.
const DIRECT: usize = 3;
/// Contributing factors in the body.
const FACTORS: usize = 5;
/// Alternatives that were ruled out, beside those of the hypotheses, in the body.
const RULED_OUT: usize = 4;
/// Conflicts and open questions in the body.
const OPEN: usize = 7;
/// Failures without an explanation in the body.
const UNEXPLAINED: usize = 2;
/// Lines of logs for each of those.
pub(super) const COMPLAINTS: usize = 3;
/// Steps of the recovery in the body's table.
pub(super) const STEPS: usize = 14;
/// Long-term actions in the body.
const LONG_TERM: usize = 4;
/// Questions for the review in the body.
const QUESTIONS: usize = 0;

/// A part of the details, in the order in which they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report::render) enum Part {
    Symptoms,
    Resources,
    Timeline,
    Triage,
    Analysis,
    Matrix,
    Difference,
    Hypotheses,
    Direct,
    Factors,
    RuledOut,
    Open,
    Unexplained,
    Actions,
    Questions,
}

const PARTS: [Part; 15] = [
    Part::Symptoms,
    Part::Resources,
    Part::Timeline,
    Part::Triage,
    Part::Analysis,
    Part::Matrix,
    Part::Difference,
    Part::Hypotheses,
    Part::Direct,
    Part::Factors,
    Part::RuledOut,
    Part::Open,
    Part::Unexplained,
    Part::Actions,
    Part::Questions,
];

/// The parts of the details that a report has, numbered, and its steps.
#[derive(Debug, Default)]
pub(in crate::report::render) struct Plan {
    parts: Vec<Part>,
    steps: usize,
}

impl Plan {
    /// What of this report does not stand in the body.
    pub(in crate::report::render) fn of(report: &PostMortem) -> Self {
        let is_needed = |part: &Part| match part {
            Part::Symptoms => report.symptoms.len() > SYMPTOMS,
            Part::Resources => resources(report).1 > 0,
            Part::Timeline => timeline(&report.timeline).len() < report.timeline.len(),
            Part::Triage => report.triage.iter().any(super::diagnosis::is_for_details),
            Part::Analysis => report.analysis.len() > ANALYSIS,
            Part::Matrix => super::diagnosis::is_matrix_cut(report),
            Part::Difference => differences(report).len() < report.diff.len(),
            Part::Hypotheses => report.hypotheses.is_some() || !report.further_hypotheses.is_empty(),
            Part::Direct => report.direct_causes.len() > DIRECT,
            Part::Factors => report.contributing.len() > FACTORS,
            Part::RuledOut => ruled_out(report).len() > RULED_OUT,
            Part::Open => !report.conflicts.is_empty() || report.open_questions.len() > OPEN,
            Part::Unexplained => {
                report.unexplained.len() > UNEXPLAINED
                    || report
                        .unexplained
                        .iter()
                        .any(|thing| thing.complaints.len() > COMPLAINTS)
            }
            Part::Actions => report
                .actions
                .iter()
                .any(|action| !action.immediate && !action.command.is_empty()),
            Part::Questions => report.lessons.questions.len() > QUESTIONS,
        };
        Self {
            parts: PARTS.into_iter().filter(is_needed).collect(),
            steps: report.recovery.len(),
        }
    }

    /// `D3`, where the report has this part.
    pub(in crate::report::render) fn id(&self, part: Part) -> Option<String> {
        let at = self.parts.iter().position(|known| *known == part)?;
        Some(format!("D{}", at.saturating_add(1)))
    }

    /// True for the id of a part (`D3`) or of a step (`R7`) that the report has.
    pub(in crate::report::render) fn has(&self, id: &str) -> bool {
        let below = |prefix: char, count: usize| {
            let number = id.strip_prefix(prefix).and_then(|number| number.parse::<usize>().ok());
            number.is_some_and(|number| (1..=count).contains(&number))
        };
        below('D', self.parts.len()) || below('R', self.steps)
    }
}

/// A part's own limit: how much of such a list the body holds.
pub(in crate::report::render) fn limit(part: Part) -> usize {
    match part {
        Part::Symptoms => SYMPTOMS,
        Part::Resources => RESOURCES,
        Part::Timeline => TIMELINE,
        Part::Analysis => ANALYSIS,
        Part::Difference => DIFFERENCES,
        Part::Hypotheses => HYPOTHESES,
        Part::Direct => DIRECT,
        Part::Factors => FACTORS,
        Part::RuledOut => RULED_OUT,
        Part::Open => OPEN,
        Part::Unexplained => UNEXPLAINED,
        Part::Actions => LONG_TERM,
        Part::Questions => QUESTIONS,
        Part::Triage | Part::Matrix => usize::MAX,
    }
}

/// What suffers, the worst first, then what is as it was; and how many rows of it are left to the details: all of the second, and of the
/// first what is beyond the limit.
pub(super) fn resources(report: &PostMortem) -> (Vec<&ResourceRow>, usize) {
    let mut rows: Vec<&ResourceRow> = report.resources.iter().collect();
    // Whether what is in its expected state works may be unknown; it is no part of what broke.
    let is_well = |row: &ResourceRow| row.impact == Impact::None || row.expected == row.actual;
    rows.sort_by_key(|row| (is_well(row), row.impact));
    let harmed = rows.iter().filter(|row| !is_well(row)).count();
    let shown = if harmed == 0 { rows.len() } else { harmed }.min(RESOURCES);
    let left = rows.len().saturating_sub(shown);
    (rows, left)
}

/// The rows of the timeline in the body: what a person did or noticed, the trigger and the collections, of the baseline too, always stay; of the rest what broke
/// comes before what merely changed, what was done to many before what was done to one, and each nearest to the beginning of the incident.
pub(in crate::report::render) fn timeline(rows: &[TimelineRow]) -> Vec<&TimelineRow> {
    let stays = |row: &TimelineRow| {
        row.when.is_none()
            || matches!(
                row.kind,
                TimelineKind::Trigger
                    | TimelineKind::Detection
                    | TimelineKind::Response
                    | TimelineKind::Recovery
                    | TimelineKind::Collection
            )
            || rows.last().is_some_and(|last| std::ptr::eq(last, row))
    };
    let second = |row: &TimelineRow| row.when.as_ref().map(|when| when.latest.as_second());
    let triggered = rows.iter().find(|row| row.kind == TimelineKind::Trigger);
    let start = triggered.or(rows.first()).and_then(second).unwrap_or_default();
    let mut others: Vec<(usize, &TimelineRow)> = rows.iter().enumerate().filter(|(_, row)| !stays(row)).collect();
    let room = TIMELINE.saturating_sub(rows.len().saturating_sub(others.len()));
    others.sort_by_key(|(index, row)| {
        let broke = matches!(row.kind, TimelineKind::Failure | TimelineKind::Symptom);
        let near = second(row).unwrap_or_default().abs_diff(start);
        (!broke, broke || row.count <= 1, near, *index)
    });
    others.truncate(room);
    let kept = |index: usize| others.iter().any(|(known, _)| *known == index);
    let all = rows.iter().enumerate();
    all.filter(|(index, row)| stays(row) || kept(*index))
        .map(|(_, row)| row)
        .take(TIMELINE.saturating_mul(2))
        .collect()
}

/// The differences in the body: what is lost first, then what a finding builds on.
pub(super) fn differences(report: &PostMortem) -> Vec<&crate::report::model::DiffRow> {
    let failing = |name: &str| {
        let rows = report.matrix.iter().flat_map(|matrix| &matrix.rows);
        rows.filter(|row| row.name == name)
            .flat_map(|row| &row.cells)
            .any(|cell| cell.outcome == Some(CheckOutcome::Fail))
    };
    let mut rows: Vec<_> = report.diff.iter().collect();
    rows.sort_by_key(|row| !(row.subject.kind == "HostContainer" && failing(&row.subject.name)));
    rows.truncate(DIFFERENCES);
    rows
}

/// What chapter 3.4 says beside the hypotheses that the comparison of chapter 2.2.3 rules out.
pub(super) fn ruled_out(report: &PostMortem) -> Vec<&Sentence> {
    let tables = report.hypotheses.iter().chain(&report.further_hypotheses);
    let compared: Vec<&str> = tables
        .flat_map(|table| &table.columns)
        .map(|column| column.zh.as_str())
        .collect();
    let is_compared = |sentence: &Sentence| {
        let claim = sentence.text.zh.split_once('：').map(|(claim, _)| claim);
        claim.is_some_and(|claim| compared.contains(&claim))
    };
    report
        .ruled_out
        .iter()
        .filter(|sentence| !is_compared(sentence))
        .collect()
}
