//! The documents are true: the list of rules is the one that the program writes, and the worked example of a rule is one.

use casefile::rules::Rules;

use super::cli::Desk;
use super::rules::{wrong_examples, wrong_parts};
use super::support::checkout;

#[test]
fn the_list_of_rules_is_fresh() {
    let written = Desk::new().run(&["rules", "list", "-f", "markdown"]);
    written.assert_done();
    let kept = std::fs::read_to_string(checkout("docs/rules.md")).unwrap();
    assert!(
        kept == written.out,
        "docs/rules.md is not what the program writes; run: casefile rules list -f markdown > docs/rules.md"
    );
}

#[test]
fn a_rule_can_be_shown_and_explained_in_both_languages() {
    let desk = Desk::new();
    let rules = Rules::load().unwrap();
    // One of each form: with a function, and of YAML alone. Each run loads all rules.
    let forms = [".rs", ".yaml"];
    for form in forms {
        let rule = rules.iter().find(|rule| rule.place.ends_with(form)).unwrap();
        let id = rule.header.id.as_str();
        let shown = desk.run(&["rules", "show", id]);
        shown.assert_done();
        assert!(shown.out.contains(&format!("id: {id}")), "{}", shown.out);
        for (lang, check) in [("zh", &rule.header.check.zh), ("en", &rule.header.check.en)] {
            let explained = desk.run(&["explain", id, "--lang", lang]);
            explained.assert_done();
            assert!(explained.out.contains(check.as_str()), "{}", explained.out);
        }
    }
}

#[test]
fn the_worked_example_of_contributing_is_a_whole_rule() {
    let text = std::fs::read_to_string(checkout("CONTRIBUTING.md")).unwrap();
    let header = text
        .split("```yaml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .expect("a block of YAML");
    let place = text
        .split("Make `src/rules/")
        .nth(1)
        .and_then(|rest| rest.split('`').next())
        .expect("the file that it is made in");
    let place = format!("src/rules/{place}");
    let rules = Rules::of_header(&place, header).unwrap();
    let wrong: Vec<String> = wrong_parts(&rules).into_iter().chain(wrong_examples(&rules)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
