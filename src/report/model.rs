//! The typed report. Its JSON is what other programs rely on, so its keys change only with [`SCHEMA_VERSION`].
//!
//! Every [`Text`] may hold stretches between [`crate::model::CODE_OPEN`] and [`crate::model::CODE_CLOSE`]: names, commands and
//! quotes. Everything here is already masked; nothing here is escaped, which is each renderer's own task.

mod appendix;
mod blanks;
mod changes;

use jiff::Timestamp;
use serde::Serialize;

pub use self::appendix::{AppliedRow, Check, ClockRow, Gap, GapReason, RedactionRow};
pub use self::blanks::{Answer, Blank, BlankIndex};
pub use crate::model::{ActionKind, Lesson, Risk, StepPlace};
use crate::model::{CitationKind, Confidence, Level, Listing, QuoteLine, Subject, Text, When};
pub use changes::{
    Comparison, Complaint, DiffAbout, DiffGroup, DiffRow, NarrowingView, NodeDifferenceRow, PodDifferenceRow,
    UnexplainedView,
};

/// The version of the JSON report, semantic: a new key is minor, a changed or removed one major.
pub const SCHEMA_VERSION: &str = "1.7";

/// A whole report.
#[derive(Debug, Clone, Serialize)]
pub struct PostMortem {
    /// [`SCHEMA_VERSION`].
    pub schema_version: &'static str,
    /// The time that somebody stamped it with; casefile itself reads no clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generated_at: Option<Timestamp>,
    /// Which casefile wrote it.
    pub tool: Tool,
    /// What was read; the incident's bundles first, baselines last.
    pub bundles: Vec<BundleRef>,
    /// What the analysis was narrowed to; none when all was looked at.
    pub narrowing: Option<NarrowingView>,
    /// Title, summary, severity, window.
    pub incident: Incident,
    /// Best first; empty for a bundle without an incident.
    pub root_causes: Vec<RootCause>,
    /// Everything the rules found, causes and symptoms.
    pub findings: Vec<FindingView>,
    /// Chapter 1.2: what is visibly wrong, grouped.
    pub symptoms: Vec<Sentence>,
    /// Chapter 1.3.
    pub resources: Vec<ResourceRow>,
    /// Chapter 1.4, in time order; the collection is the last row.
    pub timeline: Vec<TimelineRow>,
    /// Chapter 2.1.
    pub triage: Vec<TriageCheck>,
    /// Chapter 2.2: commands that tell rival causes apart, with what the bundle says they would print.
    pub sessions: Vec<Session>,
    /// Chapter 2.2: paragraphs of the comparison and of discriminating facts.
    pub analysis: Vec<Sentence>,
    /// Chapter 2.2.1.
    pub matrix: Option<Matrix>,
    /// Chapter 2.2.2; only differences.
    pub diff: Vec<DiffRow>,
    /// What `diff` compared, and how well the two sides compare.
    pub diff_about: Option<DiffAbout>,
    /// Chapter 2.2.3: what else could have done it.
    pub hypotheses: Option<Hypotheses>,
    /// Chapter 2.2.3: questions of their own, such as what set it off, each with its own hypotheses.
    pub further_hypotheses: Vec<Hypotheses>,
    /// Chapter 2.3.
    pub localisation: Vec<Sentence>,
    /// Chapter 2.4.
    pub recovery: Vec<RecoveryStep>,
    /// Chapter 3.1.
    pub direct_causes: Vec<Sentence>,
    /// Chapter 3.2.
    pub contributing: Vec<Contributing>,
    /// Chapter 3.3.
    pub causal: CausalGraph,
    /// Chapter 3.4.
    pub ruled_out: Vec<Sentence>,
    /// Chapter 3.5: contradictions first, then open questions.
    pub open_questions: Vec<Sentence>,
    /// Chapter 3.5: what the contradictions come to in a few words, in the order in which `open_questions` begins with them.
    pub conflicts: Vec<Sentence>,
    /// Chapter 3.5: what fails and is not explained by any rule.
    pub unexplained: Vec<UnexplainedView>,
    /// Chapters 4.1 and 4.2.
    pub actions: Vec<Action>,
    /// Chapter 5.
    pub lessons: Lessons,
    /// Appendix A, in order of first mention.
    pub evidence: Vec<EvidenceItem>,
    /// Background knowledge that sentences cite as `K1`…
    pub knowledge: Vec<Knowledge>,
    /// Appendix B: what could not be read, and what that costs.
    pub gaps: Vec<Gap>,
    /// Appendix C.
    pub clock: Vec<ClockRow>,
    /// Appendix D.
    pub redactions: Vec<RedactionRow>,
    /// Appendix E.
    pub checks: Vec<Check>,
    /// Appendix G: fields of manifests that are otherwise in the cluster.
    pub applied: Vec<AppliedRow>,
    /// Appendix H: settings in which nodes differ.
    pub node_differences: Vec<NodeDifferenceRow>,
    /// Appendix I: what is otherwise with a pod than with its siblings.
    pub pod_differences: Vec<PodDifferenceRow>,
    /// Every place for a person to fill.
    pub blanks: Vec<Blank>,
    /// What people filled in.
    pub answers: Vec<Answer>,
    /// True where a bundle could not be read to its end; programs see it among the gaps.
    #[serde(skip)]
    pub is_cut: bool,
    /// What wording of users' rules could not be said, for whoever runs the program; not part of the report.
    #[serde(skip)]
    pub remarks: Vec<String>,
}

