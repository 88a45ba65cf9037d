//! What a rule says of itself, as its YAML header has it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Ground, ObjectTest};
use crate::logs::SignatureSpec;
use crate::model::{ActionKind, Confidence, Level, Risk, StepPlace, Subject, Text};

/// What a finding of the rule can be in a cause graph.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It can be a root cause.
    #[default]
    Cause,
    /// It can be explained and can explain, and stands first only when nothing else does.
    Link,
    /// It is what people see; it is never the root cause while anything else explains it.
    Symptom,
    /// It made the incident possible or worse; it is reported as a contributing factor.
    Factor,
}

/// Something that may be seen to work, whatever a check's own data say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alive {
    /// The kubelet of every node, by the process lists of their machines.
    Kubelet,
    /// The container runtime of every node: it answered with a list of its containers.
    Runtime,
    /// The Docker engine of every node, likewise.
    Docker,
    /// The API server: Leases were renewed through it.
    ApiServer,
}

/// A rule's header. A test refuses one that lacks wording, remedy, prevention, sources or examples.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleHeader {
    /// Kebab-case, unique, never reused.
    pub id: String,
    /// Other ids by which the same failure is known, for those who look it up.
    #[serde(default)]
    pub also: Vec<String>,
    /// What it can be.
    #[serde(default)]
    pub role: Role,
    /// How bad a finding is.
    pub level: Level,
    /// True where all that is known of the subject is what its callers say. Such a symptom explains no caller's complaint of it, and
    /// whatever explains all callers explains it.
    #[serde(default)]
    pub hearsay: bool,
    /// Data without which the rule cannot judge. `a|b` means that either will do. The kinds that `objects` tests need not be named.
    #[serde(default)]
    pub needs: Vec<String>,
    /// What has to be in the bundle for the rule to have anything to judge, beside one of each of `needs`. Without it the check does not
    /// apply: to find nothing wrong with what is not there is no pass.
    #[serde(default)]
    pub meets: Vec<Meets>,
    /// True where the rows of a table of pods are enough to judge. For other rules pods that are known by nothing else show nothing: a
    /// row has neither messages nor fields.
    #[serde(default)]
    pub listing: bool,
    /// True where it judges what nodes last reported of themselves, which says nothing of what came after the report.
    #[serde(default)]
    pub reported: bool,
    /// What settles the check where its own data cannot: that this is seen to work after the incident began, by any source.
    #[serde(default)]
    pub settled_by: Option<Alive>,
    /// True where it takes a container that runs for a component that works, which says nothing where the container's main process is
    /// another program.
    #[serde(default)]
    pub by_containers: bool,
    /// True where it judges the bundle as material, and nothing of the system that it shows: its pass is no sign of health.
    #[serde(default)]
    pub material: bool,
    /// Rules that say it instead where their findings hold: this check is then theirs.
    #[serde(default)]
    pub yields_to: Vec<String>,
    /// Text signatures.
    #[serde(default)]
    pub text: Vec<SignatureSpec>,
    /// For rules without a function: how matches of `text` become findings.
    #[serde(default)]
    pub finds: Option<Subjects>,
    /// For rules without a function: conditions over objects.
    #[serde(default)]
    pub objects: Option<ObjectTest>,
    /// What is checked, for the list of checks.
    #[serde(default)]
    pub check: Text,
    /// What broke, in one line.
    pub title: Text,
    /// The report's title when this is the first root cause; `title` when not given.
    #[serde(default)]
    pub headline: Option<Text>,
    /// The summary's first sentence when this is the first root cause; `title` when not given.
    #[serde(default)]
    pub lead: Option<Text>,
    /// Since when it is so, for the summary; the time of the first evidence when not given.
    #[serde(default)]
    pub since: Option<Text>,
    /// The question that the hypotheses answer.
    #[serde(default)]
    pub question: Text,
    /// What it is called among the hypotheses; `title` when not given.
    #[serde(default)]
    pub hypothesis: Option<Text>,
    /// The direct cause, one or two sentences.
    #[serde(default)]
    pub cause: Text,
    /// Why it was possible.
    #[serde(default)]
    pub factors: Vec<FactorWording>,
    /// What it rules out, and why.
    #[serde(default)]
    pub rules_out: Vec<Text>,
    /// Other causes of the same state, which the comparison of hypotheses weighs.
    #[serde(default)]
    pub rivals: Vec<Rival>,
    /// Evidence that tells this cause from its rivals, the most telling first.
    #[serde(default)]
    pub weighing: Vec<Weighing>,
    /// Questions about the cause that have competing answers of their own, such as what set it off.
    #[serde(default)]
    pub inquiries: Vec<Inquiry>,
    /// What stays open.
    #[serde(default)]
    pub questions: Vec<Text>,
    /// Data that would answer the questions, and that no check asks for.
    #[serde(default)]
    pub asks: Vec<AskWording>,
    /// Which findings it may cause.
    #[serde(default)]
    pub causes: Vec<Effect>,
    /// Look-alikes that are normal, for `explain`.
    #[serde(default)]
    pub benign: Vec<Text>,
    /// How to recover.
    #[serde(default)]
    pub remedy: Vec<StepWording>,
    /// How to prevent it.
    #[serde(default)]
    pub prevention: Vec<ActionWording>,
    /// What the incident teaches, in one sentence.
    #[serde(default)]
    pub lesson: Text,
    /// Drafts of lessons; a report has room for three.
    #[serde(default)]
    pub lessons: Vec<LessonWording>,
    /// What went well by mere luck, as far as evidence shows it.
    #[serde(default)]
    pub lucky: Vec<LuckWording>,
    /// What is true of the component in general.
    #[serde(default)]
    pub knowledge: Vec<KnowledgeWording>,
    /// Where the strings and behaviour come from.
    #[serde(default)]
    pub sources: Vec<String>,
    /// The versions for which they hold.
    #[serde(default)]
    pub versions: String,
    /// Bundles in a nutshell: some fire, some must not.
    #[serde(default)]
    pub examples: Vec<Example>,
}

