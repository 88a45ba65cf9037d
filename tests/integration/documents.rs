//! The documents are true: the list of rules is the one that the program writes, and the worked example of a rule is one.

use std::collections::BTreeSet;

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
fn the_page_of_every_family_is_fresh() {
    let rules = Rules::load().unwrap();
    let families: BTreeSet<String> = rules.iter().map(|rule| rule.family.clone()).collect();
    let desk = Desk::new();
    for family in &families {
        let written = desk.run(&["rules", "page", family]);
        written.assert_done();
        let kept = std::fs::read_to_string(checkout(&format!("docs/rules/{family}.md"))).unwrap_or_default();
        assert!(
            kept == written.out,
            "docs/rules/{family}.md is not what the program writes; run: casefile rules page {family} > docs/rules/{family}.md"
        );
        for rule in rules.iter().filter(|rule| rule.family == *family) {
            let heading = format!("\n## {}\n", rule.header.id);
            let section = kept.split(&heading).nth(1).and_then(|rest| rest.split("\n## ").next());
            let section = section.unwrap_or_else(|| panic!("{} has no section", rule.header.id));
            for part in [
                "What broke",
                "Evidence",
                "Look-alikes",
                "Remedy",
                "Prevention",
                "Source",
            ] {
                assert!(section.contains(part), "{}: {part}", rule.header.id);
            }
        }
    }
    let pages = std::fs::read_dir(checkout("docs/rules")).unwrap();
    let pages: BTreeSet<String> = pages
        .map(|page| page.unwrap().file_name().into_string().unwrap().replace(".md", ""))
        .collect();
    assert_eq!(pages, families, "a page of a family that is gone");
    desk.run(&["rules", "page", "nodes"])
        .assert_refused(2, &["nodes", "there are", "node"]);
}

#[test]
fn every_link_between_the_pages_of_rules_leads_somewhere() {
    let read = |place: &str| std::fs::read_to_string(checkout(place)).unwrap();
    let mut documents = vec![("docs/rules.md".to_owned(), "docs/".to_owned())];
    for page in std::fs::read_dir(checkout("docs/rules")).unwrap() {
        let name = page.unwrap().file_name().into_string().unwrap();
        documents.push((format!("docs/rules/{name}"), "docs/rules/".to_owned()));
    }
    let mut seen = 0;
    for (document, folder) in documents {
        for target in read(&document)
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let Some((file, anchor)) = target.split_once(".md#") else {
                continue;
            };
            let page = read(&format!("{folder}{file}.md"));
            assert!(page.contains(&format!("\n## {anchor}\n")), "{document}: {target}");
            seen += 1;
        }
    }
    assert!(seen > 1000, "{seen} links");
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