impl PostMortem {
    /// True when a check of the system came to a verdict.
    pub fn is_judged(&self) -> bool {
        let is_open = |check: &Check| matches!(check.outcome, CheckOutcome::Unknown | CheckOutcome::NotApplicable);
        self.checks.iter().any(|check| !check.is_of_material && !is_open(check))
    }

    /// True when a check of the system passed. That the bundle itself is in order says nothing of it.
    pub fn has_passed(&self) -> bool {
        let passed = |check: &Check| check.outcome == CheckOutcome::Pass && !check.is_of_material;
        self.checks.iter().any(passed)
    }
}

/// Which program and rules made the report.
#[derive(Debug, Clone, Serialize)]
pub struct Tool {
    /// `casefile`.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// How many rules were tried.
    pub rules: usize,
    /// Digest (SHA-256) of all that those rules say, users' rules with them.
    pub rules_sha256: String,
}

/// One bundle that was read.
#[derive(Debug, Clone, Serialize)]
pub struct BundleRef {
    /// Short name used in citations.
    pub alias: String,
    /// File or directory name, without the path on the analyst's machine.
    pub input: String,
    /// Who made it.
    pub layout: String,
    /// Digest of the archive's bytes, or of a directory's sorted contents.
    pub sha256: String,
    /// The reference time.
    pub collected_at: Option<When>,
    /// Nodes with evidence of their own.
    pub nodes: Vec<String>,
    /// Number of files.
    pub files: u64,
    /// `incident` or `baseline`.
    pub role: &'static str,
}

/// What happened, in one card.
#[derive(Debug, Clone, Serialize)]
pub struct Incident {
    /// The title of the report.
    pub title: Text,
    /// `draft`, until a person says `review`, `reviewed` or `closed`.
    pub status: &'static str,
    /// Three to five sentences; the first names what broke.
    pub summary: Vec<Sentence>,
    /// Proposed severity; none when nothing is wrong.
    pub severity: Option<Severity>,
    /// First and last abnormal moment in the evidence.
    pub window: Option<Window>,
    /// Technical scope, one sentence.
    pub scope: Sentence,
    /// Versions, node count, runtime: label and value.
    pub environment: Vec<Labelled>,
}

/// First and last abnormal moment.
#[derive(Debug, Clone, Serialize)]
pub struct Window {
    /// First.
    pub start: When,
    /// Last; the collection, where it was still so then.
    pub end: When,
    /// True where it was still so at collection.
    pub ongoing: bool,
    /// Evidence ids.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refs: Vec<String>,
}

/// A proposal, never the final word.
#[derive(Debug, Clone, Serialize)]
pub struct Severity {
    /// `P1`…`P4`.
    pub suggested: &'static str,
    /// Lowest and highest level that the data leaves open, best first.
    pub range: Vec<&'static str>,
    /// Ids of the severity rules that hold, such as `SEV-M1`.
    pub rules: Vec<&'static str>,
    /// Why, in one sentence.
    pub reason: Sentence,
}

impl Severity {
    /// `P2`, or `P1–P2` where the data leaves a range: the same wherever it is shown.
    pub fn level(&self) -> String {
        match self.range.as_slice() {
            [first, .., last] if first != last => format!("{first}–{last}"),
            _ => self.suggested.to_owned(),
        }
    }
}

