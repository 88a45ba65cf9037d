//! Everything read from one bundle.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use super::derived::Derived;
use super::{Coverage, Event, Host, Object, ObjectKey};
use crate::logs::{LineHit, LogFile, Stream, TextSource, stamp_of};
use crate::model::{Citation, Listing, Place, Subject, When};

/// A reference for two lines of one log in a bundle that has none: the first of January 2100.
const SOME_DAY: Timestamp = Timestamp::constant(4_102_444_800, 0);

/// Which bundle this is.
#[derive(Debug, Clone)]
pub struct BundleInfo {
    /// Short name for citations.
    pub alias: Arc<str>,
    /// File or directory name, without the analyst's path.
    pub input: String,
    /// Which producer's arrangement it has.
    pub layout: String,
    /// Digest.
    pub sha256: String,
    /// The reference time: "now" for this bundle.
    pub collected_at: Option<When>,
}

/// One of the archives that a snapshot was read from.
#[derive(Debug, Clone)]
pub struct Archive {
    /// Which bundle it is.
    pub info: BundleInfo,
    /// The nodes for which it has evidence.
    pub nodes: Vec<String>,
    /// How many files it has.
    pub files: u64,
}

/// What a text is about, as far as its place or wording tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct About {
    /// The object: pod, ReplicaSet, node…
    pub object: Subject,
    /// The container; empty when none.
    pub container: String,
    /// The node's name; empty when not known.
    pub node: String,
}

/// A signature's match anywhere: in an event, a status, a log.
#[derive(Debug, Clone)]
pub struct Hit {
    /// `rule/signature`.
    pub signature: String,
    /// Named captures.
    pub captures: BTreeMap<String, String>,
    /// Where the text was found.
    pub source: TextSource,
    /// What it is about.
    pub about: About,
    /// First time.
    pub first: Option<When>,
    /// Last time.
    pub last: Option<When>,
    /// How often.
    pub count: u64,
    /// Where it stands.
    pub cite: Citation,
}

/// A bundle's content. Built once by [`super::Reader`], then only read.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Which bundle.
    pub bundle: BundleInfo,
    /// The archives that were put together, in their order; empty unless there were several.
    pub merged: Vec<Archive>,
    /// Objects by identity.
    pub objects: BTreeMap<ObjectKey, Object>,
    /// Manifests of objects that also exist live: what was applied, which may differ from what is.
    pub applied: Vec<Object>,
    /// Events, in time order as far as it is known.
    pub events: Vec<Event>,
    /// Machines.
    pub hosts: Vec<Host>,
    /// How far their clocks are from UTC, where the bundle tells it of all of them.
    pub zone: Option<Offset>,
    /// Logs.
    pub logs: Vec<LogFile>,
    /// Matches of signatures.
    pub hits: Vec<Hit>,
    /// What was read and what was not.
    pub coverage: Coverage,
    /// Matches in lines of nodes' logs that count already as matches of the events and pods that those lines told of.
    pub(super) hits_set_aside: Vec<Hit>,
    /// See [`Snapshot::events_named`].
    pub(super) events_by_name: OnceLock<HashMap<String, Vec<usize>>>,
    /// See [`Snapshot::derive`].
    pub(super) derived: Derived,
}

impl Snapshot {
    /// Where a listing of a datum stands that has none: one of all namespaces, where there is one. That there are none anywhere is for
    /// the caller to see.
    pub fn empty_listing(&self, datum: &str) -> Option<&Citation> {
        let cites = self.coverage.empty.get(datum)?;
        let is_namespace = |part: &str| self.object("Namespace", "", part).is_some();
        let of_all = cites.iter().find(|cite| !cite.file.components().any(is_namespace));
        of_all.or(cites.first())
    }

    /// The one list of the API in which every object of a kind stands, with how many it has and their names; none where they stand in
    /// several places, or in no list. A kind of which there are none has its empty list.
    pub fn whole_listing(&self, kind: &str) -> Option<Citation> {
        let mut objects = self.kind(kind).peekable();
        if objects.peek().is_none() {
            return self.empty_listing(&super::datum_of_kind(kind)).cloned();
        }
        let (mut list, mut names) = (None, Vec::new());
        for object in objects {
            let Place::Pointer(pointer) = &object.cite.place else {
                return None;
            };
            let (items, _) = pointer
                .rsplit_once('/')
                .filter(|(items, _)| items.ends_with("/items"))?;
            let place = (&object.cite.bundle, &object.cite.file, items);
            if *list.get_or_insert(place) != place {
                return None;
            }
            names.push(object.key.name.as_str());
        }
        let (bundle, file, items) = list?;
        let shown = format!("{kind}List.items: {}", names.join(", "));
        let entries = names.len() as u64;
        let cite = Citation::pointer(bundle, file, items, shown).listing(Listing::Objects);
        Some(cite.absence(Some((entries, true))))
    }

    /// Every archive that was read, the first of a merge first.
    pub fn archives(&self) -> Vec<Archive> {
        if self.merged.is_empty() {
            return vec![Archive {
                info: self.bundle.clone(),
                nodes: self.node_names(),
                files: self.coverage.files.len() as u64,
            }];
        }
        self.merged.clone()
    }

    /// The reference time as an instant.
    pub fn now(&self) -> Option<Timestamp> {
        self.bundle.collected_at.as_ref().map(|when| when.latest)
    }

