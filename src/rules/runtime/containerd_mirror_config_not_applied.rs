//! containerd's configuration of mirrors is written where containerd does not read it.

use crate::bundle::decode::Config;
use crate::cluster::{Image, Snapshot};
use crate::model::{Citation, Confidence};
use crate::rules::pull::is_image_reason;
use crate::rules::toolbox::hosts::{Machine, machines};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: containerd-mirror-config-not-applied
role: cause
level: critical
needs: [node-configuration]
check: {zh: "containerd 的镜像站配置是否生效", en: "whether the configuration of mirrors of containerd takes effect"}
title:
  zh: "节点 {{ node }} 的 containerd 镜像站配置没有生效：{{ setting }}"
  en: "the configuration of mirrors of containerd on node {{ node }} takes no effect: {{ setting }}"
cause:
  zh: "{% if kind == \"section\" %}配置声明 version = {{ version }}，而镜像站写在 {{ setting }} 一节中，这个版本不读取它。{% elif kind == \"path\" %}hosts.toml 已经写好，但 config.toml 的 registry 一节没有设置 config_path，containerd 不会读取它。{% else %}目录名必须等于镜像引用中的仓库主机：Docker Hub 的目录是 docker.io，而不是 {{ setting }}。{% endif %}拉取因此仍然直接访问原仓库。"
  en: "{% if kind == \"section\" %}the file declares version = {{ version }} and has the mirrors in section {{ setting }}, which this version does not read.{% elif kind == \"path\" %}there is a hosts.toml, but the registry section of config.toml sets no config_path, so containerd does not read it.{% else %}the directory has to be called as the host in the image reference: docker.io for Docker Hub, not {{ setting }}.{% endif %} So pulls still go to the registry itself."
causes:
  - rule: docker-hub-unreachable
    ground: node
    mechanism: {zh: "拉取没有经过镜像站", en: "pulls do not go through the mirror"}
  - rule: registry-unreachable-timeout
    ground: node
    mechanism: {zh: "拉取没有经过镜像站", en: "pulls do not go through the mirror"}
  - rule: dns-resolution-failure-node
    ground: node
    mechanism: {zh: "拉取没有经过镜像站", en: "pulls do not go through the mirror"}
  - rule: dockerhub-toomanyrequests
    ground: node
    mechanism: {zh: "拉取没有经过镜像站", en: "pulls do not go through the mirror"}
  - rule: pause-image-pull-failure
    ground: node
    mechanism: {zh: "拉取没有经过镜像站", en: "pulls do not go through the mirror"}
  - rule: image-pull-backoff
    ground: workload
    mechanism: {zh: "镜像因此拉取失败", en: "the image cannot be pulled for it"}
benign:
  - {zh: "mirrors 虽已弃用，但在没有 config_path 时仍然有效", en: "mirrors is deprecated, and still works as long as config_path is not set"}
  - {zh: "ctr 不读取 CRI 的配置：用 crictl pull 验证", en: "ctr does not read the configuration of CRI: check with crictl pull"}
remedy:
  - purpose: {zh: "查看生效的配置", en: "look at the configuration in force"}
    place: node
    risk: read-only
    command: |
      containerd config dump | grep -A8 registry
      ls -R /etc/containerd/certs.d
    expect: {zh: "config_path 与目录", en: "config_path and the directories"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "设置 config_path，按仓库主机命名目录，重启 containerd 后用 crictl 验证", en: "set config_path, name the directory after the host of the registry, restart containerd and check with crictl"}
    place: node
    risk: change
    command: |
      mkdir -p /etc/containerd/certs.d/docker.io
      printf 'server = "https://registry-1.docker.io"\n\n[host."https://<MIRROR>"]\n  capabilities = ["pull", "resolve"]\n' > /etc/containerd/certs.d/docker.io/hosts.toml
      vi /etc/containerd/config.toml
      systemctl restart containerd
    expect: {zh: "没有输出", en: "no output"}
    verify: {zh: "`crictl pull docker.io/library/busybox:latest` 成功", en: "`crictl pull docker.io/library/busybox:latest` succeeds"}
    rollback: {zh: "恢复 config.toml 的备份并重启 containerd", en: "put back the saved config.toml and restart containerd"}
    notes:
      - {zh: "containerd 1.x 的小节是 plugins.\"io.containerd.grpc.v1.cri\".registry，2.x（version = 3）是 plugins.\"io.containerd.cri.v1.images\".registry", en: "the section is plugins.\"io.containerd.grpc.v1.cri\".registry in containerd 1.x and plugins.\"io.containerd.cri.v1.images\".registry in 2.x (version = 3)"}
