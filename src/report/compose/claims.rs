//! Which of a finding's evidence shows what a sentence says of it.
//!
//! A rule may say of its evidence which facts it shows; a sentence whose wording uses such a fact cites it. Everything else goes by the
//! words: what a sentence has as code (names, images, ids, times, places) has to stand in what it cites.

use std::collections::BTreeSet;

use super::ledger::REFS;
use super::overview::shown;
use crate::model::{CODE_CLOSE, CODE_OPEN, Citation, CitationKind, Place, Text};
use crate::report::quotes::stands_in;
use crate::rules::Finding;

/// A word of fewer bytes shows nothing: it stands in any line.
const LEAST: usize = 2;

/// Of what a rule ties to the facts of a sentence, so much is cited.
const TIED: usize = 12;

/// What a sentence needs shown.
pub(super) struct Claim<'c> {
    /// The facts that its wording uses.
    pub(super) used: BTreeSet<String>,
    /// Its words, in code spans or names of the finding's subjects.
    pub(super) words: Vec<String>,
    /// True when it compares with the baseline: then both sides have to be cited.
    pub(super) compares: bool,
    /// True for a citation of a baseline.
    pub(super) is_baseline: &'c dyn Fn(&Citation) -> bool,
    /// The object that a citation is of, in words; empty for a line of a text.
    pub(super) object: &'c dyn Fn(&Citation) -> String,
}

/// The words of a sentence that evidence has to show: what stands as code, and what the finding is about where it is named.
pub(super) fn words_of(text: &Text, finding: Option<&Finding>) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for text in [&text.en, &text.zh] {
        let spans = text.split(CODE_OPEN).skip(1);
        let spans = spans.filter_map(|rest| rest.split(CODE_CLOSE).next());
        words.extend(spans.map(str::to_owned));
    }
    let subjects = finding
        .into_iter()
        .flat_map(|finding| std::iter::once(&finding.subject).chain(&finding.affected));
    words.extend(
        subjects
            .map(|subject| subject.name.clone())
            .filter(|name| stands_in(&text.en, name)),
    );
    let mut seen = BTreeSet::new();
    words.retain(|word| word.len() >= LEAST && !word.contains('‹') && seen.insert(word.clone()));
    words
}

/// The indices of the evidence that shows a claim: what the rule ties to its facts, then the fewest that show the words which are left.
pub(super) fn supporting(finding: &Finding, claim: &Claim<'_>) -> Vec<usize> {
    let tied = claim.used.iter().filter_map(|fact| finding.shows.get(fact));
    let tied: BTreeSet<usize> = tied.flatten().copied().collect();
    let tied: BTreeSet<usize> = tied.into_iter().take(TIED).collect();
    let mut chosen = tied.clone();
    let names: BTreeSet<&str> = std::iter::once(&finding.subject)
        .chain(&finding.affected)
        .map(|subject| subject.name.as_str())
        .collect();
    let covers: Vec<BTreeSet<Goal>> = finding
        .evidence
        .iter()
        .map(|citation| goals_met(citation, claim, &names))
        .collect();
    let mut open: BTreeSet<Goal> = covers.iter().flatten().copied().collect();
    for index in &chosen {
        for goal in covers.get(*index).into_iter().flatten() {
            open.remove(goal);
        }
    }
    while !open.is_empty() && chosen.len() < REFS {
        let met = |covered: &BTreeSet<Goal>| covered.intersection(&open).count();
        // Of equals the first: rules put the most telling first.
        let best = covers
            .iter()
            .enumerate()
            .max_by_key(|(index, covered)| (met(covered), std::cmp::Reverse(*index)));
        let Some((index, covered)) = best else { break };
        open.retain(|goal| !covered.contains(goal));
        chosen.insert(index);
    }
    if chosen.is_empty() && !finding.evidence.is_empty() {
        chosen.insert(0);
    }
    chosen.into_iter().take(REFS.max(tied.len())).collect()
}

/// A word that has to be shown, by its index, and how.
type Goal = (How, usize);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum How {
    /// It stands there.
    Present,
    /// It stands in the baseline.
    Before,
    /// A listing was searched for it and has it not.
    Absent,
}

fn goals_met(citation: &Citation, claim: &Claim<'_>, names: &BTreeSet<&str>) -> BTreeSet<Goal> {
    let object = (claim.object)(citation);
    let before = claim.compares && (claim.is_baseline)(citation);
    let goals = claim.words.iter().enumerate().filter_map(|(index, word)| {
        if shows(citation, word) || stands_in(&object, last_part(word)) {
            Some((if before { How::Before } else { How::Present }, index))
        } else if citation.kind == CitationKind::Absence && names.contains(last_part(word)) {
            Some((How::Absent, index))
        } else {
            None
        }
    });
    goals.collect()
}

/// True when what is quoted has this word, or the place or the time of the citation is it.
pub(super) fn shows(citation: &Citation, word: &str) -> bool {
    let quoted = |word: &str| citation.quote.iter().any(|line| stands_in(&line.text, word));
    quoted(word)
        || is_place(citation, word)
        || is_time(citation, word)
        || {
            let part = last_part(word);
            part != word && quoted(part)
        }
        || is_image_row(citation, word)
        || is_whole_id(citation, word)
}