/// Things that a rule is about.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meets {
    /// Kinds, as the API spells them; `HostContainer` is a container of a host's runtime. One of any of them is enough.
    pub kinds: Vec<String>,
    /// Beginnings of names, one of which theirs has; any name where none is given.
    #[serde(default)]
    pub named: Vec<String>,
    /// How many of them there have to be.
    #[serde(default = "one_thing")]
    pub least: usize,
}

/// How matches of a text rule become findings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subjects {
    /// What a person would fix.
    pub subject: SubjectOf,
    /// The field or file, as a template over the captures.
    #[serde(default)]
    pub path: String,
    /// How sure a match makes.
    pub confidence: Confidence,
    /// A match counts only while its pod is not well now, so that resolved trouble is no cause; for a node, unless it and its pods
    /// are known to be well.
    #[serde(default)]
    pub only_while_failing: bool,
    /// For nodes: how many matches it takes.
    #[serde(default = "one")]
    pub least: u64,
    /// For applications and nodes: signatures that count while all is ready as well, whatever `only_while_failing` says; for nodes as
    /// long as anything fails.
    #[serde(default)]
    pub even_when_ready: Vec<String>,
    /// For applications: what a data store writes in its own log is about its clients, and no finding on it.
    #[serde(default)]
    pub clients_only: bool,
    /// For applications: it is about a peer that cannot be reached, so a peer that cannot be told is whatever is down beside it.
    #[serde(default)]
    pub out_of_reach: bool,
    /// For applications: signatures of refusals that a data store gives for its own sake. Then it is the subject, where it is known.
    #[serde(default)]
    pub server_side: Vec<String>,
    /// For applications: signatures of what only the peer can mend: a limit of its own, its certificate, a method that it does not know.
    /// Then the peer is the subject, where the line names it, or what it says is called after it, and it is a workload of the bundle.
    #[serde(default)]
    pub peer_side: Vec<String>,
    /// For applications and nodes: what is written once, be it as a mere warning, and holds until another line takes it back.
    #[serde(default)]
    pub lasting: Vec<Lasting>,
    /// For nodes: signatures by which somebody else tells that the node suffers from it. By themselves they are no finding.
    #[serde(default)]
    pub suffers: Vec<String>,
    /// For nodes: what another line takes back. It is over where the log goes on for long after that, by the kernel's own clock too.
    #[serde(default)]
    pub passing: Vec<Lasting>,
    /// For applications: signatures by which a program tells of a limit of its own: nobody else is to blame.
    #[serde(default)]
    pub own_limits: Vec<String>,
    /// For applications: what a server writes once about a limit of its own, and what counts while others get no answer from it.
    #[serde(default)]
    pub when_blamed: Vec<String>,
    /// For applications: lines that another line of the same log makes a mere consequence.
    #[serde(default)]
    pub set_aside: Vec<SetAside>,
    /// For applications: what several workloads complain of together is the fault of the store that they all use, which is then one more
    /// subject: see [`super::toolbox::common_store`].
    #[serde(default)]
    pub common_store: bool,
    /// For workloads: the capture that names a volume, or the class of one, whose driver's controller is the peer that is blamed.
    #[serde(default)]
    pub driver_of: String,
    /// For applications: signatures by which a data store tells in its own log whom it refuses: see [`super::toolbox::witnesses`].
    #[serde(default)]
    pub stores_tell: Vec<String>,
}

