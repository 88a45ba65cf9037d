//! What a machine's tools say: units, processes, configuration files, file systems, the network, the CRI runtime, etcd.

use crate::bundle::decode::{
    CertificateExpiry, Config, Counted, CriEntry, CriKind, CriListing, Directory, EtcdAlarm, EtcdEndpoint, EtcdMember,
    Filesystem, Firewall, HealthCheck, HostFact, HostsEntry, Interface, Listener, Process, Route, Unit, VirtualServer,
};
use crate::model::Citation;

/// The statements of one machine's tools, in the order of the bundle.
#[derive(Debug, Clone, Default)]
pub struct HostTools {
    /// Units of systemd; the richest statement of each name, `systemctl status` before `list-units`.
    pub units: Vec<Unit>,
    /// Processes.
    pub processes: Vec<Process>,
    /// Configuration files.
    pub configs: Vec<Config>,
    /// Listed directories.
    pub directories: Vec<Directory>,
    /// The use of file systems, in bytes and in inodes.
    pub filesystems: Vec<Filesystem>,
    /// Containers, sandboxes and images of the CRI runtime, each once for each tool that lists it.
    pub cri: Vec<CriEntry>,
    /// The listings that `cri` comes from.
    pub cri_listings: Vec<CriListing>,
    /// Network interfaces.
    pub interfaces: Vec<Interface>,
    /// Routes of all tables that were dumped.
    pub routes: Vec<Route>,
    /// Dumps of the packet filter.
    pub firewalls: Vec<Firewall>,
    /// Listening sockets.
    pub listeners: Vec<Listener>,
    /// `/etc/hosts`.
    pub hosts_file: Vec<HostsEntry>,
    /// Virtual servers of IPVS.
    pub virtual_servers: Vec<VirtualServer>,
    /// Members of etcd.
    pub etcd_members: Vec<EtcdMember>,
    /// Endpoints of etcd; status and health of one endpoint are joined.
    pub etcd_endpoints: Vec<EtcdEndpoint>,
    /// Alarms of etcd.
    pub etcd_alarms: Vec<EtcdAlarm>,
    /// Ends of certificates as kubeadm lists them.
    pub expiries: Vec<CertificateExpiry>,
    /// Checks of health endpoints.
    pub health: Vec<HealthCheck>,
}

impl HostTools {
    pub(super) fn add(&mut self, fact: HostFact) {
        match fact {
            HostFact::Unit(unit) => self.add_unit(unit),
            HostFact::Process(process) => self.processes.push(process),
            HostFact::Config(config) => self.configs.push(config),
            HostFact::Directory(directory) => self.directories.push(directory),
            HostFact::Filesystem(filesystem) => self.filesystems.push(filesystem),
            HostFact::Cri(entry) => self.add_cri(entry),
            HostFact::CriListing(listing) => self.cri_listings.push(listing),
            HostFact::Interface(interface) => self.add_interface(interface),
            HostFact::Route(route) => self.routes.push(route),
            HostFact::Firewall(firewall) => self.firewalls.push(firewall),
            HostFact::Listener(listener) => self.listeners.push(listener),
            HostFact::HostsEntry(entry) => self.hosts_file.push(entry),
            HostFact::VirtualServer(server) => self.virtual_servers.push(server),
            HostFact::EtcdMember(member) => self.etcd_members.push(member),
            HostFact::EtcdEndpoint(endpoint) => self.add_endpoint(endpoint),
            HostFact::EtcdAlarm(alarm) => self.etcd_alarms.push(alarm),
            HostFact::CertificateExpiry(expiry) => self.expiries.push(expiry),
            HostFact::HealthCheck(check) => self.health.push(check),
        }
    }

    /// A unit by its name; `.service` may be left out.
    pub fn unit(&self, name: &str) -> Option<&Unit> {
        self.units
            .iter()
            .find(|unit| unit.name == name || unit.name.strip_suffix(".service") == Some(name))
    }

    /// The first process of a program, by its file name.
    pub fn process(&self, program: &str) -> Option<&Process> {
        self.processes.iter().find(|process| process.program() == program)
    }

