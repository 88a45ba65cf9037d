//! The running account of a report: evidence and knowledge by number, blanks by id, wording with its facts.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::diagnosis::{Checked, Diagnosis};
use crate::model::{CODE_CLOSE, CODE_OPEN, Citation, CitationKind, Place, QuoteLine, Subject, Text};
use crate::redact::Masker;
use crate::report::model::{Blank, EvidenceItem, Knowledge, Searched, Sentence};
use crate::rules::{Finding, KnowledgeWording, RuleHeader, Wording};

/// Root causes that the chapters treat; the rest is counted in the summary and listed in the JSON report.
pub(super) const ROOTS: usize = 50;
/// Characters of a quoted line that are shown.
const QUOTE_WIDTH: usize = 400;
/// Citations behind one sentence; a finding lists all of its own.
pub(super) const REFS: usize = 5;
/// Lines of one citation that are shown.
const QUOTE_LINES: usize = 12;

pub(super) struct Ledger<'d, 's> {
    pub(super) diagnosis: &'d Diagnosis<'s>,
    pub(super) masker: &'d mut Masker,
    pub(super) wording: Wording,
    pub(super) evidence: Vec<EvidenceItem>,
    /// The index of each citation's evidence, by bundle, file and place as they stand in the bundle.
    cited: HashMap<(String, String, Place), usize>,
    pub(super) knowledge: Vec<Knowledge>,
    pub(super) blanks: Vec<Blank>,
}

