//! The step of one kind: its list, from the reader into the archive.

use tokio::sync::mpsc::Receiver;
use tokio::time::timeout_at;

use super::api::Api;
use super::discovery::Kind;
use super::error::ApiError;
use super::lists::{PATIENCE, Part};
use super::session::request;
use super::writer::{Refused, Writer};
use crate::collect::Outcome;
use crate::collect::context::{Context, Step};

/// The largest list of namespaces, of which only the names are wanted.
const MOST_NAMESPACES: u64 = 16 * 1024 * 1024;

/// Kinds that are asked for in every namespace where they may not be listed at once; they tell where this user may read, and all
/// other kinds are asked for there first.
const EVERYWHERE: &[&str] = &["pods", "secrets"];

/// The step that writes the objects of the kind `index`.
pub(super) fn step(index: usize, kind: &Kind) -> Step {
    let reads = vec![request(&kind.path(None))];
    let name = format!("kubernetes/objects/{}", kind.name());
    Step::new(name, reads, move |ctx| Box::pin(read(ctx, index))).patient(PATIENCE)
}

async fn read(ctx: &mut Context, index: usize) -> Outcome {
    let api = match ctx.cluster.api() {
        Ok(api) => api,
        Err(outcome) => return outcome,
    };
    let session = &mut ctx.cluster;
    let Some(kind) = session.kinds.get(index).cloned() else {
        return Outcome::Skipped("the kind is not known".into());
    };
    let ahead = session.plan.concurrency;
    let parts = session
        .lists
        .take(index, ahead, &api, &session.kinds, &session.plan.namespaces);
    match parts {
        Some(parts) => write(ctx, &api, kind, parts).await,
        None => Outcome::Failed("the list was not begun".into()),
    }
}

/// Writes what a reader sends. A list of all namespaces that is forbidden is read namespace by namespace.
pub(super) async fn write(ctx: &mut Context, api: &Api, kind: Kind, parts: Receiver<Part>) -> Outcome {
    ctx.cluster.writing = Some(Writer::new(
        kind.clone(),
        ctx.evidence.spool(),
        ctx.evidence.most_of_a_file(),
    ));
    let mut outcome = consume(ctx, parts).await;
    if matches!(outcome, Outcome::Forbidden(_)) && kind.namespaced && ctx.cluster.plan.namespaces.is_empty() {
        let exhaustive = EVERYWHERE.contains(&kind.plural.as_str());
        let scopes = namespaces(ctx, api).await.into_iter().map(Some).collect();
        let parts = ctx.cluster.lists.begin(api, &kind, scopes, exhaustive);
        outcome = consume(ctx, parts).await;
        ctx.evidence
            .note("listing all namespaces at once is forbidden; they were tried one by one");
    }
    let complete = outcome == Outcome::Done;
    match finish(ctx, complete) {
        Err(Refused::Broken(error)) => error.into(),
        Ok(()) | Err(Refused::Full) => outcome,
    }
}

/// Writes what came of a list whose step was ended from outside: a signal, or its time.
pub(crate) fn rescue(ctx: &mut Context) {
    if let Err(Refused::Broken(error)) = finish(ctx, false) {
        ctx.evidence.note(error.to_string());
    }
}

/// Writes the list that is open, if one is, and remembers what later steps want to know of it.
fn finish(ctx: &mut Context, complete: bool) -> Result<(), Refused> {
    let Some(writer) = ctx.cluster.writing.take() else {
        return Ok(());
    };
    let noticed = writer.finish(&mut ctx.evidence, complete)?;
    let session = &mut ctx.cluster;
    session.pods.extend(noticed.pods);
    session.nodes.extend(noticed.nodes);
    if complete && !noticed.namespaces.is_empty() {
        session.namespaces = Some(noticed.namespaces);
    }
    Ok(())
}

/// The namespaces to try one by one, those first of which something was readable.
async fn namespaces(ctx: &mut Context, api: &Api) -> Vec<String> {
    if let Some(names) = &ctx.cluster.namespaces {
        let mut names = names.clone();
        names.sort_by_key(|name| !ctx.cluster.readable.contains(name));
        return names;
    }
    let listed = api
        .json("/api/v1/namespaces?limit=500", MOST_NAMESPACES, ctx.deadline)
        .await;
    let names: Vec<String> = match &listed {
        Ok(list) => {
            let items = list
                .get("items")
                .and_then(serde_json::Value::as_array)
                .into_iter()
                .flatten();
            items
                .filter_map(|item| Some(item.pointer("/metadata/name")?.as_str()?.to_owned()))
                .collect()
        }
        Err(_) => vec![ctx.cluster.own_namespace.clone()],
    };
    ctx.cluster.namespaces = Some(names.clone());
    names
}

/// Hands all parts to the writer, until the list ends, the bundle is full, or the step's time is over.
async fn consume(ctx: &mut Context, mut parts: Receiver<Part>) -> Outcome {
    let mut failed: Vec<(String, ApiError)> = Vec::new();
    let mut scope = None;
    loop {
        let part = match timeout_at(ctx.deadline, parts.recv()).await {
            Err(_) => return Outcome::TimedOut,
            Ok(None) => return Outcome::Failed("the reader of the list ended early".into()),
            Ok(Some(part)) => part,
        };
        let Some(writer) = ctx.cluster.writing.as_mut() else {
            return Outcome::Failed("the list has no place".into());
        };
        let taken = match part {
            Part::Begin(namespace) => {
                scope = namespace;
                writer.begin()
            }
            Part::Restart => writer.restart(),
            Part::Page(body) => {
                ctx.cluster.readable.extend(scope.clone());
                writer.page(&mut ctx.evidence, &body)
            }
            Part::Note(note) => {
                ctx.evidence.note(note);
                Ok(())
            }
            Part::Failed(namespace, error) => {
                failed.push((namespace, error));
                Ok(())
            }
            Part::End(result, took) => {
                *ctx.reading.get_or_insert_default() += took;
                return match result {
                    Ok(()) => ended(failed),
                    Err(error) => error.into(),
                };
            }
        };
        match taken {
            Ok(()) => {}
            Err(Refused::Full) => {
                ctx.evidence
                    .note("the bundle has no room for the other objects of this kind; raise --max-size");
                return Outcome::Done;
            }
            Err(Refused::Broken(error)) => return error.into(),
        }
    }
}

/// What became of a list by namespaces: forbidden ones explain themselves, others do not.
fn ended(failed: Vec<(String, ApiError)>) -> Outcome {
    let count = failed.len();
    let (forbidden, broken): (Vec<_>, Vec<_>) = failed.into_iter().partition(|(_, error)| error.code() == Some(403));
    match (broken.first(), forbidden.first()) {
        (Some((namespace, error)), _) => Outcome::Failed(format!(
            "{count} namespaces could not be read, {namespace} among them: {error}"
        )),
        (None, Some((_, error))) => Outcome::Forbidden(format!("{count} namespaces may not be read: {error}")),
        (None, None) => Outcome::Done,
    }
}
