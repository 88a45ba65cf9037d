//! Resource words, as they stand on a command line, in a file name or before a slash in a table, and the kinds they mean.
//!
//! Source: `kubectl api-resources` of Kubernetes 1.10 to 1.36 (plural, singular and short names).

/// Kind, whether it has a namespace, and its words in lower case.
type Row = (&'static str, bool, &'static [&'static str]);

const ROWS: &[Row] = &[
    ("Pod", true, &["pods", "pod", "po"]),
    ("Deployment", true, &["deployments", "deployment", "deploy"]),
    ("ReplicaSet", true, &["replicasets", "replicaset", "rs"]),
    ("StatefulSet", true, &["statefulsets", "statefulset", "sts"]),
    ("DaemonSet", true, &["daemonsets", "daemonset", "ds"]),
    (
        "ReplicationController",
        true,
        &["replicationcontrollers", "replicationcontroller", "rc"],
    ),
    ("Job", true, &["jobs", "job"]),
    ("CronJob", true, &["cronjobs", "cronjob", "cj"]),
    ("Service", true, &["services", "service", "svc"]),
    ("Endpoints", true, &["endpoints", "endpoint", "ep"]),
    ("EndpointSlice", true, &["endpointslices", "endpointslice"]),
    ("Ingress", true, &["ingresses", "ingress", "ing"]),
    ("IngressClass", false, &["ingressclasses", "ingressclass"]),
    ("NetworkPolicy", true, &["networkpolicies", "networkpolicy", "netpol"]),
    ("Node", false, &["nodes", "node", "no"]),
    ("Namespace", false, &["namespaces", "namespace", "ns"]),
    (
        "PersistentVolumeClaim",
        true,
        &["persistentvolumeclaims", "persistentvolumeclaim", "pvc", "pvcs"],
    ),
    (
        "PersistentVolume",
        false,
        &["persistentvolumes", "persistentvolume", "pv", "pvs"],
    ),
    ("StorageClass", false, &["storageclasses", "storageclass", "sc"]),
    ("VolumeAttachment", false, &["volumeattachments", "volumeattachment"]),
    ("CSINode", false, &["csinodes", "csinode"]),
    ("CSIDriver", false, &["csidrivers", "csidriver"]),
    ("Event", true, &["events", "event", "ev"]),
    ("ConfigMap", true, &["configmaps", "configmap", "cm"]),
    ("Secret", true, &["secrets", "secret"]),
    ("ServiceAccount", true, &["serviceaccounts", "serviceaccount", "sa"]),
    ("ResourceQuota", true, &["resourcequotas", "resourcequota", "quota"]),
    ("LimitRange", true, &["limitranges", "limitrange", "limits"]),
    (
        "HorizontalPodAutoscaler",
        true,
        &["horizontalpodautoscalers", "horizontalpodautoscaler", "hpa"],
    ),
    (
        "PodDisruptionBudget",
        true,
        &["poddisruptionbudgets", "poddisruptionbudget", "pdb"],
    ),
    ("PriorityClass", false, &["priorityclasses", "priorityclass", "pc"]),
    ("RuntimeClass", false, &["runtimeclasses", "runtimeclass"]),
    ("Lease", true, &["leases", "lease"]),
    (
        "CertificateSigningRequest",
        false,
        &["certificatesigningrequests", "certificatesigningrequest", "csr"],
    ),
    (
        "CustomResourceDefinition",
        false,
        &["customresourcedefinitions", "customresourcedefinition", "crd", "crds"],
    ),
    ("APIService", false, &["apiservices", "apiservice"]),
    (
        "ComponentStatus",
        false,
        &["componentstatuses", "componentstatus", "cs"],
    ),
    (
        "ValidatingWebhookConfiguration",
        false,
        &["validatingwebhookconfigurations", "validatingwebhookconfiguration"],
    ),
    (
        "MutatingWebhookConfiguration",
        false,
        &["mutatingwebhookconfigurations", "mutatingwebhookconfiguration"],
    ),
    ("Role", true, &["roles", "role"]),
    ("RoleBinding", true, &["rolebindings", "rolebinding"]),
    ("ClusterRole", false, &["clusterroles", "clusterrole"]),
    (
        "ClusterRoleBinding",
        false,
        &["clusterrolebindings", "clusterrolebinding"],
    ),
    (
        "PodSecurityPolicy",
        false,
        &["podsecuritypolicies", "podsecuritypolicy", "psp"],
    ),
    (
        "ControllerRevision",
        true,
        &["controllerrevisions", "controllerrevision"],
    ),
];

/// Every kind that has a word.
pub(crate) fn all() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|(kind, _, _)| *kind)
}