/// A state by the lines that begin and end it: signatures of the rule.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lasting {
    /// It begins.
    pub begins: String,
    /// It is over. Such a line is no complaint.
    pub ends: String,
}

/// Two signatures of a rule: one that counts only where the log does not have the other, which is no complaint.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetAside {
    /// It does not count.
    pub what: String,
    /// Where this stands.
    pub by: String,
}

/// From a match to its subject.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubjectOf {
    /// The top owner of the pod that the text is about.
    Workload,
    /// The node.
    Node,
    /// The object that the text is about, as it is.
    Object,
    /// The registry in the capture `registry`.
    Registry,
    /// The workload whose log, status or event it is, while the complaint ails it: see [`super::toolbox::complaints`].
    Application,
}

/// A contributing factor.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactorWording {
    /// The factor.
    pub text: Text,
    /// The line that shows it: a template over the facts, empty when none.
    #[serde(default)]
    pub code: String,
    /// Confidence; that of the finding when not given.
    #[serde(default)]
    pub confidence: Option<Confidence>,
    /// Only when this fact is true.
    #[serde(default)]
    pub when: Option<String>,
    /// What it is in the causal chain.
    #[serde(default)]
    pub part: FactorPart,
    /// How it bears on the failure, in a few words that are no template; what its part says when not given.
    #[serde(default)]
    pub mechanism: Text,
}

/// What a factor is in the causal chain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FactorPart {
    /// It should have prevented, noticed or healed the failure.
    #[default]
    Barrier,
    /// It made the failure possible, or came before it.
    Condition,
}

/// Data that would answer an open question.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskWording {
    /// What they are.
    pub what: Text,
    /// Which question is open without them.
    pub limits: Text,
    /// The one command that gets them, as a template.
    pub collect: String,
    /// Only when this fact is true.
    #[serde(default)]
    pub when: Option<String>,
}

/// Another cause of what the rule finds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rival {
    /// The name by which `weighing` refers to it.
    pub id: String,
    /// What it is.
    pub text: Text,
    /// Only when this fact is true.
    #[serde(default)]
    pub when: Option<String>,
}

/// A piece of evidence against every hypothesis.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weighing {
    /// The evidence.
    pub text: Text,
    /// Only when this fact is true.
    #[serde(default)]
    pub when: Option<String>,
    /// For `self`, `other` and the rivals by their ids: how well it goes with them; what is not named goes with it neither way.
    pub cells: BTreeMap<String, Weight>,
}

/// A question about the cause, and what could answer it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inquiry {
    /// The question.
    pub question: Text,
    /// The answers, beside "something else".
    pub rivals: Vec<Rival>,
    /// Evidence that tells them apart.
    pub weighing: Vec<Weighing>,
    /// Only when this fact is true.
    #[serde(default)]
    pub when: Option<String>,
}

/// How well evidence goes with a hypothesis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Weight {
    /// It speaks for it and against others.
    #[serde(rename = "++")]
    Proves,
    /// It goes with it.
    #[serde(rename = "+")]
    Fits,
    /// Neither way.
    #[serde(rename = "0")]
    Neutral,
    /// It goes with it badly.
    #[serde(rename = "-")]
    Weakens,
    /// It cannot be, if this is so.
    #[serde(rename = "--")]
    Excludes,
}

impl Weight {
    /// As the table has it.
    pub fn mark(self) -> &'static str {
        match self {
            Self::Proves => "++",
            Self::Fits => "+",
            Self::Neutral => "0",
            Self::Weakens => "-",
            Self::Excludes => "--",
        }
    }
}

/// An effect that the failure may have.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effect {
    /// Id of the rule that finds the effect; `app-*` for all rules whose ids begin so.
    pub rule: String,
    /// What both findings must share.
    pub ground: Ground,
    /// The mechanism, as the label of the edge.
    pub mechanism: Text,
}

impl Effect {
    /// True when a rule with this id finds the effect.
    pub fn names(&self, id: &str) -> bool {
        match self.rule.strip_suffix('*') {
            Some(start) => id.starts_with(start),
            None => self.rule == id,
        }
    }
}

/// A recovery step. Commands are templates in which every value is quoted for the shell.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepWording {
    /// What for.
    pub purpose: Text,
    /// Where.
    pub place: StepPlace,
    /// Risk.
    pub risk: Risk,
    /// What has to hold before it, and how to see that without changing anything.
    #[serde(default)]
    pub precheck: Text,
    /// Command template.
    pub command: String,
    /// `bash` unless given.
    #[serde(default = "bash")]
    pub language: String,
    /// What it should print.
    #[serde(default)]
    pub expect: Text,
    /// How to see that it worked.
    #[serde(default)]
    pub verify: Text,
    /// How to undo it.
    #[serde(default)]
    pub rollback: Text,
    /// What a person has to know.
    #[serde(default)]
    pub notes: Vec<Text>,
    /// Name of a fact that is a list: the step is repeated for each of its elements, which the templates see as `item`.
    #[serde(default)]
    pub each: Option<String>,
    /// Only when this fact is true.
    #[serde(default)]
    pub when: Option<String>,
}

