//! JUnit XML, as CI systems read it: one test case for each check. What could not be judged is skipped with its reason, never passed.
//!
//! Elements and attributes are those that GitLab and Jenkins read ("Unit test reports", docs.gitlab.com; `junit-10.xsd` of Jenkins' xUnit plugin).

use std::fmt::Write as _;

use super::{citations, shown};
use crate::model::Lang;
use crate::report::escape;
use crate::report::locale::confidence_word;
use crate::report::model::{Check, CheckOutcome, FindingView, PostMortem};

/// The report as one suite.
pub(in crate::report::render) fn document(report: &PostMortem, lang: Lang) -> String {
    let name = report.bundles.first().map_or("", |bundle| bundle.alias.as_str());
    let of = |outcome| report.checks.iter().filter(|check| check.outcome == outcome).count();
    let totals = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\"",
        report.checks.len(),
        of(CheckOutcome::Fail),
        of(CheckOutcome::Unknown) + of(CheckOutcome::NotApplicable)
    );
    let stamp = report
        .generated_at
        .map(|time| format!(" timestamp=\"{time}\""))
        .unwrap_or_default();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"casefile\" {totals}>\n  <testsuite name=\"{}\" {totals}{stamp}>\n",
        attribute(name)
    );
    for check in &report.checks {
        case(&mut out, report, check, lang);
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

fn case(out: &mut String, report: &PostMortem, check: &Check, lang: Lang) {
    let findings: Vec<&FindingView> = report
        .findings
        .iter()
        .filter(|finding| finding.rule == check.id)
        .collect();
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "    <testcase classname=\"casefile.{}\" name=\"{}\"",
        attribute(&check.id),
        attribute(&shown(&check.title, lang))
    );
    match check.outcome {
        CheckOutcome::Pass => out.push_str("/>\n"),
        CheckOutcome::Unknown | CheckOutcome::NotApplicable => {
            let reason = attribute(&shown(&check.reason, lang));
            let _ = write!(out, ">\n      <skipped message=\"{reason}\"/>\n    </testcase>\n");
        }
        CheckOutcome::Risk => {
            let _ = write!(
                out,
                ">\n      <system-out>{}</system-out>\n    </testcase>\n",
                escape::html(&told(report, &findings, lang))
            );
        }
        CheckOutcome::Fail => {
            let first = findings.first().map(|finding| shown(&finding.title, lang));
            let _ = write!(
                out,
                ">\n      <failure message=\"{}\" type=\"{}\">{}</failure>\n    </testcase>\n",
                attribute(&first.unwrap_or_else(|| shown(&check.title, lang))),
                attribute(&check.id),
                escape::html(&told(report, &findings, lang))
            );
        }
    }
}

/// What was found, each with its confidence and citations.
fn told(report: &PostMortem, findings: &[&FindingView], lang: Lang) -> String {
    let mut lines = Vec::new();
    for finding in findings {
        let word = confidence_word(finding.confidence, lang);
        lines.push(format!("{} [{word}]", shown(&finding.title, lang)));
        lines.extend(citations(report, &finding.evidence).map(|place| format!("  {place}")));
    }
    lines.join("\n")
}

/// An attribute's value: on one line, because XML reads a line end there as a space (XML 1.0, 3.3.3).
fn attribute(text: &str) -> String {
    escape::html(&text.replace(['\n', '\t'], " "))
}
