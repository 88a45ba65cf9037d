//! All rules, loaded once: headers parsed, signatures compiled.

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::meets::unmet;
use super::object_rule::judge_objects;
use super::problem_detector::Taken;
use super::said::said;
use super::text_rule::judge_text;
use super::user::{self, Mistake, RuleFile};
use super::{Finding, Input, Outcome, RuleHeader, own_kinds};
use crate::bundle::Budget;
use crate::bundle::decode::parse_yaml;
use crate::cluster::{NODE_WORDS, node_words};
use crate::logs::{SignatureError, SignatureSet};
use crate::model::Text;

/// The function of a rule that compares objects.
pub(super) type Detect = fn(&Input<'_>, &RuleHeader) -> Vec<Finding>;

/// One rule's file, as the build script found it.
pub(super) struct RuleSource {
    /// Path in the repository, for error messages.
    pub(super) place: &'static str,
    /// The folder that it is in.
    pub(super) family: &'static str,
    /// The YAML header.
    pub(super) header: &'static str,
    /// The function, for rules that have one.
    pub(super) detect: Option<Detect>,
}

include!(concat!(env!("OUT_DIR"), "/rules.rs"));

/// A loaded rule.
pub struct Rule {
    /// What it says of itself.
    pub header: RuleHeader,
    /// Its family: the folder of its file.
    pub family: String,
    /// Its file.
    pub place: String,
    /// Its header, as it is written.
    pub source: String,
    /// False for a rule that a user brought along.
    pub is_built_in: bool,
    /// A user's rule without its wording, for a finding of which that cannot be said.
    unworded: Option<Box<RuleHeader>>,
    detect: Option<Detect>,
    /// Of a rule that was taken over from node-problem-detector.
    taken: Option<Taken>,
}

/// Why the rules could not be loaded. With built-in rules this is a defect that a test finds.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// The header is not valid.
    #[error("{place}: {message}")]
    Header {
        /// The file.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// A signature is not valid.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

/// Every rule and the signatures of all of them.
pub struct Rules {
    rules: Vec<Rule>,
    signatures: SignatureSet,
    remarks: Vec<Text>,
}

impl Rules {
    /// Loads the built-in rules.
    pub fn load() -> Result<Self, RuleError> {
        Self::of(BUILT_IN.par_iter().map(Rule::parse).collect::<Result<_, _>>()?)
    }

    /// The built-in rules and those of these files.
    ///
    /// # Errors
    /// Every mistake of every file, in their order; of a file that does not parse only the first.
    pub fn with_files(files: &[RuleFile]) -> Result<Self, Vec<Mistake>> {
        Self::with_files_within(files, &Budget::DEFAULT)
    }

    /// The same, where a file may be as deep and hold as many values as a document of a bundle under this budget.
    ///
    /// # Errors
    /// As [`Self::with_files`].
    pub fn with_files_within(files: &[RuleFile], budget: &Budget) -> Result<Self, Vec<Mistake>> {
        let built_in = BUILT_IN.par_iter().map(Rule::parse).collect::<Result<Vec<_>, _>>();
        let mut rules = built_in.map_err(|error| vec![Mistake::of_all(Text::same(error.to_string()))])?;
        let own = user::rules(files, &rules, budget)?;
        let remarks = own.iter().flat_map(|rule| own_kinds::remarks(rule, &rules)).collect();
        rules.extend(own);
        let all = Self::of(rules);
        all.map(|all| Self { remarks, ..all })
            .map_err(|error| vec![Mistake::of_all(Text::same(error.to_string()))])
    }

    /// One rule that is nothing but a header, for instance while it is being written: `place` is its file.
    ///
    /// # Errors
    /// The header or one of its signatures is not valid.
    pub fn of_header(place: &str, header: &str) -> Result<Self, RuleError> {
        let family = place.rsplit('/').nth(1).unwrap_or("");
        Self::of(vec![Rule::new(place, family, header, None)?])
    }

    fn of(rules: Vec<Rule>) -> Result<Self, RuleError> {
        let specs = rules
            .iter()
            .flat_map(|rule| rule.header.text.iter().map(|spec| (rule.header.id.as_str(), spec)));
        let own = rules.iter().filter(|rule| !rule.is_built_in);
        let words = node_words();
        let specs = specs.chain(words.iter().map(|spec| (NODE_WORDS, spec)));
        let signatures = SignatureSet::new(specs)?.bounding(own.map(|rule| rule.header.id.as_str()));
        Ok(Self {
            rules,
            signatures,
            remarks: Vec::new(),
        })
    }

    /// The same without some rules, by their ids: they are neither tried nor counted.
    pub fn without(mut self, ids: &[String]) -> Self {
        self.rules.retain(|rule| !ids.contains(&rule.header.id));
        self
    }

    /// What is odd about the rules of files, and no mistake.
    pub fn remarks(&self) -> &[Text] {
        &self.remarks
    }

    /// The signatures that the reader looks for.
    pub fn signatures(&self) -> &SignatureSet {
        &self.signatures
    }

    /// Every rule, in order of family and file.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }

    /// Digest of what all rules say, in the order of their ids: two reports with the same one were judged by the same rules.
    pub fn digest(&self) -> String {
        let mut said: Vec<(&str, &str)> = (self.rules.iter())
            .map(|rule| (rule.header.id.as_str(), rule.source.as_str()))
            .collect();
        said.sort_unstable();
        let mut hash = Sha256::new();
        for (id, source) in said {
            // The length keeps two rules from reading as one.
            hash.update(format!("{id} {}\n", source.len()));
            hash.update(source);
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// One rule.
    pub fn get(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.header.id == id)
    }

    /// One rule by its id, or by another one under which the same failure is known.
    pub fn look_up(&self, id: &str) -> Option<&Rule> {
        let is_also = |rule: &&Rule| rule.header.also.iter().any(|other| other == id);
        self.get(id).or_else(|| self.rules.iter().find(is_also))
    }
}

impl Rule {
    fn parse(source: &RuleSource) -> Result<Self, RuleError> {
        Self::new(source.place, source.family, source.header, source.detect)
    }

    fn new(place: &str, family: &str, source: &str, detect: Option<Detect>) -> Result<Self, RuleError> {
        let error = |message: String| RuleError::Header {
            place: place.to_owned(),
            message,
        };
        let value = parse_yaml(source)
            .map_err(|wrong| error(format!("line {} of the header: {}", wrong.line, wrong.message)))?;
        let header: RuleHeader = serde_json::from_value(value).map_err(|problem| error(problem.to_string()))?;
        Ok(Self {
            detect,
            is_built_in: true,
            unworded: None,
            ..Self::of_parsed(place, family, source, header)
        })
    }

    /// A rule without a function.
    pub(super) fn of_parsed(place: &str, family: &str, source: &str, header: RuleHeader) -> Self {
        Self {
            unworded: Some(Box::new(header.unworded())),
            header,
            family: family.to_owned(),
            place: place.to_owned(),
            source: source.to_owned(),
            is_built_in: false,
            detect: None,
            taken: None,
        }
    }

    /// The header that a finding is shown by where the rule's own wording cannot be said: that of a user's rule, without wording.
    pub fn unworded(&self) -> &RuleHeader {
        self.unworded.as_deref().unwrap_or(&self.header)
    }

    /// As a rule that was taken over from node-problem-detector.
    pub(super) fn with(self, taken: Taken) -> Self {
        Self {
            taken: Some(taken),
            ..self
        }
    }

    /// Takes the expressions of a rule of the same name, where both were taken over.
    pub(super) fn join(&mut self, header: &RuleHeader, taken: &Taken) -> bool {
        let Some(own) = &mut self.taken else { return false };
        own.join(&mut self.header, header.clone(), taken.clone());
        true
    }

    /// Judges a snapshot. A rule whose data were not read cannot say that all is well, nor one that met nothing of what it is about.
    pub fn judge(&self, input: &Input<'_>) -> Outcome {
        let mut found = match (self.detect, &self.taken, &self.header.finds) {
            (Some(detect), ..) => detect(input, &self.header),
            (None, Some(taken), _) => taken.judge(input, &self.header),
            (None, None, Some(subjects)) => judge_text(input, &self.header, subjects),
            (None, None, None) => Vec::new(),
        };
        let mut missing: Vec<String> = self
            .header
            .needs
            .iter()
            .filter(|need| !is_read(input, need))
            .cloned()
            .collect();
        let mut failed = None;
        if let Some(test) = &self.header.objects {
            let tested = judge_objects(input, &self.header, test);
            found.extend(tested.found);
            failed = tested.failed;
            missing.extend(tested.missing);
        }
        if input.snapshot.coverage.not_sought.contains(&self.header.id) {
            failed = Some(said("used-up-text", &[]));
        }
        match failed {
            Some(reason) if found.is_empty() => return Outcome::Failed(reason),
            Some(reason) => return Outcome::Partly(found, reason),
            None if !found.is_empty() => return Outcome::Judged(found),
            None => {}
        }
        if !missing.is_empty() {
            return Outcome::Unknown(missing);
        }
        match unmet(input.snapshot, &self.header, &self.family) {
            Some(unmet) => Outcome::Unmet(unmet),
            None => Outcome::Judged(found),
        }
    }
}

fn is_read(input: &Input<'_>, need: &str) -> bool {
    need.split('|').any(|datum| input.snapshot.coverage.has(datum))
}
