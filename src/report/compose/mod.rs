//! From a diagnosis to the post-mortem: every sentence gets its evidence, everything is masked, what nobody can know stays blank.

mod actions;
mod alive;
mod appendix;
mod barriers;
mod baseline_gaps;
mod brief_runs;
mod bursts;
mod causes;
mod changed;
mod claims;
mod comparison;
mod contradictions;
mod data;
mod difference;
mod doubles;
mod environment;
mod expected;
mod hypotheses;
mod kept;
mod ledger;
mod lessons;
mod logged;
mod narrowing;
mod nodes;
mod observations;
mod one_machine;
mod overview;
mod pair;
mod phrases;
mod policy;
mod reach;
mod reported;
mod server;
mod severity;
mod so_what;
mod stand_ins;
mod started;
mod symptoms;
mod timeline;
mod triage;
mod unexplained;
mod whose;

use crate::cluster::Snapshot;
use crate::diagnosis::Diagnosis;
use crate::redact::Masker;
use crate::report::model::{BundleRef, PostMortem, SCHEMA_VERSION, Tool};

pub(super) use expected::is_silent;
use ledger::Ledger;
pub use pair::compare;
pub use policy::{Policy, SeverityScheme};

/// Composes the report of one diagnosis. `masker` has learned the secrets of all snapshots involved; it masks what is quoted here.
///
/// # Errors
/// A rule's wording asks for a fact that its function did not give: a defect that the rule's examples should have found.
pub fn compose(diagnosis: &Diagnosis<'_>, masker: &mut Masker) -> Result<PostMortem, minijinja::Error> {
    let mut ledger = Ledger::new(diagnosis, masker);
    // In reading order, so that evidence is numbered as it is first mentioned.
    let incident = overview::incident(&mut ledger)?;
    let root_causes = causes::root_causes(&mut ledger)?;
    let symptoms = symptoms::symptoms(&mut ledger)?;
    let resources = overview::resources(&mut ledger)?;
    let timeline = timeline::timeline(&mut ledger)?;
    let triage = triage::triage(&mut ledger);
    let sessions = comparison::sessions(&mut ledger)?;
    let (analysis, matrix) = comparison::analysis(&mut ledger);
    let (diff, diff_about) = difference::differences(&mut ledger);
    let mut ruled_out = causes::ruled_out(&mut ledger)?;
    let hypotheses = hypotheses::hypotheses(&mut ledger, &ruled_out)?;
    let further_hypotheses = hypotheses::further(&mut ledger)?;
    let (rivals_well, rivals_unknown) = hypotheses::rivals(&ledger);
    ruled_out.extend(hypotheses::excluded(
        hypotheses.iter().chain(&further_hypotheses),
        &ruled_out,
    ));
    ruled_out.extend(rivals_well);
    let localisation = causes::localisation(&mut ledger)?;
    let recovery = actions::recovery(&mut ledger)?;
    let direct_causes = causes::direct_causes(&mut ledger)?;
    let mut contributing = causes::contributing(&mut ledger)?;
    let causal = causes::graph(&mut ledger, &contributing)?;
    let (mut open_questions, conflicts) = causes::questions(&mut ledger)?;
    open_questions.extend(rivals_unknown);
    let unexplained = unexplained::unexplained(&mut ledger);
    let found = causes::factors_found(&mut ledger, &mut contributing)?;
    let actions = actions::actions(&mut ledger, &contributing, &found)?;
    let lessons = lessons::lessons(&mut ledger, &contributing)?;
    let findings = causes::findings(&mut ledger)?;
    let gaps = appendix::gaps(&mut ledger)?;
    let clock = appendix::clock(&mut ledger);
    let checks = appendix::checks(&mut ledger);
    let node_differences = nodes::differences(&mut ledger);
    let pod_differences = nodes::of_siblings(&mut ledger);
    let applied = difference::applied(&mut ledger);
    let redactions = appendix::redactions(&ledger);
    let actions = actions::numbered(&mut ledger, actions);
    let tool = Tool {
        name: "casefile",
        version: env!("CARGO_PKG_VERSION"),
        rules: diagnosis.rules.iter().count(),
        rules_sha256: diagnosis.rules.digest(),
    };
    let mut bundles = bundle_refs(&mut ledger, diagnosis.snapshot, "incident");
    if let Some(baseline) = diagnosis.baseline {
        bundles.extend(bundle_refs(&mut ledger, baseline, "baseline"));
    }
    Ok(PostMortem {
        schema_version: SCHEMA_VERSION,
        generated_at: None,
        tool,
        bundles,
        narrowing: narrowing::narrowing(diagnosis),
        incident,
        root_causes,
        findings,
        symptoms,
        resources,
        timeline,
        triage,
        sessions,
        analysis,
        matrix,
        diff,
        diff_about,
        hypotheses,
        further_hypotheses,
        localisation,
        recovery,
        direct_causes,
        contributing,
        causal,
        ruled_out,
        open_questions,
        conflicts,
        unexplained,
        actions,
        lessons,
        evidence: ledger.take_evidence(),
        knowledge: ledger.knowledge,
        gaps,
        clock,
        redactions,
        checks,
        node_differences,
        pod_differences,
        applied,
        blanks: ledger.blanks,
        answers: Vec::new(),
        is_cut: diagnosis.snapshot.coverage.is_cut(),
        remarks: ledger.remarks,
    })
}

/// As [`learn_secrets`], for what speaks of the snapshot's objects and containers: it leaves them their names.
pub fn learn_beside_names(masker: &mut Masker, snapshot: &Snapshot) {
    let keys = snapshot.objects.keys();
    masker.leave_names(keys.flat_map(|key| [key.name.as_str(), key.namespace.as_str()]));
    let containers = snapshot.hosts.iter().flat_map(|host| &host.containers);
    masker.leave_names(containers.map(|container| container.name.as_str()));
    learn_secrets(masker, snapshot);
}

/// Lets a masker learn every secret that the structure of a snapshot's objects and containers gives away.
pub fn learn_secrets(masker: &mut Masker, snapshot: &Snapshot) {
    let objects = snapshot.objects.values().chain(&snapshot.applied);
    let containers = snapshot.hosts.iter().flat_map(|host| &host.containers);
    let inspected = containers.filter_map(|container| Some(&container.inspect.as_ref()?.value));
    let values: Vec<&serde_json::Value> = objects.map(|object| &object.value).chain(inspected).collect();
    masker.learn_all(&values);
}

/// Every archive that a snapshot was read from. Its name and those of its machines may hold a secret.
fn bundle_refs(ledger: &mut Ledger<'_, '_>, snapshot: &Snapshot, role: &'static str) -> Vec<BundleRef> {
    let archives = snapshot.archives().into_iter();
    archives
        .map(|archive| BundleRef {
            alias: ledger.masker.mask(&archive.info.alias).into_owned(),
            input: ledger.masker.mask(&archive.info.input).into_owned(),
            layout: archive.info.layout,
            sha256: archive.info.sha256,
            collected_at: archive.info.collected_at,
            nodes: archive.nodes,
            files: archive.files,
            role,
        })
        .collect()
}