/// An improvement.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionWording {
    /// Prevent, detect, mitigate, process.
    pub kind: ActionKind,
    /// At once, or in the long run.
    #[serde(default)]
    pub immediate: bool,
    /// Verb first.
    pub text: Text,
    /// Which of the rule's factors it answers, counted from 1; the cause itself when not given.
    #[serde(default)]
    pub answers: Option<usize>,
    /// A second factor that it answers.
    #[serde(default)]
    pub also: Option<usize>,
    /// The section of the report that it answers instead, such as `3.5`; as a template, which may come to nothing.
    #[serde(default)]
    pub section: String,
    /// Only when this fact is true.
    #[serde(default)]
    pub when: Option<String>,
    /// Command or configuration template; empty when none.
    #[serde(default)]
    pub command: String,
    /// `bash` unless given.
    #[serde(default = "bash")]
    pub language: String,
    /// A warning about the command.
    #[serde(default)]
    pub caution: Text,
    /// How to see that it is done: something that can fail.
    pub acceptance: Text,
}

/// A lesson.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LessonWording {
    /// A short phrase.
    pub phrase: Text,
    /// Its explanation.
    pub text: Text,
    /// Which of the rule's factors it comes from, counted from 1; the cause itself when not given.
    #[serde(default)]
    pub answers: Option<usize>,
    /// Only when this fact is true.
    #[serde(default)]
    pub when: Option<String>,
}

/// Something that went well by luck.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LuckWording {
    /// What.
    pub text: Text,
    /// Only when this fact is true.
    #[serde(default)]
    pub when: Option<String>,
}

/// Background knowledge.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnowledgeWording {
    /// The fact.
    pub text: Text,
    /// Its source.
    pub reference: String,
}

/// A small bundle and what the rule makes of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// What it shows.
    pub name: String,
    /// Path → content.
    pub files: BTreeMap<String, String>,
    /// A healthy bundle to compare with.
    #[serde(default)]
    pub baseline: BTreeMap<String, String>,
    /// The subjects of this rule's findings; empty when it must stay silent.
    #[serde(default)]
    pub fires: Vec<Subject>,
}

fn one_thing() -> usize {
    1
}

fn one() -> u64 {
    1
}

fn bash() -> String {
    "bash".to_owned()
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;

    use super::*;
    use crate::rules::beside::Beside;
    use crate::rules::condition::Condition;

    /// The fields that the loader accepts, as it tells them of one that it does not.
    fn fields<T: DeserializeOwned>() -> Vec<String> {
        let refused = serde_yaml::from_str::<T>("{no-such-field: 1}").map(|_| ()).unwrap_err();
        let told = refused.to_string();
        let (_, names) = told.split_once("expected ").unwrap();
        names.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn every_field_of_a_rule_is_documented() {
        let page = include_str!("../../docs/own-rules.md");
        let all = [
            fields::<RuleHeader>(),
            fields::<Meets>(),
            fields::<Subjects>(),
            fields::<Lasting>(),
            fields::<SignatureSpec>(),
            fields::<ObjectTest>(),
            fields::<Beside>(),
            fields::<Condition>(),
            fields::<FactorWording>(),
            fields::<AskWording>(),
            fields::<Rival>(),
            fields::<Weighing>(),
            fields::<Inquiry>(),
            fields::<Effect>(),
            fields::<StepWording>(),
            fields::<ActionWording>(),
            fields::<LessonWording>(),
            fields::<LuckWording>(),
            fields::<KnowledgeWording>(),
            fields::<Example>(),
        ]
        .concat();
        assert!(all.iter().any(|field| field == "suffers") && all.len() > 100, "{all:?}");
        let missing: Vec<&String> = all
            .iter()
            .filter(|field| !page.contains(&format!("`{field}`")))
            .collect();
        assert!(missing.is_empty(), "docs/own-rules.md has nothing of {missing:?}");
    }

    #[test]
    fn the_example_of_the_page_is_a_rule() {
        let page = include_str!("../../docs/own-rules.md");
        let example = page.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
        let rule = format!("id: x\nlevel: warning\ntitle: {{en: x}}\n{example}");
        let header: RuleHeader = serde_yaml::from_str(&rule).unwrap();
        assert_eq!(header.finds.unwrap().passing.len(), 1);
    }
}