prevention:
  - kind: prevent
    text: {zh: "在节点镜像的流水线中运行 containerd config dump 并检查 registry 一节", en: "run containerd config dump in the pipeline of the node image and check the registry section"}
    acceptance: {zh: "写错小节的配置在流水线中失败", en: "a configuration in the wrong section fails in the pipeline"}
sources:
  - "containerd docs/hosts.md"
  - "containerd docs/cri/registry.md"
  - "containerd docs/cri/config.md: version 3"
versions: "containerd 1.5 to 2.1"
examples:
  - name: "version 3 with the section of version 2"
    files:
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-0                     0/1     ImagePullBackOff 0          41m   10.42.0.9    n1
      "n1/etc/containerd/config.toml": |
        version = 3
        [plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]
          endpoint = ["https://mirror.example"]
    fires:
      - {kind: "Node", name: "n1", node: "n1"}
  - name: "hosts.toml without config_path"
    files:
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-0                     0/1     ImagePullBackOff 0          41m   10.42.0.9    n1
      "n1/etc/containerd/config.toml": |
        version = 2
        [plugins."io.containerd.grpc.v1.cri".registry]
          config_path = ""
      "n1/etc/containerd/certs.d/docker.io/hosts.toml": |
        server = "https://registry-1.docker.io"
        [host."https://mirror.example"]
          capabilities = ["pull", "resolve"]
    fires:
      - {kind: "Node", name: "n1", node: "n1"}
  - name: "a directory with the wrong name"
    files:
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-0                     0/1     ImagePullBackOff 0          41m   10.42.0.9    n1
      "n1/etc/containerd/config.toml": |
        version = 2
        [plugins."io.containerd.grpc.v1.cri".registry]
          config_path = "/etc/containerd/certs.d"
      "n1/etc/containerd/certs.d/registry-1.docker.io/hosts.toml": |
        server = "https://registry-1.docker.io"
        [host."https://mirror.example"]
    fires:
      - {kind: "Node", name: "n1", node: "n1"}
  - name: "another file is in use"
    files:
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-0                     0/1     ImagePullBackOff 0          41m   10.42.0.9    n1
      "n1/etc/containerd/config.toml": |
        version = 2
        [plugins."io.containerd.grpc.v1.cri".cni]
          bin_dir = "/usr/lib/cni"
      "n1/etc/containerd-config.toml": |
        version = 2
        [plugins."io.containerd.grpc.v1.cri".registry]
          config_path = "/etc/containerd/certs.d"
      "n1/etc/containerd/certs.d/docker.io/hosts.toml": |
        server = "https://registry-1.docker.io"
        [host."https://mirror.example"]
  - name: "as it should be"
    files:
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-0                     0/1     ImagePullBackOff 0          41m   10.42.0.9    n1
      "n1/etc/containerd/config.toml": |
        version = 2
        [plugins."io.containerd.grpc.v1.cri".registry]
          config_path = "/etc/containerd/certs.d"
      "n1/etc/containerd/certs.d/docker.io/hosts.toml": |
        server = "https://registry-1.docker.io"
        [host."https://mirror.example"]
  - name: "nobody waits for an image"
    files:
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      1/1     Running   0          41m   10.42.0.9    n2
      "n1/etc/containerd/config.toml": |
        version = 3
        [plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]
          endpoint = ["https://mirror.example"]
"##;