/// Kinds of widespread custom resources that are written with more than one capital letter, so that a
/// word in lower case does not tell how. Source: the `spec.names.kind` of the projects' own CustomResourceDefinitions.
const CUSTOM: &[&str] = &[
    "AlertmanagerConfig",
    "ApplicationSet",
    "AppProject",
    "AuthorizationPolicy",
    "AWSCluster",
    "BackupStorageLocation",
    "BGPPeer",
    "CatalogSource",
    "CephBlockPool",
    "CephCluster",
    "CephFilesystem",
    "CephObjectStore",
    "CertificateRequest",
    "CiliumClusterwideNetworkPolicy",
    "CiliumEndpoint",
    "CiliumLoadBalancerIPPool",
    "CiliumNetworkPolicy",
    "CiliumNode",
    "ClusterExternalSecret",
    "ClusterIssuer",
    "ClusterOperator",
    "ClusterPolicy",
    "ClusterRepo",
    "ClusterSecretStore",
    "ClusterServiceVersion",
    "CnsNodeVmAttachment",
    "CronWorkflow",
    "CStorPoolCluster",
    "CStorPoolInstance",
    "CStorVolumeReplica",
    "DataVolume",
    "DestinationRule",
    "DiskPool",
    "DNSChaos",
    "DNSEndpoint",
    "EnvoyFilter",
    "EventListener",
    "ExternalSecret",
    "FelixConfiguration",
    "FlinkDeployment",
    "GatewayClass",
    "GitRepository",
    "GlobalNetworkPolicy",
    "GRPCRoute",
    "HelmChart",
    "HelmChartConfig",
    "HelmRelease",
    "HelmRepository",
    "HTTPChaos",
    "HTTPRoute",
    "ImagePolicy",
    "ImageRepository",
    "InferenceService",
    "IngressRoute",
    "InstallPlan",
    "IOChaos",
    "IPAddressPool",
    "IPAMBlock",
    "IPPool",
    "JVMChaos",
    "KafkaConnect",
    "KafkaNodePool",
    "KafkaTopic",
    "KafkaUser",
    "KernelChaos",
    "L2Advertisement",
    "MachineConfig",
    "MachineConfigPool",
    "MachineDeployment",
    "MachineHealthCheck",
    "MachineSet",
    "NetworkAttachmentDefinition",
    "NetworkChaos",
    "NodeClaim",
    "NodeClass",
    "NodePool",
    "OCIRepository",
    "PeerAuthentication",
    "PipelineRun",
    "PodChaos",
    "PodMonitor",
    "PolicyReport",
    "PrometheusRule",
    "RabbitmqCluster",
    "RayCluster",
    "RayJob",
    "RayService",
    "ReferenceGrant",
    "RequestAuthentication",
    "ScaledJob",
    "ScaledObject",
    "ScheduledBackup",
    "SealedSecret",
    "SecretProviderClass",
    "SecretStore",
    "ServiceEntry",
    "ServiceMonitor",
    "ServiceProfile",
    "SparkApplication",
    "StressChaos",
    "TaskRun",
    "TimeChaos",
    "TriggerAuthentication",
    "VerticalPodAutoscaler",
    "VirtualMachine",
    "VirtualMachineInstance",
    "VirtualService",
    "VolumeSnapshot",
    "VolumeSnapshotClass",
    "VolumeSnapshotContent",
    "WorkloadEntry",
];