    /// The value of a program's flag: as it runs with it, else as the file of its arguments has it.
    pub fn argument(&self, program: &str, flag: &str) -> Option<(&str, Citation)> {
        let mut running = self.processes.iter().filter(|process| process.program() == program);
        let of_process = running.find_map(|process| Some((process.flag(flag)?, process.cite.clone())));
        let of_file = || {
            let files = self.configs.iter().filter(|config| config.program() == Some(program));
            let mut arguments = files.flat_map(Config::arguments);
            arguments.find_map(|(name, value, cite)| (name == flag).then_some((value, cite)))
        };
        of_process.or_else(of_file)
    }

    /// Configuration files whose path ends so.
    pub fn configs_at<'h>(&'h self, end: &'h str) -> impl Iterator<Item = &'h Config> {
        self.configs.iter().filter(move |config| config.path.ends_with(end))
    }

    /// The file system that holds a path of the machine: the one with the longest mount point above it.
    pub fn filesystem_of(&self, path: &str, counted: Counted) -> Option<&Filesystem> {
        let is_above = |mount: &str| {
            let rest = path.strip_prefix(mount.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let above = self
            .filesystems
            .iter()
            .filter(|row| row.counted == counted && is_above(&row.mount));
        above.max_by_key(|row| row.mount.len())
    }

    /// A listing that is known to be complete; only such a one can show that something is absent.
    pub fn complete_cri_listing(&self, kind: CriKind) -> Option<&CriListing> {
        self.cri_listings
            .iter()
            .find(|listing| listing.kind == kind && listing.is_complete)
    }

    fn add_unit(&mut self, unit: Unit) {
        match self.units.iter_mut().find(|known| known.name == unit.name) {
            // `since` is what only `systemctl status` has.
            Some(known) if known.since.is_empty() && !unit.since.is_empty() => *known = unit,
            Some(_) => {}
            None => self.units.push(unit),
        }
    }

    /// One tool's views of a container (`ctr containers` and `ctr tasks`; `crictl ps` and `crictl inspect`) are joined by its id.
    fn add_cri(&mut self, entry: CriEntry) {
        let is_same = |known: &&mut CriEntry| {
            known.kind == entry.kind
                && known.via == entry.via
                && entry.kind != CriKind::Image
                && (known.id.starts_with(&entry.id) || entry.id.starts_with(&known.id))
        };
        let Some(known) = self.cri.iter_mut().find(is_same) else {
            self.cri.push(entry);
            return;
        };
        if known.image.is_empty() {
            known.image = entry.image;
        }
        if known.name.is_empty() {
            known.name = entry.name;
        }
        if !entry.reason.is_empty() || known.state.is_none() {
            known.state = entry.state.or(known.state);
            known.reason = entry.reason;
            known.cite = entry.cite;
        }
    }

    /// `ip addr`, `ip link` and `ip -o addr` say each its part of an interface.
    fn add_interface(&mut self, interface: Interface) {
        match self.interfaces.iter_mut().find(|known| known.name == interface.name) {
            Some(known) => {
                let is_new = |address: &String| !known.addresses.contains(address);
                let new: Vec<String> = interface.addresses.into_iter().filter(is_new).collect();
                known.addresses.extend(new);
                if known.mtu.is_none() {
                    known.mtu = interface.mtu;
                    known.state = interface.state;
                    known.cite = interface.cite;
                }
            }
            None => self.interfaces.push(interface),
        }
    }

    fn add_endpoint(&mut self, endpoint: EtcdEndpoint) {
        let bare = |name: &str| {
            name.trim_start_matches("https://")
                .trim_start_matches("http://")
                .to_owned()
        };
        let is_same = |known: &&mut EtcdEndpoint| bare(&known.endpoint) == bare(&endpoint.endpoint);
        let Some(known) = self.etcd_endpoints.iter_mut().find(is_same) else {
            self.etcd_endpoints.push(endpoint);
            return;
        };
        // The citation and the errors follow what is worth showing.
        if endpoint.is_healthy == Some(false) || known.errors.is_empty() && !endpoint.errors.is_empty() {
            known.errors = endpoint.errors;
            known.cite = endpoint.cite;
        }
        known.is_healthy = known.is_healthy.or(endpoint.is_healthy);
        known.db_size = known.db_size.or(endpoint.db_size);
        known.is_leader = known.is_leader.or(endpoint.is_leader);
        known.raft_term = known.raft_term.or(endpoint.raft_term);
        for (field, other) in [
            (&mut known.id, endpoint.id),
            (&mut known.version, endpoint.version),
            (&mut known.took, endpoint.took),
        ] {
            if field.is_empty() {
                *field = other;
            }
        }
    }
}

/// The datum that a statement belongs to.
pub(super) fn datum(fact: &HostFact) -> &'static str {
    match fact {
        HostFact::Unit(_) => "systemd-units",
        HostFact::Process(_) => "processes",
        HostFact::Config(_) => "node-configuration",
        HostFact::Directory(directory) if directory.path == "/etc/cron.d" => "crontab",
        HostFact::Directory(_) => "directories",
        HostFact::Filesystem(_) => "filesystems",
        HostFact::Cri(entry) => cri_datum(entry.kind),
        HostFact::CriListing(listing) => cri_datum(listing.kind),
        HostFact::Interface(_) => "interfaces",
        HostFact::Route(_) => "routes",
        HostFact::Firewall(_) => "packet-filter",
        HostFact::Listener(_) => "listeners",
        HostFact::HostsEntry(_) => "hosts-file",
        HostFact::VirtualServer(_) => "ipvs",
        HostFact::EtcdMember(_) => "etcd-members",
        HostFact::EtcdEndpoint(_) => "etcd-endpoints",
        HostFact::EtcdAlarm(_) => "etcd-alarms",
        HostFact::CertificateExpiry(_) => "certificates",
        HostFact::HealthCheck(_) => "health-checks",
    }
}

/// Containers and their sandboxes are one datum, images another.
fn cri_datum(kind: CriKind) -> &'static str {
    match kind {
        CriKind::Container | CriKind::Sandbox => "cri-containers",
        CriKind::Image => "cri-images",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::decode::{DECODERS, Fact, TextFile};
    use crate::model::EntryPath;

    /// The tools' statements in some pasted outputs.
    fn tools(text: &str) -> HostTools {
        let path = EntryPath::new("x");
        let file = TextFile::new("b".into(), &path, text);
        let mut tools = HostTools::default();
        let mut line = 0;
        while line < file.lines.len() {
            let section = DECODERS.iter().find_map(|decoder| (decoder.decode)(&file, line));
            line = section.as_ref().map_or(line + 1, |section| section.end);
            for fact in section.into_iter().flat_map(|section| section.facts) {
                if let Fact::Host(fact) = fact {
                    tools.add(fact);
                }
            }
        }
        tools
    }

    #[test]
    fn a_path_belongs_to_the_deepest_mount_above_it() {
        let tools = tools(
            "Filesystem Size Used Avail Use% Mounted on\n/dev/a 10G 1G 9G 10% /\n/dev/b 10G 9G 1G 90% /var\n/dev/c 10G 9G 1G 95% /var/lib2\n",
        );
        let mount = |path| tools.filesystem_of(path, Counted::Bytes).map(|row| row.mount.as_str());
        assert_eq!(
            (mount("/var/lib"), mount("/varnish"), mount("/var/lib2/x")),
            (Some("/var"), Some("/"), Some("/var/lib2"))
        );
        assert!(tools.filesystem_of("/", Counted::Inodes).is_none());
    }

    #[test]
    fn status_and_health_of_an_endpoint_are_one() {
        let tools = tools(
            "127.0.0.1:2379, 8e9e05c52164694d, 3.4.13, 2.1 GB, true, false, 7, 100, 100, \n\nhttp://127.0.0.1:2379 is unhealthy: failed to commit proposal\n",
        );
        assert_eq!(tools.etcd_endpoints.len(), 1);
        let endpoint = &tools.etcd_endpoints[0];
        assert_eq!(
            (endpoint.is_healthy, endpoint.db_size),
            (Some(false), Some(2_100_000_000))
        );
        assert_eq!(endpoint.errors, "failed to commit proposal");
    }

    #[test]
    fn containers_and_tasks_of_containerd_are_joined() {
        let tools = tools(
            "CONTAINER       IMAGE      RUNTIME\n3e7d1151cf93    nginx:1    io.containerd.runc.v2\n\nTASK            PID    STATUS\n3e7d1151cf93    12     STOPPED\n",
        );
        assert_eq!(tools.cri.len(), 1);
        assert_eq!(
            (tools.cri[0].image.as_str(), tools.cri[0].state.is_some()),
            ("nginx:1", true)
        );
        assert_eq!(tools.cri_listings.len(), 2);
    }
}
