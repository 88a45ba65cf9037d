//! What the API server says of its own health.

use super::session::request;
use crate::collect::Outcome;
use crate::collect::context::{Context, Step};
use crate::collect::evidence::Place;

/// Endpoints that name each check (kubernetes.io/docs/reference/using-api/health-checks), and the files for their answers.
const CHECKS: &[(&str, &str)] = &[
    ("/readyz?verbose", "cluster-info/readyz.txt"),
    ("/livez?verbose", "cluster-info/livez.txt"),
];

const MOST: usize = 256 * 1024;

/// The step.
pub(super) fn step() -> Step {
    let reads = CHECKS.iter().map(|(target, _)| request(target)).collect();
    Step::new("kubernetes/health", reads, |ctx| Box::pin(read(ctx)))
}

async fn read(ctx: &mut Context) -> Outcome {
    let api = match ctx.cluster.api() {
        Ok(api) => api,
        Err(outcome) => return outcome,
    };
    let mut outcome = Outcome::Done;
    for (target, file) in CHECKS {
        match api.probe(target, MOST, ctx.deadline).await {
            Ok(answer) if answer.code == 403 || answer.code == 401 => {
                outcome = Outcome::Forbidden(format!("GET {target} is not allowed ({})", answer.code));
            }
            // 500 is the answer of a server with a failed check, and the text says which.
            Ok(answer) => {
                if answer.code != 200 {
                    ctx.evidence.note(format!("GET {target} answered {}", answer.code));
                }
                ctx.evidence
                    .line(Place::Top(file), &String::from_utf8_lossy(&answer.body));
            }
            Err(error) => outcome = error.into(),
        }
    }
    outcome
}