impl<'d, 's> Ledger<'d, 's> {
    pub(super) fn new(diagnosis: &'d Diagnosis<'s>, masker: &'d mut Masker) -> Self {
        let (evidence, knowledge, blanks) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            diagnosis,
            masker,
            wording: Wording::default(),
            evidence,
            cited: HashMap::new(),
            knowledge,
            blanks,
        }
    }

    /// True when nothing was found that could be a cause, and nothing fails without one.
    pub(super) fn is_healthy(&self) -> bool {
        self.diagnosis.roots.is_empty() && self.diagnosis.unexplained.is_empty()
    }

    /// True when no check came to a verdict, so that finding nothing means nothing.
    pub(super) fn is_blind(&self) -> bool {
        self.diagnosis
            .checks
            .iter()
            .all(|(_, checked)| matches!(checked, Checked::Unknown(_) | Checked::Outside))
    }

    /// The findings that are root causes, best first, at most [`ROOTS`]. They live as long as the diagnosis, so the ledger can be written to meanwhile.
    pub(super) fn root_findings(&self) -> Vec<&'d Finding> {
        let diagnosis = self.diagnosis;
        diagnosis
            .roots
            .iter()
            .take(ROOTS)
            .filter_map(|root| diagnosis.findings.get(root.finding))
            .collect()
    }

    /// The root causes that the chapters treat and what they explain, in the order of the findings.
    pub(super) fn involved(&self) -> Vec<&'d Finding> {
        let indices = self.involved_indices();
        indices
            .into_iter()
            .filter_map(|index| self.diagnosis.findings.get(index))
            .collect()
    }

    /// As [`Ledger::involved`], by their index.
    pub(super) fn involved_indices(&self) -> BTreeSet<usize> {
        let roots = self.diagnosis.roots.iter().take(ROOTS);
        roots
            .flat_map(|root| std::iter::once(root.finding).chain(root.explains.iter().copied()))
            .collect()
    }

    /// The header of a finding's rule.
    pub(super) fn header(&self, finding: &Finding) -> Option<&'d RuleHeader> {
        let diagnosis = self.diagnosis;
        diagnosis.rules.get(&finding.rule).map(|rule| &rule.header)
    }

    /// The number of a citation; the same place is numbered once.
    pub(super) fn cite(&mut self, citation: &Citation) -> String {
        let (lines, pointer) = match &citation.place {
            Place::Lines(first, last) => (Some((*first, *last)), None),
            Place::Pointer(pointer) => (None, Some(pointer.clone())),
        };
        let key = (
            citation.bundle.to_string(),
            citation.file.as_str().to_owned(),
            citation.place.clone(),
        );
        if let Some(index) = self.cited.get(&key) {
            return evidence_id(*index);
        }
        self.cited.insert(key, self.evidence.len());
        self.masker.enter_file(citation.file.as_str());
        let quote: Vec<QuoteLine> = citation
            .quote
            .iter()
            .take(QUOTE_LINES)
            .map(|line| self.masked_line(line))
            // What is not there cannot be marked: the whole listing is the evidence.
            .map(|line| QuoteLine {
                hit: line.hit && citation.kind != CitationKind::Absence,
                ..line
            })
            .collect();
        let joined = quote
            .iter()
            .map(|line| line.text.as_str())
            .collect::<Vec<_>>()
            .join("\n");
        let id = evidence_id(self.evidence.len());
        self.evidence.push(EvidenceItem {
            id: id.clone(),
            kind: citation.kind,
            bundle: self.masker.mask(&citation.bundle).into_owned(),
            file: self.masker.mask(citation.file.as_str()).into_owned(),
            lines,
            pointer,
            sha256: digest(&joined),
            quote,
            time: citation.when.clone(),
            searched: citation
                .searched
                .map(|(entries, complete)| Searched { entries, complete }),
        });
        id
    }

    /// The numbers of several citations, each once, in order.
    pub(super) fn cite_all<'c>(&mut self, citations: impl IntoIterator<Item = &'c Citation>) -> Vec<String> {
        let mut ids: Vec<String> = Vec::new();
        for citation in citations {
            let id = self.cite(citation);
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids
    }

    /// The numbers of a finding's citations that quote one of these words; of its first ones when none does.
    pub(super) fn cite_about(&mut self, finding: &Finding, words: &[String]) -> Vec<String> {
        let quotes = |citation: &&Citation| {
            citation
                .quote
                .iter()
                .any(|line| words.iter().any(|word| line.text.contains(word.as_str())))
        };
        let about: Vec<&Citation> = finding.evidence.iter().filter(quotes).take(REFS).collect();
        if about.is_empty() {
            self.cite_all(finding.evidence.iter().take(2))
        } else {
            self.cite_all(about)
        }
    }

    /// The numbers of a finding's citations that quote a value which stands as code in this text; none when none does.
    pub(super) fn cite_values(&mut self, finding: &Finding, text: &Text) -> Vec<String> {
        let values: Vec<&str> = text
            .en
            .split(CODE_OPEN)
            .skip(1)
            .filter_map(|rest| rest.split(CODE_CLOSE).next())
            .filter(|value| value.len() > 3)
            .collect();
        let quotes = |citation: &&Citation| {
            citation
                .quote
                .iter()
                .any(|line| values.iter().any(|value| line.text.contains(value)))
        };
        let about: Vec<&Citation> = finding.evidence.iter().filter(quotes).take(2).collect();
        self.cite_all(about)
    }

    /// Masks before it cuts, so that no half of a secret is left over.
    fn masked_line(&mut self, line: &QuoteLine) -> QuoteLine {
        let masked = self.masker.mask(&line.text).into_owned();
        let length = masked.chars().count();
        let text = if length > QUOTE_WIDTH {
            let kept: String = masked.chars().take(QUOTE_WIDTH).collect();
            format!("{kept}⟨+{}⟩", length - QUOTE_WIDTH)
        } else {
            masked
        };
        QuoteLine {
            line: line.line,
            text,
            hit: line.hit,
        }
    }

    /// The number of a piece of background knowledge.
    pub(super) fn know(&mut self, wording: &KnowledgeWording) -> String {
        if let Some(known) = self.knowledge.iter().find(|known| known.text == wording.text) {
            return known.id.clone();
        }
        let id = format!("K{}", self.knowledge.len() + 1);
        self.knowledge.push(Knowledge {
            id: id.clone(),
            text: wording.text.clone(),
            reference: wording.reference.clone(),
        });
        id
    }

    /// Knowledge that a finding's rule brings along.
    pub(super) fn know_all(&mut self, finding: &Finding) -> Vec<String> {
        let wordings = self
            .header(finding)
            .map(|header| header.knowledge.as_slice())
            .unwrap_or_default();
        wordings.iter().map(|wording| self.know(wording)).collect()
    }

    /// Registers a blank once and gives its id back.
    pub(super) fn blank(&mut self, id: &str, label: Text, question: Text, required: bool) -> String {
        if !self.blanks.iter().any(|blank| blank.id == id) {
            self.blanks.push(Blank {
                id: id.to_owned(),
                label,
                question,
                required,
                suggestion: String::new(),
            });
        }
        id.to_owned()
    }

    /// A finding's facts as its wording sees them, masked.
    pub(super) fn facts(&mut self, finding: &Finding) -> Map<String, Value> {
        let mut facts = finding.facts.clone();
        let subject = &finding.subject;
        facts.insert(
            "subject".into(),
            serde_json::json!({"kind": subject.kind, "namespace": subject.namespace, "name": subject.name, "node": subject.node}),
        );
        facts.insert("path".into(), finding.path.clone().into());
        let mut value = Value::Object(facts);
        self.masker.mask_json(&mut value);
        match value {
            Value::Object(facts) => facts,
            _ => Map::new(),
        }
    }

    /// A finding's template in both languages.
    pub(super) fn say(&mut self, template: &Text, finding: &Finding) -> Result<Text, minijinja::Error> {
        let facts = self.facts(finding);
        self.wording.text(template, &facts)
    }

    /// The title of a finding.
    pub(super) fn title(&mut self, finding: &Finding) -> Result<Text, minijinja::Error> {
        match self.header(finding) {
            Some(header) => self.say(&header.title, finding),
            None => Ok(Text::same(finding.rule.clone())),
        }
    }

    /// A sentence about a finding with its evidence and confidence.
    pub(super) fn sentence(&mut self, template: &Text, finding: &Finding) -> Result<Sentence, minijinja::Error> {
        let text = self.say(template, finding)?;
        let refs = self.cite_all(finding.evidence.iter().take(REFS));
        Ok(Sentence {
            text,
            refs,
            confidence: Some(finding.confidence),
        })
    }
}

fn evidence_id(index: usize) -> String {
    format!("E{}", index + 1)
}

/// The digest of quoted text, as `verify` recomputes it.
fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// What people call a subject in one word: containers of a host go by their own name.
pub(super) fn called(subject: &Subject) -> String {
    match subject.kind.as_str() {
        "HostContainer" | "CronEntry" => subject
            .to_string()
            .split_once(' ')
            .map_or_else(String::new, |(_, name)| name.to_owned()),
        _ => subject.to_string(),
    }
}

/// Text that no bundle had a part in.
pub(super) fn plain_sentence(text: Text) -> Sentence {
    Sentence {
        text,
        refs: Vec::new(),
        confidence: None,
    }
}
