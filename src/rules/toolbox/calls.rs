//! Which workload calls which Service: as its settings name it, and as its own log complains of it.

use super::complaints::{Complaint, complaints};
use super::peers::objects_of;
use super::references::{Resolved, references};
use super::speakers::technology;
use super::unanswered::unanswered;
use crate::cluster::{Object, ObjectKey, Snapshot};
use crate::model::{Citation, Confidence, Subject};
use crate::rules::header::{SubjectOf, Subjects};

/// A workload calls a Service.
#[derive(Debug, Clone)]
pub struct Call<'s> {
    /// Who calls.
    pub client: Subject,
    /// What is called.
    pub service: &'s Object,
    /// The Service's port, where it is told.
    pub port: Option<i64>,
    /// What shows it.
    pub cite: Citation,
    /// True when the client writes that the call fails.
    pub fails: bool,
    /// The object whose setting names the Service, or the pod that complains.
    pub holder: Option<ObjectKey>,
}

/// How the complaints of clients are gathered where the rule that asks is about something else.
pub fn of_clients() -> Subjects {
    Subjects {
        even_when_ready: Vec::new(),
        subject: SubjectOf::Application,
        path: String::new(),
        confidence: Confidence::Probable,
        only_while_failing: false,
        least: 1,
        clients_only: true,
        out_of_reach: true,
        server_side: Vec::new(),
        peer_side: Vec::new(),
        lasting: Vec::new(),
        own_limits: Vec::new(),
        when_blamed: Vec::new(),
        passing: Vec::new(),
        suffers: Vec::new(),
        common_store: false,
        set_aside: Vec::new(),
        driver_of: String::new(),
        stores_tell: Vec::new(),
    }
}

/// True for the signatures by which clients say that a peer cannot be reached.
pub fn is_out_of_reach(signature: &str) -> bool {
    signature.starts_with("app-upstream-refused/") || signature.starts_with("app-database-unreachable/")
}

/// All calls, those of which clients complain first.
pub fn calls(snapshot: &Snapshot) -> Vec<Call<'_>> {
    let mut found = Vec::new();
    let said = complaints(snapshot, &is_out_of_reach, &of_clients());
    for complaint in &said {
        let client = complaint.speaker.workload.clone();
        let peer = complaint.peer();
        let called = objects_of(snapshot, &client.namespace, &peer);
        let service = called
            .iter()
            .find(|object| object.kind == "Service")
            .and_then(|object| snapshot.object("Service", &object.namespace, &object.name));
        if let Some(service) = service {
            found.push(Call {
                client,
                service,
                port: peer.port.map(i64::from),
                cite: complaint.cite.clone(),
                fails: true,
                holder: complaint.speaker.pod.map(|pod| pod.object.key.clone()),
            });
        }
    }
    for call in unanswered(snapshot).iter() {
        let services = call.called.iter().filter(|object| object.kind == "Service");
        let service = services
            .filter_map(|object| snapshot.object("Service", &object.namespace, &object.name))
            .next();
        if let Some(service) = service {
            found.push(Call {
                client: call.client.clone(),
                service,
                port: None,
                cite: call.cite.clone(),
                fails: true,
                holder: None,
            });
        }
    }
    for reference in references(snapshot).iter() {
        if let Resolved::Service(service) = reference.resolve(snapshot) {
            let failed = said
                .iter()
                .find(|complaint| complaint.speaker.workload == reference.workload && is_about(complaint, service));
            found.push(Call {
                client: reference.workload.clone(),
                service,
                port: reference.port,
                cite: failed.map_or(&reference.cite, |complaint| &complaint.cite).clone(),
                fails: failed.is_some(),
                holder: Some(reference.holder.clone()),
            });
        }
    }
    found
}

/// True for a complaint that names no peer, and of which the kind of the peer is told by the client's library: `PSQLException` is about what
/// is called `ledger-pg-rw`.
fn is_about(complaint: &Complaint<'_>, service: &Object) -> bool {
    let words = technology(complaint.signature.rsplit('/').next().unwrap_or(""));
    complaint.peer().host.is_empty() && service.key.name.split(['-', '.']).any(|word| words.contains(&word))
}
