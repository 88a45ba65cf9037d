//! The running account of a report: evidence and knowledge by number, blanks by id, wording with its facts.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};

use super::claims::{Claim, shows, supporting, words_of};
use super::whose::Objects;
use crate::cluster::Snapshot;
use crate::diagnosis::{Checked, Diagnosis};
use crate::model::{CODE_CLOSE, CODE_OPEN, Citation, CitationKind, Place, QuoteLine, Subject, Text, When};
use crate::redact::Masker;
use crate::report::model::{Blank, EvidenceItem, Knowledge, Searched, Sentence, Unquoted};
use crate::report::quotes;
use crate::rules::{Finding, KnowledgeWording, Role, RuleHeader, Wording};

/// Root causes that the chapters treat; the rest is counted in the summary and listed in the JSON report.
pub(super) const ROOTS: usize = 50;
/// Citations behind one sentence; a finding lists all of its own.
pub(super) const REFS: usize = 5;
/// Letters of a word that says what a sentence is about.
const TERM: usize = 5;
/// Such words that a sentence shares with the knowledge that it rests on.
const SHARED: usize = 2;
/// Lines of one citation that are shown.
const QUOTE_LINES: usize = 12;

pub(super) struct Ledger<'d, 's> {
    pub(super) diagnosis: &'d Diagnosis<'s>,
    pub(super) masker: &'d mut Masker,
    pub(super) wording: Wording,
    pub(super) evidence: Vec<EvidenceItem>,
    /// The index of each citation's evidence, by bundle, file and place as they stand in the bundle.
    cited: HashMap<(String, String, Place), usize>,
    /// Whose fields pointers lead to.
    objects: Objects,
    /// Of each finding its place among all of them, the gravest first.
    ranks: Vec<usize>,
    /// The aliases of the baseline's archives.
    baselines: BTreeSet<String>,
    pub(super) knowledge: Vec<Knowledge>,
    pub(super) blanks: Vec<Blank>,
    /// Findings of users' rules that are shown by their rule's id: its wording cannot be said of them.
    unsaid: BTreeSet<(String, Subject)>,
    /// Why, one line each.
    pub(super) remarks: Vec<String>,
}

impl<'d, 's> Ledger<'d, 's> {
    pub(super) fn new(diagnosis: &'d Diagnosis<'s>, masker: &'d mut Masker) -> Self {
        let (evidence, knowledge, blanks) = (Vec::new(), Vec::new(), Vec::new());
        let archives = diagnosis.baseline.into_iter().flat_map(Snapshot::archives);
        let baselines = archives.map(|archive| archive.info.alias.to_string()).collect();
        let mut ledger = Self {
            diagnosis,
            masker,
            wording: Wording::default(),
            evidence,
            cited: HashMap::new(),
            objects: Objects::of(diagnosis),
            ranks: ranks(diagnosis),
            baselines,
            knowledge,
            blanks,
            unsaid: BTreeSet::new(),
            remarks: Vec::new(),
        };
        ledger.try_wording();
        ledger
    }

    /// Finds what users' rules cannot say. Those that are built in are told of by their tests.
    fn try_wording(&mut self) {
        let diagnosis = self.diagnosis;
        let involved = self.involved_indices();
        for (index, finding) in diagnosis.findings.iter().enumerate() {
            let rule = diagnosis.rules.get(&finding.rule);
            let Some(rule) = rule.filter(|rule| !rule.is_built_in) else {
                continue;
            };
            let facts = self.facts(finding);
            // Of thousands of findings most are only listed.
            let is_listed = !involved.contains(&index) && rule.header.role != Role::Factor;
            let said = if is_listed {
                rule.header.say_title(&self.wording, &facts)
            } else {
                rule.header.say_all(&self.wording, &facts)
            };
            if let Err(reason) = said {
                let remark = format!("{}: the rule {} is shown by its id: {reason}", rule.place, finding.rule);
                if !self.remarks.contains(&remark) {
                    self.remarks.push(remark);
                }
                self.unsaid.insert((finding.rule.clone(), finding.subject.clone()));
            }
        }
    }

    /// True when nothing was found that could be a cause, and nothing fails without one.
    pub(super) fn is_healthy(&self) -> bool {
        self.diagnosis.roots.is_empty() && self.diagnosis.unexplained.is_empty()
    }