/// What keeps a configuration from taking effect.
struct Unread {
    kind: &'static str,
    setting: String,
    version: String,
    cite: Citation,
}

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    machines(snapshot)
        .iter()
        .filter_map(|machine| {
            let wanted = wanted(snapshot, &machine.node);
            (!wanted.is_empty()).then_some(())?;
            Some((machine, unread(machine, &wanted)?))
        })
        .map(|(machine, unread)| {
            machine
                .finding(snapshot, rule, Confidence::Confirmed)
                .at("/etc/containerd/config.toml")
                .cite(unread.cite)
                .fact("kind", unread.kind)
                .fact("setting", unread.setting)
                .fact("version", unread.version)
        })
        .collect()
}

/// The registries of images that pods of a node wait for; an empty name where a table does not tell the image.
fn wanted(snapshot: &Snapshot, node: &str) -> Vec<String> {
    let pods = snapshot.pods().filter(|pod| pod.node() == node);
    pods.flat_map(|pod| pod.containers())
        .filter(|container| {
            container
                .waiting()
                .is_some_and(|waiting| is_image_reason(waiting.reason))
        })
        .map(|container| match container.image() {
            "" => String::new(),
            image => Image::parse(image).registry,
        })
        .collect()
}

fn unread(machine: &Machine<'_>, wanted: &[String]) -> Option<Unread> {
    let tools = &machine.host.tools;
    let is_wanted = |registry: &str| wanted.iter().any(|known| known.is_empty() || known == registry);
    // There may be several files of which one is in use, so that what one of them sets counts.
    let configs: Vec<&Config> = tools
        .configs
        .iter()
        .filter(|config| config.path.contains("containerd") && config.path.ends_with("config.toml"))
        .collect();
    let sets_path = |config: &&Config| config.settings("config_path").any(|(value, _)| !value.is_empty());
    if let [only] = configs.as_slice()
        && let Some(found) = wrong_section(only).filter(|found| {
            wanted
                .iter()
                .any(|registry| registry.is_empty() || found.setting.contains(registry.as_str()))
        })
    {
        return Some(found);
    }
    let hosts = tools
        .configs_at("/hosts.toml")
        .filter_map(|file| Some((file, file.path.rsplit('/').nth(1)?)));
    let has_path = configs.iter().any(sets_path);
    // Another file may be imported and set it, and mirrors in the file itself serve as well.
    let is_open = |config: &&&Config| config.containing("imports").is_some() || config.containing(".mirrors").is_some();
    let lacks_path = !configs.is_empty() && !has_path && !configs.iter().any(|config| is_open(&config));
    hosts.into_iter().find_map(|(file, directory)| {
        let is_alias = matches!(directory, "registry-1.docker.io" | "index.docker.io" | "hub.docker.com");
        let kind = if lacks_path && is_wanted(directory) {
            "path"
        } else if has_path && is_alias && is_wanted("docker.io") {
            "directory"
        } else {
            return None;
        };
        Some(Unread {
            kind,
            setting: if kind == "path" { "config_path" } else { directory }.to_owned(),
            version: String::new(),
            cite: file.cite.clone(),
        })
    })
}

/// Mirrors in the section of another version of the format (containerd docs/cri/config.md).
fn wrong_section(config: &Config) -> Option<Unread> {
    let (version, _) = config.setting("version")?;
    let unread = match version {
        "3" => "io.containerd.grpc.v1.cri",
        "2" => "io.containerd.cri.v1.images",
        _ => return None,
    };
    let read = if version == "3" {
        "io.containerd.cri.v1.images"
    } else {
        "io.containerd.grpc.v1.cri"
    };
    let is_registry = |line: &str, section: &str| {
        line.trim_start().starts_with('[') && line.contains(section) && line.contains("registry")
    };
    let has_right = config.lines.iter().any(|(_, line)| is_registry(line, read));
    let (_, line) = config.lines.iter().find(|(_, line)| is_registry(line, unread))?;
    let cite = config.containing(line)?;
    (!has_right).then(|| Unread {
        kind: "section",
        setting: line.trim().to_owned(),
        version: version.to_owned(),
        cite,
    })
}