/// The kind of a built-in resource word; `deployments.apps` and `Deployments` mean the same.
pub(crate) fn known(word: &str) -> Option<&'static str> {
    let word = word.split('.').next().unwrap_or(word).to_ascii_lowercase();
    ROWS.iter()
        .find(|(_, _, words)| words.contains(&word.as_str()))
        .map(|&(kind, ..)| kind)
}

/// The kind of any resource word. For a custom resource that is not known the word in the singular with a capital, which is the usual
/// way of naming but not a certain one.
pub(crate) fn kind_of(word: &str) -> Option<String> {
    if let Some(kind) = known(word) {
        return Some(kind.to_owned());
    }
    let word = word.split('.').next().unwrap_or(word).to_ascii_lowercase();
    if word.is_empty() || !word.chars().all(|c| c.is_ascii_alphanumeric()) || word == "all" {
        return None;
    }
    let singular = match word.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => word.strip_suffix('s').unwrap_or(&word).to_owned(),
    };
    // `gatewayclasses`, `ciliumendpoints`: the plural of a kind may add `es`.
    let is_named = |kind: &&&str| {
        // `podchaos` is a singular.
        kind.eq_ignore_ascii_case(&singular)
            || kind.eq_ignore_ascii_case(&word)
            || singular
                .strip_suffix('e')
                .is_some_and(|stem| kind.eq_ignore_ascii_case(stem))
    };
    if let Some(kind) = CUSTOM.iter().find(is_named) {
        return Some((*kind).to_owned());
    }
    let mut letters = singular.chars();
    letters
        .next()
        .map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

/// Whether objects of a built-in kind live in a namespace; none for other kinds.
pub(crate) fn is_namespaced(kind: &str) -> Option<bool> {
    ROWS.iter()
        .find(|&&(name, ..)| name == kind)
        .map(|&(_, namespaced, _)| namespaced)
}

/// Widespread custom resources without a namespace, which their events therefore have in `default`. Source: `spec.scope` of the projects'
/// own CustomResourceDefinitions; what one project has in namespaces and another has not, is left out.
const CUSTOM_WITHOUT_NAMESPACE: [&str; 19] = [
    "CiliumClusterwideNetworkPolicy",
    "CiliumLoadBalancerIPPool",
    "CiliumNode",
    "ClusterExternalSecret",
    "ClusterIssuer",
    "ClusterOperator",
    "ClusterPolicy",
    "ClusterRepo",
    "ClusterSecretStore",
    "FelixConfiguration",
    "GatewayClass",
    "GlobalNetworkPolicy",
    "IPAMBlock",
    "IPPool",
    "MachineConfig",
    "MachineConfigPool",
    "NodeClaim",
    "VolumeSnapshotClass",
    "VolumeSnapshotContent",
];

/// True for the kinds that have no namespace, as far as they are known.
pub(crate) fn is_cluster_scoped(kind: &str) -> bool {
    is_namespaced(kind) == Some(false) || CUSTOM_WITHOUT_NAMESPACE.contains(&kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_command_line_mean_kinds() {
        for (word, kind) in [
            ("po", "Pod"),
            ("deployment.apps", "Deployment"),
            ("ingresses", "Ingress"),
            ("widgets", "Widget"),
            ("policies", "Policy"),
            ("taskrun", "TaskRun"),
            ("helmreleases.helm.toolkit.fluxcd.io", "HelmRelease"),
            ("cephclusters", "CephCluster"),
            ("gatewayclasses", "GatewayClass"),
        ] {
            assert_eq!(kind_of(word).as_deref(), Some(kind), "{word}");
        }
        assert_eq!(kind_of("all"), None);
        assert_eq!(kind_of("-o"), None);
    }
}