    /// All objects of a kind, in order of namespace and name.
    pub fn kind<'s>(&'s self, kind: &str) -> impl Iterator<Item = &'s Object> + use<'s> {
        let from = ObjectKey {
            kind: kind.to_owned(),
            namespace: String::new(),
            name: String::new(),
        };
        let kind = kind.to_owned();
        self.objects
            .range(from..)
            .map(|(_, object)| object)
            .take_while(move |object| object.key.kind == kind)
    }

    /// All objects of a kind in one namespace, in order of their names.
    pub fn kind_in<'s>(&'s self, kind: &str, namespace: &str) -> impl Iterator<Item = &'s Object> + use<'s> {
        let from = ObjectKey {
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: String::new(),
        };
        let (kind, namespace) = (kind.to_owned(), namespace.to_owned());
        self.objects
            .range(from..)
            .map(|(_, object)| object)
            .take_while(move |object| object.key.kind == kind && object.key.namespace == namespace)
    }

    /// One object.
    pub fn object(&self, kind: &str, namespace: &str, name: &str) -> Option<&Object> {
        self.objects.get(&ObjectKey {
            kind: kind.into(),
            namespace: namespace.into(),
            name: name.into(),
        })
    }

    /// The events about one object.
    pub fn events_on<'s>(
        &'s self,
        kind: &'s str,
        namespace: &'s str,
        name: &'s str,
    ) -> impl Iterator<Item = &'s Event> {
        self.events_named(name)
            .filter(move |event| event.about.kind == kind && event.about.namespace == namespace)
    }

    /// The events about objects of this name, in the order of [`Snapshot::events`].
    ///
    /// A cluster has tens of thousands of events and rules ask for those of each pod, so they are sorted by name at the first question.
    /// Whoever changes the events of a snapshot does so before it is judged.
    pub fn events_named<'s>(&'s self, name: &str) -> impl Iterator<Item = &'s Event> + use<'s> {
        let by_name = self.events_by_name.get_or_init(|| {
            let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
            for (index, event) in self.events.iter().enumerate() {
                by_name.entry(event.about.name.clone()).or_default().push(index);
            }
            by_name
        });
        let indices = by_name.get(name).map_or(&[][..], Vec::as_slice);
        indices.iter().filter_map(|&index| self.events.get(index))
    }

    /// What several rules work out of the whole snapshot: `make` does it at the first question, and the answer is kept by its type.
    /// Whoever changes a snapshot does so before it is judged. `make` must not wait for another thread.
    pub fn derive<T: Send + Sync + 'static>(&self, make: impl FnOnce(&Self) -> T) -> Arc<T> {
        self.derived.get(|| make(self))
    }

    /// The matches of one signature, given as `rule/signature`.
    pub fn hits<'s>(&'s self, signature: &'s str) -> impl Iterator<Item = &'s Hit> {
        self.hits.iter().filter(move |hit| hit.signature == signature)
    }

    /// For how long the log that a match stands in goes on after it was last written there; none where the times do not tell. The log of
    /// a container's former instance goes on in that of the present one.
    pub fn goes_on_without(&self, hit: &Hit) -> Option<SignedDuration> {
        let log = self.log_of(hit)?;
        let end = self.present_log(log).unwrap_or(log).last_stamped.as_deref()?;
        Some(self.said_last(hit)?.gap_to(&self.in_some_year(end)?))
    }

    /// The log of the present instance of the container of which this is a former one's.
    fn present_log<'s>(&'s self, log: &'s LogFile) -> Option<&'s LogFile> {
        let Stream::Container(former) = &log.stream else {
            return None;
        };
        let mut all = self.container_logs(&former.namespace, &former.pod, &former.container);
        let is_present = |found: &&LogFile| matches!(&found.stream, Stream::Container(found) if !found.previous);
        former.previous.then(|| all.find(is_present)).flatten()
    }

    /// When a match was last written in its log. Without a reference time a line that has no year stands in one that is as good as any:
    /// only the distance to other such times counts.
    pub(super) fn said_last(&self, hit: &Hit) -> Option<When> {
        let log = self.log_of(hit)?;
        let same = |found: &&LineHit| found.signature == hit.signature && found.captures == hit.captures;
        let last = log.hits.iter().filter(same).map(LineHit::last_text).next_back();
        self.in_some_year(last?)
    }

    fn in_some_year(&self, line: &str) -> Option<When> {
        let (stamp, raw) = stamp_of(line)?;
        stamp.resolve(raw, Some(self.now().unwrap_or(SOME_DAY)), self.zone)
    }

    /// The logs of one container; an empty container name stands for any.
    pub fn container_logs<'s>(
        &'s self,
        namespace: &'s str,
        pod: &'s str,
        container: &'s str,
    ) -> impl Iterator<Item = &'s LogFile> {
        self.logs.iter().filter(move |log| match &log.stream {
            Stream::Container(found) => {
                found.pod == pod
                    && (found.namespace.is_empty() || found.namespace == namespace)
                    && (container.is_empty() || found.container.is_empty() || found.container == container)
            }
            _ => false,
        })
    }

    /// The uid of the namespace `kube-system`, by which people and tools tell clusters apart.
    pub fn cluster_uid(&self) -> Option<&str> {
        let namespace = self.object("Namespace", "", "kube-system")?;
        Some(namespace.text("/metadata/uid")).filter(|uid| !uid.is_empty())
    }

    /// The names of nodes for which there is evidence: node objects, then machines that are no node object.
    pub fn node_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.kind("Node").map(|node| node.key.name.clone()).collect();
        for host in &self.hosts {
            let name = host.node_name();
            if !name.is_empty() && !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        names
    }
}
