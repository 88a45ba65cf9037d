//! The sample bundles, and the road from a bundle to its reports through the library.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use casefile::bundle::{Budget, walk};
use casefile::cluster::{Snapshot, read_bundle};
use casefile::diagnosis::diagnose;
use casefile::logs::SignatureSet;
use casefile::model::Lang;
use casefile::redact::Masker;
use casefile::report::{Format, compose, learn_secrets, render};
use casefile::rules::Rules;
use serde_json::Value;

/// The built-in rules, loaded once.
pub(crate) static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::load().unwrap());

/// A path below the checkout.
pub(crate) fn checkout(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A bundle read without looking for any signature.
pub(crate) fn snapshot(path: &Path) -> Snapshot {
    snapshot_within(path, Budget::default())
}

/// The same under a budget.
pub(crate) fn snapshot_within(path: &Path, budget: Budget) -> Snapshot {
    let signatures = SignatureSet::new([]).unwrap();
    read_bundle(path, "b", &signatures, budget).unwrap()
}

/// A real bundle of a producer, by its path in the checkout.
pub(crate) fn sample_of_layout(path: &str) -> Snapshot {
    snapshot(&checkout(path))
}

/// A directory with these files.
pub(crate) fn directory(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (path, bytes) in files {
        let path = directory.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    directory
}

/// A directory with these texts, read as a bundle.
pub(crate) fn written(files: &[(&str, &str)]) -> Snapshot {
    let files: Vec<(&str, &[u8])> = files.iter().map(|(path, text)| (*path, text.as_bytes())).collect();
    snapshot(directory(&files).path())
}

/// The archive of a sample.
pub(crate) fn sample(name: &str) -> PathBuf {
    checkout("bundles").join(format!("{name}.tar.gz"))
}

/// What a report of `name` is compared with: the samples have a baseline only where one lies beside them.
pub(crate) fn baseline_of(name: &str) -> Option<PathBuf> {
    Some(sample(&format!("{name}-baseline"))).filter(|path| path.exists())
}

/// All reports of one bundle.
pub(crate) struct Reports {
    /// By language code and extension.
    pub(crate) texts: BTreeMap<(&'static str, &'static str), String>,
    /// The JSON report, which is the same in both languages.
    pub(crate) json: Value,
}

impl Reports {
    pub(crate) fn text(&self, lang: Lang, format: Format) -> &str {
        &self.texts[&(lang.code(), format.extension())]
    }

    /// The bare names and rules of the root causes, best first.
    pub(crate) fn roots(&self) -> Vec<(&str, &str)> {
        let roots = self.json["root_causes"].as_array().unwrap();
        roots
            .iter()
            .map(|root| {
                (
                    root["rule"].as_str().unwrap(),
                    root["subject"]["name"].as_str().unwrap(),
                )
            })
            .collect()
    }
}

fn read(path: &Path, alias: &str) -> Snapshot {
    read_bundle(path, alias, RULES.signatures(), Budget::default()).unwrap()
}

/// Analyses a bundle as the program does. `name` is what its citations call it; its baseline is called `<name>-baseline`.
pub(crate) fn analyse(path: &Path, name: &str, baseline: Option<&Path>) -> Reports {
    let snapshot = read(path, name);
    let baseline = baseline.map(|path| read(path, &format!("{name}-baseline")));
    let mut masker = Masker::new();
    for snapshot in std::iter::once(&snapshot).chain(&baseline) {
        learn_secrets(&mut masker, snapshot);
    }
    let report = compose(&diagnose(&RULES, &snapshot, baseline.as_ref()), &mut masker).unwrap();
    let mut texts = BTreeMap::new();
    for lang in [Lang::Zh, Lang::En] {
        for format in Format::ALL {
            texts.insert(
                (lang.code(), format.extension()),
                render(&report, lang, format).unwrap(),
            );
        }
    }
    let json = serde_json::from_str(&texts[&("en", "json")]).unwrap();
    Reports { texts, json }
}

/// The files of an archive by their paths.
pub(crate) fn files(path: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    walk(path, &mut Budget::default(), &mut |entry| {
        let mut bytes = Vec::new();
        entry.content.read_to_end(&mut bytes).unwrap();
        files.insert(entry.path.to_string(), String::from_utf8_lossy(&bytes).into_owned());
    })
    .unwrap();
    files
}

/// What `bundles/expected.json` wants of the samples.
pub(crate) fn expected() -> Vec<Value> {
    let text = std::fs::read_to_string(checkout("bundles/expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The reports of every sample that is expected to have one, by name.
pub(crate) static SAMPLES: LazyLock<BTreeMap<String, Reports>> = LazyLock::new(|| {
    expected()
        .iter()
        .map(|wanted| {
            let name = wanted["bundle"].as_str().unwrap().to_owned();
            let reports = analyse(&sample(&name), &name, baseline_of(&name).as_deref());
            (name, reports)
        })
        .collect()
});
