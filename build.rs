//! Gathers the rules: every file in `src/rules/<family>/` becomes an entry of the registry, so a new rule is one new file.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("src/rules");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut modules = String::new();
    let mut entries = String::new();
    for family in walkdir::WalkDir::new(&root)
        .min_depth(1)
        .max_depth(1)
        .sort_by_file_name()
    {
        let family = family?;
        // What rules share, and the rules of another program, are no families.
        if !family.file_type().is_dir()
            || ["toolbox", "problem_detector"]
                .iter()
                .any(|name| family.file_name() == *name)
        {
            continue;
        }
        println!("cargo::rerun-if-changed={}", family.path().display());
        let family_name = family.file_name().to_string_lossy().into_owned();
        // Prefixed, so that a family may be called what a module of the registry is called.
        writeln!(modules, "mod family_{family_name} {{")?;
        for file in walkdir::WalkDir::new(family.path())
            .min_depth(1)
            .max_depth(1)
            .sort_by_file_name()
        {
            let file = file?;
            let name = file.file_name().to_string_lossy().into_owned();
            let path = file.path().display().to_string();
            let place = format!("src/rules/{family_name}/{name}");
            if let Some(stem) = name.strip_suffix(".rs") {
                writeln!(modules, "    #[path = {path:?}]\n    pub(super) mod {stem};")?;
                writeln!(
                    entries,
                    "    RuleSource {{ place: {place:?}, family: {family_name:?}, header: family_{family_name}::{stem}::RULE, detect: Some(family_{family_name}::{stem}::detect) }},"
                )?;
            } else if name.ends_with(".yaml") {
                writeln!(
                    entries,
                    "    RuleSource {{ place: {place:?}, family: {family_name:?}, header: include_str!({path:?}), detect: None }},"
                )?;
            }
        }
        writeln!(modules, "}}")?;
    }
    let generated = format!(
        "{modules}\n/// Every built-in rule, in order of family and file.\npub(super) const BUILT_IN: &[RuleSource] = &[\n{entries}];\n"
    );
    fs::write(Path::new(&env::var("OUT_DIR")?).join("rules.rs"), generated)?;
    Ok(())
}