/// A label with a cited value.
#[derive(Debug, Clone, Serialize)]
pub struct Labelled {
    /// What it is.
    pub label: Text,
    /// Its value.
    pub value: Text,
    /// Evidence ids.
    pub refs: Vec<String>,
}

/// A sentence with what supports it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Sentence {
    /// The sentence.
    pub text: Text,
    /// Evidence and knowledge ids (`E7`, `K1`), in the order in which they should be shown.
    pub refs: Vec<String>,
    /// Confidence, where the sentence states a cause or a state.
    pub confidence: Option<Confidence>,
}

/// One root cause.
#[derive(Debug, Clone, Serialize)]
pub struct RootCause {
    /// Rule id.
    pub rule: String,
    /// What broke, in one line.
    pub title: Text,
    /// What a person would fix.
    pub subject: Subject,
    /// Field or `file:line` of the subject.
    pub path: String,
    /// How sure.
    pub confidence: Confidence,
    /// The findings that state it.
    pub findings: Vec<String>,
    /// The findings that it explains.
    pub explains: Vec<String>,
    /// What merely suffers.
    pub affected: Vec<Subject>,
    /// What changed about it: since the baseline, and inside the bundle just before.
    pub changes: Vec<Sentence>,
}

/// One finding.
#[derive(Debug, Clone, Serialize)]
pub struct FindingView {
    /// `F1`…
    pub id: String,
    /// Rule id.
    pub rule: String,
    /// Level.
    pub level: Level,
    /// Confidence.
    pub confidence: Confidence,
    /// What it says, in one line.
    pub title: Text,
    /// What it is about.
    pub subject: Subject,
    /// Field or `file:line`.
    pub path: String,
    /// What merely suffers.
    pub affected: Vec<Subject>,
    /// First time the evidence shows it.
    pub first_seen: Option<When>,
    /// Last time.
    pub last_seen: Option<When>,
    /// How often it was seen, where that is known.
    pub count: u64,
    /// Evidence ids.
    pub evidence: Vec<String>,
    /// Ids of findings that cause this one.
    pub caused_by: Vec<String>,
    /// Ids of risks that made it possible or kept it from mending; they did not set it off.
    pub aggravated_by: Vec<String>,
    /// True for symptoms, which are never a root cause.
    pub symptom: bool,
    /// True when it holds in the baseline too, so that it is no difference between good and bad.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub in_baseline: bool,
}

/// One row of chapter 1.3.
#[derive(Debug, Clone, Serialize)]
pub struct ResourceRow {
    /// What.
    pub subject: Subject,
    /// What should be.
    pub expected: Text,
    /// What is.
    pub actual: Text,
    /// First abnormal moment.
    pub first_seen: Option<When>,
    /// What that means for users of the resource.
    pub impact: Impact,
    /// Why the impact is not known, and which one is to be expected; empty where nothing has to be said.
    pub note: Text,
    /// Id of the blank that asks what it was for, where that is for people to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blank: Option<String>,
    /// Evidence ids.
    pub refs: Vec<String>,
}

/// The effect on a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Impact {
    /// Nothing serves.
    Interrupted,
    /// Less than desired serves.
    Degraded,
    /// It runs, and cannot be managed.
    ManagementLimited,
    /// No direct effect.
    None,
    /// The data does not tell.
    Unknown,
}

/// The kind of a timeline row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimelineKind {
    /// Somebody or something changed the system.
    Change,
    /// The change that set the incident off.
    Trigger,
    /// Something that should be there went.
    Failure,
    /// Something stopped working.
    Symptom,
    /// The system repaired itself.
    SelfHeal,
    /// Somebody or something noticed.
    Detection,
    /// Somebody did something about it.
    Response,
    /// It worked again.
    Recovery,
    /// The bundle was collected.
    Collection,
}

/// One row of the timeline.
#[derive(Debug, Clone, Serialize)]
pub struct TimelineRow {
    /// When; none for a milestone that only a person knows (see `blank`).
    pub when: Option<When>,
    /// Node or object.
    pub subject: String,
    /// Category.
    pub kind: TimelineKind,
    /// What happened.
    pub text: Text,
    /// How often it repeats until `until`.
    pub count: u64,
    /// End of a folded repeat.
    pub until: Option<When>,
    /// Evidence ids.
    pub refs: Vec<String>,
    /// Id of the blank that stands here instead of a time.
    pub blank: Option<String>,
    /// True when its order to the row before cannot be established.
    pub order_unknown: bool,
}