    /// True when no check of the system came to a verdict, so that finding nothing means nothing.
    pub(super) fn is_blind(&self) -> bool {
        let rules = self.diagnosis.rules;
        let is_of_material = |id: &str| rules.get(id).is_some_and(|rule| rule.header.material);
        self.diagnosis.checks.iter().all(|(id, checked)| {
            is_of_material(id) || !matches!(checked, Checked::Pass | Checked::Fail | Checked::Told(_))
        })
    }

    /// True where an archive broke off or a limit ended its reading: what is behind that is not known at all.
    pub(super) fn is_cut(&self) -> bool {
        self.diagnosis.snapshot.coverage.is_cut()
    }

    /// The id of a finding: the gravest are the first.
    pub(super) fn finding_id(&self, index: usize) -> String {
        let rank = self.ranks.get(index).copied().unwrap_or(index);
        format!("F{}", rank + 1)
    }

    /// The findings by their index, the gravest first.
    pub(super) fn by_level(&self) -> Vec<usize> {
        let mut indices: Vec<usize> = (0..self.ranks.len()).collect();
        indices.sort_by_key(|index| self.ranks.get(*index).copied());
        indices
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

    /// The first moment at which the evidence shows the incident.
    pub(super) fn began(&self) -> Option<&'d When> {
        let involved = self.involved().into_iter();
        let times = involved.filter_map(|finding| finding.first.as_ref());
        times.min_by_key(|when| when.earliest)
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
        let rule = diagnosis.rules.get(&finding.rule)?;
        let is_unsaid = !rule.is_built_in && self.unsaid.contains(&(finding.rule.clone(), finding.subject.clone()));
        Some(if is_unsaid { rule.unworded() } else { &rule.header })
    }

    /// The number of a citation; the same place is numbered once.
    pub(super) fn cite(&mut self, citation: &Citation) -> String {
        self.cite_for(citation, &[])
    }

    /// As [`Ledger::cite`], for a sentence that says these words: where they stand in the quote they are marked.
    pub(super) fn cite_for(&mut self, citation: &Citation, words: &[String]) -> String {
        let key = (
            citation.bundle.to_string(),
            citation.file.as_str().to_owned(),
            citation.place.clone(),
        );
        let index = match self.cited.get(&key) {
            Some(index) => *index,
            None => {
                let index = self.evidence.len();
                let item = self.evidence_item(evidence_id(index), citation);
                self.evidence.push(item);
                self.cited.insert(key, index);
                index
            }
        };
        if let Some(item) = self.evidence.get_mut(index) {
            for word in words.iter().filter(|word| shows(citation, word)) {
                if !item.words.contains(word) {
                    item.words.push(word.clone());
                }
            }
        }
        evidence_id(index)
    }

    fn evidence_item(&mut self, id: String, citation: &Citation) -> EvidenceItem {
        let (lines, pointer) = match &citation.place {
            // A file without a line.
            Place::Lines(0, 0) => (None, None),
            Place::Lines(first, last) => (Some((*first, *last)), None),
            Place::Pointer(pointer) => (None, Some(pointer.clone())),
        };
        let object = self.objects.of_citation(citation).to_owned();
        self.masker.enter_file(citation.file.as_str());
        // A pointer alone tells nobody whose field it is.
        let object = Some(object)
            .filter(|object| !object.is_empty())
            .map(|object| QuoteLine {
                line: None,
                text: object,
                hit: false,
            });
        let unmasked = object.iter().chain(&citation.quote).map(|line| line.text.as_str());
        let lines_of_object = object.iter().count();
        let mut quote: Vec<QuoteLine> = object
            .iter()
            .chain(&citation.quote)
            .map(|line| QuoteLine {
                line: line.line,
                text: self.masker.mask(&line.text).into_owned(),
                // What is not there cannot be marked: the whole listing is the evidence.
                hit: line.hit && citation.kind != CitationKind::Absence,
            })
            .collect();
        // All of the lines are hashed; of a long list that was searched in vain the ends say where it stands.
        let sha256 = quotes::digest(quote.iter().map(|line| line.text.as_str()));
        let hidden = match citation.quote.len() {
            count if count <= QUOTE_LINES => 0..0,
            count if citation.kind == CitationKind::Absence => lines_of_object + 1..lines_of_object + count - 1,
            count => lines_of_object + QUOTE_LINES..lines_of_object + count,
        };
        let left_out: Vec<QuoteLine> = quote.drain(hidden.clone()).collect();
        let mut originals = unmasked.skip(hidden.start);
        let masked = left_out.iter().any(|line| originals.next() != Some(line.text.as_str()));
        let unquoted = (!left_out.is_empty()).then_some(Unquoted {
            lines: left_out.len() as u64,
            masked,
        });
        EvidenceItem {
            id,
            kind: citation.kind,
            bundle: self.masker.mask(&citation.bundle).into_owned(),
            file: self.masker.mask(citation.file.as_str()).into_owned(),
            lines,
            pointer,
            sha256,
            quote,
            unquoted,
            words: Vec::new(),
            time: citation.when.clone(),
            searched: citation.searched.map(|(entries, complete)| Searched {
                entries,
                complete,
                listing: citation.listing,
            }),
        }
    }

