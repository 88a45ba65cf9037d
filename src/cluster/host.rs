//! One machine's evidence: what its container runtime, its crontabs and its files say.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::HostTools;
use crate::bundle::decode::{
    Certificate, ContainerListing, ContainerState, CronEntry, DockerInspect, HostNameSource, ImageFact, PruneRun,
    Resolver, RuntimeEvent, Script,
};
use crate::model::{Citation, When};

/// A machine. Two directories of a bundle are two machines.
#[derive(Debug, Clone, Default)]
pub struct Host {
    /// The directory in the bundle that holds its evidence, or the name that its files carry; empty when the bundle is one machine's.
    pub directory: String,
    /// The name that the directory gives it; empty when it gives none.
    pub directory_name: String,
    /// The names by which it knows itself.
    pub names: BTreeMap<HostNameSource, (String, Citation)>,
    /// Containers of its runtime, listing and inspection joined, by name.
    pub containers: Vec<HostContainer>,
    /// Containers that a listing has and the output of a later clean-up names as deleted: they are none of `containers`.
    pub deleted: Vec<HostContainer>,
    /// The listings that `containers` come from.
    pub listings: Vec<ContainerListing>,
    /// Images.
    pub images: Vec<ImageFact>,
    /// Crontab lines.
    pub cron: Vec<CronEntry>,
    /// Scripts.
    pub scripts: Vec<Script>,
    /// Outputs of prune commands.
    pub prunes: Vec<PruneRun>,
    /// Events of the container runtime, in time order as far as it is known.
    pub runtime_events: Vec<RuntimeEvent>,
    /// Kernel parameters.
    pub sysctl: BTreeMap<String, (String, Citation)>,
    /// resolv.conf files.
    pub resolvers: Vec<Resolver>,
    /// Certificates.
    pub certificates: Vec<Certificate>,
    /// Single values by dotted name.
    pub values: BTreeMap<String, (String, Citation)>,
    /// Its clock at collection.
    pub clock: Option<(When, String, Citation)>,
    /// What its tools say of units, processes, files, the network, the CRI runtime and etcd.
    pub tools: HostTools,
}

/// A container of a host's runtime.
#[derive(Debug, Clone)]
pub struct HostContainer {
    /// Id, as long as any source has it.
    pub id: String,
    /// Name.
    pub name: String,
    /// Image reference.
    pub image: String,
    /// State.
    pub state: ContainerState,
    /// Status words of the listing; empty when only inspected.
    pub status: String,
    /// When it came into this state, by the status words of the listing (`Exited (0) 3 hours ago`).
    pub since: Option<When>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// `docker inspect`, where there is one.
    pub inspect: Option<DockerInspect>,
    /// Where its state was read.
    pub cite: Citation,
}

impl Host {
    /// What the container runtime's own reports call this machine: Docker's name, else the host's, else the directory's.
    pub fn runtime_name(&self) -> &str {
        self.name_of(&[HostNameSource::Docker, HostNameSource::Host, HostNameSource::Kubelet])
    }

    /// What Kubernetes is likely to call it: the directory's name, else the kubelet's, else the host's.
    pub fn node_name(&self) -> &str {
        if self.directory_name.is_empty() {
            self.name_of(&[HostNameSource::Kubelet, HostNameSource::Host, HostNameSource::Docker])
        } else {
            &self.directory_name
        }
    }

    /// Between which moments it booted: its clock at collection less the time it had been up (`uptime`, to the minute).
    pub fn booted(&self) -> Option<(Timestamp, Timestamp)> {
        /// The two were not read in the same instant.
        const APART: SignedDuration = SignedDuration::from_secs(30);
        let (clock, ..) = self.clock.as_ref()?;
        let (seconds, _) = self.values.get("host.uptime-seconds")?;
        let up = SignedDuration::from_secs(seconds.parse().ok()?);
        let earliest = clock.earliest.checked_sub(up).ok()?.checked_sub(APART).ok()?;
        let earliest = earliest.checked_sub(SignedDuration::from_mins(1)).ok()?;
        Some((earliest, clock.latest.checked_sub(up).ok()?.checked_add(APART).ok()?))
    }

    fn name_of(&self, order: &[HostNameSource]) -> &str {
        order
            .iter()
            .find_map(|source| self.names.get(source))
            .map_or(self.directory_name.as_str(), |(name, _)| name)
    }

    /// The container of this name.
    pub fn container(&self, name: &str) -> Option<&HostContainer> {
        self.containers.iter().find(|container| container.name == name)
    }

    /// A listing that is known to hold stopped containers too; only such a one can show that a container is absent.
    pub fn complete_listing(&self) -> Option<&ContainerListing> {
        self.listings.iter().find(|listing| listing.is_complete())
    }

    /// An image by its exact reference.
    pub fn image(&self, reference: &str) -> Option<&ImageFact> {
        self.images.iter().find(|image| image.reference == reference)
    }
}
