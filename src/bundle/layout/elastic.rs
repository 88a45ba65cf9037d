//! Elastic's support-diagnostics: about Elasticsearch, Kibana or Logstash, not about a cluster of Kubernetes. It is known so that the
//! report can say that it is not one of those that are read.
//!
//! Source: elastic/support-diagnostics `src/main/resources/elastic-rest.yml`, `DiagnosticManifest`.

use super::about::{About, Words};
use super::detect::Layout;
use super::inventory::Root;
use super::place::Place;
use crate::model::{Problem, ProblemKind};

pub(super) const NAME: &str = "elastic-diagnostics";

pub(super) const LAYOUT: Layout = Layout {
    name: NAME,
    about: About {
        made_by: "elastic support-diagnostics",
        known_by: Words {
            zh: "diagnostic_manifest.json 或 manifest.json 旁有 cat/ 与 cluster_health.json",
            en: "diagnostic_manifest.json or manifest.json, with cat/ and cluster_health.json beside it",
        },
        read: Words {
            zh: "不读取：它说的是 Elasticsearch，不是 Kubernetes；报告、casefile inspect 与标准错误会这样说明",
            en: "nothing: it is about Elasticsearch, not about Kubernetes; the report, casefile inspect and standard error say so",
        },
    },
    markers: &["cluster_health.json"],
    fits: |root| root.has_dir("cat") && (root.has("diagnostic_manifest.json") || root.has("manifest.json")),
    place: |_, parts| {
        Place::holding(format!(
            "what Elastic's diagnostics wrote of Elasticsearch as {}",
            parts.join("/")
        ))
    },
    anchor: |_| None,
    gaps: |root: &Root<'_>, _| {
        let at = if root.path.is_empty() { "the bundle" } else { root.path };
        let detail = format!(
            "{at} is a diagnostic of Elasticsearch (elastic support-diagnostics): it says nothing of Kubernetes, and casefile has no rules for it"
        );
        vec![Problem::bundle(ProblemKind::CollectorError, detail)]
    },
};