/// The outcome of a check: to have looked and to be well are two things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckOutcome {
    /// Looked, and it is well.
    Pass,
    /// Looked, and it is not.
    Fail,
    /// Looked, and found what may make an incident possible or worse, and is none by itself.
    Risk,
    /// Could not look.
    Unknown,
    /// Looked, and nothing that it is about is there.
    NotApplicable,
}

/// One check of chapter 2.1: the command that a person would type, and what the bundle says it would print.
#[derive(Debug, Clone, Serialize)]
pub struct TriageCheck {
    /// What is checked.
    pub title: Text,
    /// Outcome.
    pub outcome: CheckOutcome,
    /// Equivalent command; empty when there is none.
    pub command: String,
    /// Lines observed, quoted.
    pub observed: Vec<String>,
    /// What that means, or why it could not be judged.
    pub note: Text,
    /// Evidence ids.
    pub refs: Vec<String>,
}

/// A command and what it shows in a few words.
#[derive(Debug, Clone, Serialize)]
pub struct Session {
    /// The command.
    pub command: String,
    /// What it prints.
    pub observed: Text,
    /// Evidence ids.
    pub refs: Vec<String>,
}

/// A matrix of nodes (columns) and system containers (rows).
#[derive(Debug, Clone, Serialize)]
pub struct Matrix {
    /// Column heads: node and role.
    pub columns: Vec<String>,
    /// Rows.
    pub rows: Vec<MatrixRow>,
    /// Where the expected states come from.
    pub source: Sentence,
}

/// One row of the matrix.
#[derive(Debug, Clone, Serialize)]
pub struct MatrixRow {
    /// Container name.
    pub name: String,
    /// One cell for each column.
    pub cells: Vec<MatrixCell>,
}

/// One cell.
#[derive(Debug, Clone, Serialize)]
pub struct MatrixCell {
    /// As it should be, wrong, or not known. `None` means not applicable for the node's role.
    pub outcome: Option<CheckOutcome>,
    /// Words: running, exited (0) as expected, missing.
    pub text: Text,
    /// Evidence ids.
    pub refs: Vec<String>,
}

/// Competing hypotheses, after Heuer.
#[derive(Debug, Clone, Serialize)]
pub struct Hypotheses {
    /// What they are answers to; empty where a rule does not say it.
    pub question: Text,
    /// The hypotheses: columns.
    pub columns: Vec<Text>,
    /// The evidence: rows.
    pub rows: Vec<HypothesisRow>,
    /// The verdict of each column.
    pub verdicts: Vec<Confidence>,
}

/// One piece of evidence against every hypothesis.
#[derive(Debug, Clone, Serialize)]
pub struct HypothesisRow {
    /// The evidence.
    pub sentence: Sentence,
    /// For each hypothesis: `++`, `+`, `0`, `-`, `--`.
    pub cells: Vec<&'static str>,
}

/// One proposed step. casefile executes none.
#[derive(Debug, Clone, Serialize)]
pub struct RecoveryStep {
    /// What for.
    pub purpose: Text,
    /// Where.
    pub place: StepPlace,
    /// Which node, where one is meant.
    pub node: String,
    /// Risk.
    pub risk: Risk,
    /// What has to hold before it, and how to see that without changing anything; empty for a step that only looks.
    pub precheck: Text,
    /// The command or patch, exactly as to be pasted; several lines when needed.
    pub command: String,
    /// `bash`, `yaml`, `toml`…
    pub language: &'static str,
    /// What it should print.
    pub expect: Text,
    /// How to see that it worked.
    pub verify: Text,
    /// How to undo it.
    pub rollback: Text,
    /// What a person has to know: a placeholder and how to get its value, an argument that looks odd and is right.
    pub notes: Vec<Sentence>,
    /// Where the command comes from.
    pub refs: Vec<String>,
}

/// One contributing factor of chapter 3.2.
#[derive(Debug, Clone, Serialize)]
pub struct Contributing {
    /// Id that actions point to: `C1`…
    pub id: String,
    /// The factor.
    pub sentence: Sentence,
    /// The line of a script or configuration that shows it; empty when there is none.
    pub code: String,
    /// What it is in the causal chain: a condition, or a barrier that did not hold.
    #[serde(skip)]
    pub kind: CausalKind,
    /// How it bears on the failure; empty where its kind says it.
    #[serde(skip)]
    pub mechanism: Text,
}