/// An id by its first twelve digits, where the whole of it is quoted.
fn is_whole_id(citation: &Citation, word: &str) -> bool {
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    word.len() == 12
        && is_hex(word)
        && citation.quote.iter().any(|line| {
            let mut words = line.text.split(|c: char| !c.is_ascii_alphanumeric());
            words.any(|id| id.len() == 64 && id.starts_with(word) && is_hex(id))
        })
}

/// `web` of `Deployment shop/web`, `share-mnt` of `share-mnt@cp1`; the word itself where it is a plain one or a path.
fn last_part(word: &str) -> &str {
    if word.starts_with('/') || word.contains(':') {
        return word;
    }
    let word = word.split_once('@').map_or(word, |(name, _)| name);
    match word.rsplit_once(' ') {
        Some((kind, name)) if kind.chars().all(char::is_alphanumeric) => name.rsplit('/').next().unwrap_or(name),
        _ => word,
    }
}

/// `/opt/scripts/clean.sh:5`, cited by its line in a file of that name; a path alone by any place in such a file.
fn is_place(citation: &Citation, word: &str) -> bool {
    let (path, line) = match word.rsplit_once(':') {
        Some((path, line)) => (path, line.parse::<u64>().ok()),
        None => (word, None),
    };
    let same_file = path.starts_with('/') && path.rsplit('/').next() == Some(citation.file.file_name());
    same_file
        && match (&citation.place, line) {
            (Place::Lines(first, last), Some(line)) => (*first..=*last).contains(&line),
            (_, line) => line.is_none(),
        }
}

fn is_time(citation: &Citation, word: &str) -> bool {
    citation.when.as_ref().is_some_and(|when| shown(when) == word)
}

/// A reference of an image, as `docker images` has it: repository and tag in columns of their own.
fn is_image_row(citation: &Citation, word: &str) -> bool {
    let Some((repository, tag)) = word.rsplit_once(':') else {
        return false;
    };
    citation.quote.iter().any(|line| {
        let mut columns = line.text.split_whitespace();
        columns.next() == Some(repository) && columns.next() == Some(tag)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{Confidence, EntryPath, Level, Subject, When, code};
    use crate::rules::RuleHeader;

    fn cite(bundle: &str, file: &str, line: u64, text: &str) -> Citation {
        Citation::line(&Arc::from(bundle), &EntryPath::new(file), line, text)
    }

    fn finding(evidence: Vec<Citation>) -> Finding {
        let header: RuleHeader = serde_json::from_value(serde_json::json!({
            "id": "x", "level": "warning", "title": {"zh": "x", "en": "x"},
        }))
        .unwrap();
        assert_eq!(header.level, Level::Warning);
        let mut finding = Finding::new(
            &header,
            Subject::on_node("HostContainer", "gone", "n1"),
            Confidence::Confirmed,
        );
        finding.evidence = evidence;
        finding
    }

    fn chosen(finding: &Finding, text: &str, used: &[&str]) -> Vec<usize> {
        let text = Text::same(text);
        let claim = Claim {
            used: used.iter().map(|fact| (*fact).to_owned()).collect(),
            words: words_of(&text, Some(finding)),
            compares: text.en.contains("baseline"),
            is_baseline: &|citation| &*citation.bundle == "good",
            object: &|_| String::new(),
        };
        supporting(finding, &claim)
    }

    #[test]
    fn a_sentence_cites_the_lines_that_have_its_words() {
        let mut absence = cite("b", "ps.txt", 1, "NAMES");
        absence.kind = CitationKind::Absence;
        let when = When::rfc3339("2026-01-02T03:04:05Z");
        let act = cite("b", "events.txt", 9, "container destroy abc (name=gone)").at(when);
        let finding = finding(vec![
            absence,
            cite("good", "ps.txt", 3, "abc img gone"),
            cite("b", "images.txt", 4, "repo/img   v1   24 hours ago"),
            cite("b", "clean.sh", 5, "docker container prune -f"),
            act,
        ]);
        let tick = |words: &[&str]| words.iter().map(|word| code(word)).collect::<Vec<_>>().join(" ");
        assert_eq!(chosen(&finding, &tick(&["/opt/clean.sh:5"]), &[]), [3]);
        assert_eq!(
            chosen(&finding, &tick(&["docker container prune -f", "/opt/clean.sh:5"]), &[]),
            [3]
        );
        assert_eq!(chosen(&finding, &tick(&["repo/img:v1"]), &[]), [2]);
        assert_eq!(chosen(&finding, &tick(&["2026-01-02 03:04:05 +00:00"]), &[]), [4]);
        // Both sides of a comparison, and the listing that has it not.
        assert_eq!(
            chosen(&finding, &format!("{} in the baseline", tick(&["gone"])), &[]),
            [0, 1, 4]
        );
        assert_eq!(chosen(&finding, "nothing is named", &[]), [0]);
    }

    #[test]
    fn what_a_rule_ties_to_a_fact_is_cited_where_the_fact_is_used() {
        let mut finding = finding(vec![cite("b", "a.txt", 1, "one"), cite("b", "b.txt", 1, "two")]);
        finding.shows.insert("images".into(), BTreeSet::from([1]));
        assert_eq!(chosen(&finding, "", &["images"]), [1]);
        assert_eq!(chosen(&finding, "", &["others"]), [0]);
    }

    #[test]
    fn an_object_goes_by_its_name() {
        assert_eq!(last_part("Deployment shop/web"), "web");
        assert_eq!(last_part("share-mnt@cp1"), "share-mnt");
        assert_eq!(last_part("docker container prune"), "docker container prune");
    }
}
