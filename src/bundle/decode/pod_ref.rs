//! How the kubelet writes which pod it means.

/// A pod as it is named in a line or a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PodRef<'t> {
    /// Namespace.
    pub namespace: &'t str,
    /// Name.
    pub name: &'t str,
    /// Uid; empty where it is not told.
    pub uid: &'t str,
}

impl<'t> PodRef<'t> {
    /// The folder of a pod's logs, `shop_web-0_<uid>` (kubernetes `pkg/kubelet/kuberuntime/helpers.go`, BuildPodLogsDirectory). The last
    /// part need not look like a uid: see [`PodRef::has_uid`].
    pub fn of_folder(folder: &'t str) -> Option<Self> {
        let mut pieces = folder.split('_');
        let (namespace, name, uid) = (pieces.next()?, pieces.next()?, pieces.next()?);
        let is_whole = !namespace.is_empty() && !name.is_empty() && pieces.next().is_none();
        is_whole.then_some(Self { namespace, name, uid })
    }

    /// What a text starts with: `web-0_shop(<uid>)` or `web-0_shop` (kubernetes `pkg/kubelet/util/format/pod.go`).
    pub fn of_words(text: &'t str) -> Option<Self> {
        let (full, rest) = text.split_once('(').unwrap_or((text, ""));
        let (name, namespace) = full.split_once('_')?;
        let is_name = |text: &str| {
            let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
            !text.is_empty() && text.bytes().all(is_part)
        };
        (is_name(namespace) && is_name(name)).then_some(Self {
            namespace,
            name,
            uid: rest.split_once(')').map_or("", |(uid, _)| uid),
        })
    }

    /// The one that a line names: by `pod="shop/web-0"` (klog's structured form, `k8s.io/klog` `ObjectRef.String`), or as containerd shows
    /// whose sandbox it means, `&PodSandboxMetadata{Name:web-0,Uid:…,Namespace:shop,…}` (`cri-api` `runtime/v1/api.pb.go`, String).
    pub fn in_line(line: &'t str) -> Option<Self> {
        let Some((_, rest)) = line.split_once("pod=\"") else {
            return Self::of_sandbox(line);
        };
        let (namespace, name) = rest.split('"').next()?.split_once('/')?;
        let uid = "";
        Some(Self { namespace, name, uid })
    }

    fn of_sandbox(line: &'t str) -> Option<Self> {
        let (_, rest) = line.split_once("PodSandboxMetadata{")?;
        let fields = rest.split_once('}')?.0;
        let field = |name: &str| fields.split(',').find_map(|field| field.strip_prefix(name));
        let (namespace, name) = (field("Namespace:")?, field("Name:")?);
        let uid = field("Uid:").unwrap_or_default();
        Some(Self { namespace, name, uid })
    }

    /// True where its uid looks like one: the form of RFC 9562, or the hash of a static pod.
    pub fn has_uid(&self) -> bool {
        matches!(self.uid.len(), 32 | 36) && self.uid.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_name_a_pod_is_read() {
        const UID: &str = "8f2c1d0a-1111-2222-3333-444455556666";
        let shown = |pod: Option<PodRef<'_>>| pod.map(|pod| format!("{}/{} {}", pod.namespace, pod.name, pod.uid));
        let folder = format!("shop_web-0_{UID}");
        assert_eq!(shown(PodRef::of_folder(&folder)).unwrap(), format!("shop/web-0 {UID}"));
        assert!(PodRef::of_folder(&folder).unwrap().has_uid());
        assert!(!PodRef::of_folder("shop_web-0_1").unwrap().has_uid());
        assert_eq!(PodRef::of_folder("shop_web-0_app_1"), None);
        let words = format!("web-0_shop({UID}), skipping");
        assert_eq!(shown(PodRef::of_words(&words)).unwrap(), format!("shop/web-0 {UID}"));
        assert_eq!(shown(PodRef::of_words("web-0_shop")).unwrap(), "shop/web-0 ");
        assert_eq!(PodRef::of_words("a pod_of mine(x)"), None);
        let line = "\"Probe failed\" pod=\"shop/web-0\" podUID=\"1\"";
        assert_eq!(shown(PodRef::in_line(line)).unwrap(), "shop/web-0 ");
        assert_eq!(PodRef::in_line("pod=\"web-0\""), None);
        let line =
            format!("RunPodSandbox for &PodSandboxMetadata{{Name:web-0,Uid:{UID},Namespace:shop,Attempt:0,}} failed");
        assert_eq!(shown(PodRef::in_line(&line)).unwrap(), format!("shop/web-0 {UID}"));
    }
}
