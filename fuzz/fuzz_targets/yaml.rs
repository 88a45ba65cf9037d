//! One YAML document: what the reader for the usual form makes of it is what the YAML crate makes of it.
#![no_main]

use casefile::bundle::decode::{DECODERS, Fact, TextFile, parse_yaml};
use casefile::model::{EntryPath, ProblemKind};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // What is left out of managed fields and schemas, and the lines of a list, are no business of this comparison.
    if [
        "fieldsV1",
        "openAPIV3Schema",
        "items:",
        "Items",
        "ListMeta",
        "ObjectMeta",
        "Spec",
        "Status",
    ]
    .iter()
    .any(|word| text.contains(word))
    {
        return;
    }
    let text = format!("kind: A\nmetadata:\n  name: a\n{text}");
    let path = EntryPath::new("a.yaml");
    let file = TextFile::new("b".into(), &path, &text);
    let decoder = DECODERS
        .iter()
        .find(|decoder| decoder.name == "yaml")
        .expect("there is a decoder of this name");
    let section = (decoder.decode)(&file, 0).expect("a document begins here");
    let by_crate = parse_yaml(&file.lines[..section.end].join("\n"));
    if let [Fact::Object(object)] = section.facts.as_slice() {
        match by_crate {
            Ok(value) => assert_eq!(object.value, value, "{text}"),
            // Depth is guessed from the brackets before the crate is asked, and some of them are mere text.
            Err(error) if error.kind == ProblemKind::OverBudget => {}
            Err(error) => panic!("the crate says: {}\n{text}", error.message),
        }
    }
});