/// Kinds of a node in the causal graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CausalKind {
    /// Set it off.
    Trigger,
    /// Made it possible.
    Condition,
    /// Broke.
    Failure,
    /// Suffered.
    Impact,
    /// Should have prevented, noticed or healed it.
    Barrier,
}

/// A node of the causal graph.
#[derive(Debug, Clone, Serialize)]
pub struct CausalNode {
    /// `N1`…
    pub id: String,
    /// Kind.
    pub kind: CausalKind,
    /// Short label.
    pub label: Text,
    /// Confirmed is drawn solid, probable and possible dashed, undetermined dotted.
    pub confidence: Confidence,
    /// Evidence and knowledge ids.
    pub refs: Vec<String>,
}

/// An edge of the causal graph.
#[derive(Debug, Clone, Serialize)]
pub struct CausalEdge {
    /// From node id.
    pub from: String,
    /// To node id.
    pub to: String,
    /// The mechanism.
    pub label: Text,
    /// Evidence and knowledge ids; never empty.
    pub refs: Vec<String>,
}

/// The causal chain, at most twelve nodes.
#[derive(Debug, Clone, Default, Serialize)]
pub struct CausalGraph {
    /// Nodes, causes before effects.
    pub nodes: Vec<CausalNode>,
    /// Edges.
    pub edges: Vec<CausalEdge>,
}

/// One improvement of chapter 4.
#[derive(Debug, Clone, Serialize)]
pub struct Action {
    /// `A1`…
    pub id: String,
    /// Type.
    pub kind: ActionKind,
    /// True for 4.1, false for 4.2.
    pub immediate: bool,
    /// Verb first.
    pub text: Text,
    /// The contributing factor or cause that it answers: `C1`, `F2`.
    pub answers: String,
    /// Command or configuration; empty when there is none.
    pub command: String,
    /// `bash`, `yaml`…
    pub language: &'static str,
    /// A warning that belongs to the command.
    pub caution: Sentence,
    /// How to see that it is done.
    pub acceptance: Text,
    /// `P1`…`P3`.
    pub priority: &'static str,
    /// Ids of the blanks for owner and due date.
    pub owner_blank: String,
    /// See `owner_blank`.
    pub due_blank: String,
}

/// Chapter 5.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Lessons {
    /// One sentence.
    pub intro: Text,
    /// At most three: phrase and explanation.
    pub items: Vec<Lesson>,
    /// One recommendation.
    pub closing: Text,
    /// Three to five questions for the review.
    pub questions: Vec<Text>,
    /// Went well, with evidence only.
    pub went_well: Vec<Sentence>,
    /// Went wrong, with evidence only.
    pub went_wrong: Vec<Sentence>,
    /// Lucky, with evidence only.
    pub lucky: Vec<Sentence>,
}

/// One entry of appendix A.
#[derive(Debug, Clone, Serialize)]
pub struct EvidenceItem {
    /// `E1`…
    pub id: String,
    /// Direct, derived, absence.
    pub kind: CitationKind,
    /// Bundle alias.
    pub bundle: String,
    /// File inside the bundle.
    pub file: String,
    /// First and last line, 1-based.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<(u64, u64)>,
    /// JSON pointer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// Digest of the lines joined by `\n`, masked and whole, before long ones were cut for `quote`; with those that `unquoted` counts.
    pub sha256: String,
    /// At most twelve lines of at most 400 characters each; `⟨+n⟩` stands for `n` characters that are left out there.
    pub quote: Vec<QuoteLine>,
    /// The lines of the place that the digest covers and `quote` leaves out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unquoted: Option<Unquoted>,
    /// What of the quote the report's sentences rest on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
    /// When.
    pub time: Option<When>,
    /// For absence: what was searched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub searched: Option<Searched>,
}

/// Lines of a long place that are not shown.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Unquoted {
    /// How many.
    pub lines: u64,
    /// Whether something in them was masked, so that the digest cannot be computed from the file alone.
    pub masked: bool,
}

/// What an absence was looked for in.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Searched {
    /// Number of entries in the listing.
    pub entries: u64,
    /// Whether the listing is known to be complete.
    pub complete: bool,
    /// What kind of listing it is.
    pub listing: Listing,
}

/// Background knowledge: true of the component, not evidence about this cluster.
#[derive(Debug, Clone, Serialize)]
pub struct Knowledge {
    /// `K1`…
    pub id: String,
    /// The fact.
    pub text: Text,
    /// Source: file, document or thread, as text.
    pub reference: String,
}