    /// The evidence, its long lines cut: only now is it known which words of them matter.
    pub(super) fn take_evidence(&mut self) -> Vec<EvidenceItem> {
        let mut evidence = std::mem::take(&mut self.evidence);
        for item in &mut evidence {
            quotes::cut(item);
        }
        evidence
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

    /// The numbers of a finding's citations that show what a sentence about it says. `templates` are the wordings that it was made from.
    pub(super) fn cite_claim(&mut self, finding: &Finding, templates: &[&Text], text: &Text) -> Vec<String> {
        let used = if finding.shows.is_empty() {
            BTreeSet::new()
        } else {
            templates
                .iter()
                .flat_map(|template| self.wording.uses(template))
                .collect()
        };
        self.cite_words(
            finding,
            used,
            words_of(text, Some(finding)),
            text.en.contains("baseline"),
        )
    }

    /// As [`Ledger::cite_claim`], for what a thing of a finding is: a row about it.
    pub(super) fn cite_subject(&mut self, finding: &Finding, subject: &Subject) -> Vec<String> {
        self.cite_words(finding, BTreeSet::new(), vec![subject.name.clone()], false)
    }

    /// As [`Ledger::cite_claim`], for a sentence about some of a finding's facts.
    pub(super) fn cite_facts(&mut self, finding: &Finding, facts: &[&str], text: &Text) -> Vec<String> {
        let used = facts.iter().map(|fact| (*fact).to_owned()).collect();
        self.cite_words(finding, used, words_of(text, Some(finding)), false)
    }

    /// The numbers of the citations that a finding's rule ties to a fact and that have this word.
    pub(super) fn cite_tied_word(&mut self, finding: &Finding, fact: &str, word: &str) -> Vec<String> {
        let tied = finding.shows.get(fact).into_iter().flatten();
        let tied = tied.filter_map(|index| finding.evidence.get(*index));
        self.cite_all(tied.filter(|citation| shows(citation, word)))
    }

    /// The number of the first listing that a finding searched in vain.
    pub(super) fn cite_absence(&mut self, finding: &Finding) -> Vec<String> {
        let mut evidence = finding.evidence.iter();
        let listing = evidence.find(|citation| citation.kind == CitationKind::Absence);
        self.cite_all(listing)
    }

    /// The numbers of a finding's citations that its rule ties to these facts; none where it ties none.
    pub(super) fn cite_tied(&mut self, finding: &Finding, facts: &BTreeSet<String>) -> Vec<String> {
        let tied = facts.iter().filter(|fact| finding.shows.contains_key(*fact));
        let tied: BTreeSet<String> = tied.cloned().collect();
        if tied.is_empty() {
            return Vec::new();
        }
        self.cite_words(finding, tied, Vec::new(), false)
    }

    fn cite_words(
        &mut self,
        finding: &Finding,
        used: BTreeSet<String>,
        words: Vec<String>,
        compares: bool,
    ) -> Vec<String> {
        let baselines = &self.baselines;
        let objects = &self.objects;
        let claim = Claim {
            used,
            words,
            compares,
            is_baseline: &|citation| baselines.contains(&*citation.bundle),
            object: &|citation| objects.of_citation(citation).to_owned(),
        };
        let chosen = supporting(finding, &claim);
        let words = claim.words;
        let mut ids: Vec<String> = Vec::new();
        for citation in chosen.into_iter().filter_map(|index| finding.evidence.get(index)) {
            let id = self.cite_for(citation, &words);
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids
    }

    /// The numbers of a finding's citations that quote a value which stands as code in this text; none when none does.
    pub(super) fn cite_values(&mut self, finding: &Finding, templates: &[&Text], text: &Text) -> Vec<String> {
        let words = words_of(text, None);
        let is_shown = |word: &String| finding.evidence.iter().any(|citation| shows(citation, word));
        let ties = || templates.iter().flat_map(|template| self.wording.uses(template));
        if words.iter().any(is_shown) || ties().any(|fact| finding.shows.contains_key(&fact)) {
            self.cite_claim(finding, templates, text)
        } else {
            Vec::new()
        }
    }

    /// The title of a finding with what shows it.
    pub(super) fn titled(&mut self, finding: &Finding) -> Result<Sentence, minijinja::Error> {
        match self.header(finding) {
            Some(header) => self.sentence(&header.title, finding),
            None => Ok(Sentence {
                text: Text::same(finding.rule.clone()),
                refs: self.cite_all(finding.evidence.first()),
                confidence: Some(finding.confidence),
            }),
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

    /// Of the knowledge that a finding's rule brings along, what a sentence rests on: it speaks in the same words. The first where none
    /// does.
    pub(super) fn know_of(&mut self, finding: &Finding, text: &Text) -> Vec<String> {
        let wordings = self
            .header(finding)
            .map(|header| header.knowledge.as_slice())
            .unwrap_or_default();
        let said = terms(&text.en);
        let fits = |wording: &&KnowledgeWording| {
            terms(&wording.text.en).intersection(&said).count() >= SHARED
                && names_its_options(&wording.text.en, &text.en)
        };
        let mut fitting: Vec<&KnowledgeWording> = wordings.iter().filter(fits).collect();
        if fitting.is_empty() {
            fitting.extend(wordings.first());
        }
        fitting.into_iter().map(|wording| self.know(wording)).collect()
    }

    /// Of the knowledge that a finding's rule brings along, only what a text plainly says.
    pub(super) fn know_said(&mut self, finding: &Finding, text: &Text) -> Vec<String> {
        let wordings = self.header(finding).map(|header| header.knowledge.as_slice());
        let said = terms(&text.en);
        let says = |wording: &&KnowledgeWording| terms(&wording.text.en).intersection(&said).count() > SHARED;
        let wordings = wordings.unwrap_or_default().iter().filter(says);
        wordings.map(|wording| self.know(wording)).collect()
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
        let mut value = Value::Object(finding.wording_facts());
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
        let refs = self.cite_claim(finding, &[template], &text);
        Ok(Sentence {
            text,
            refs,
            confidence: Some(finding.confidence),
        })
    }
}

/// What is known of an option (`label!=`, `--force`) bears on sentences that name it.
fn names_its_options(known: &str, said: &str) -> bool {
    let mut options = known
        .split_whitespace()
        .filter(|word| word.ends_with('=') || word.starts_with("--"));
    options.all(|option| said.contains(option))
}

/// The longer words of a sentence.
fn terms(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_alphanumeric() || c == '-';
    text.split(|c| !is_part(c))
        .filter(|word| word.len() >= TERM)
        .map(str::to_lowercase)
        .collect()
}

fn ranks(diagnosis: &Diagnosis<'_>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..diagnosis.findings.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(diagnosis.findings.get(*index).map(|finding| finding.level)));
    let mut ranks = vec![0; order.len()];
    for (rank, index) in order.into_iter().enumerate() {
        if let Some(place) = ranks.get_mut(index) {
            *place = rank;
        }
    }
    ranks
}

fn evidence_id(index: usize) -> String {
    format!("E{}", index + 1)
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

/// A template whose condition did not hold leaves nothing but marks and punctuation.
pub(super) fn is_blank(text: &Text) -> bool {
    let empty = |text: &str| {
        text.chars()
            .all(|c| c == CODE_OPEN || c == CODE_CLOSE || c.is_whitespace())
    };
    empty(&text.zh) && empty(&text.en)
}
