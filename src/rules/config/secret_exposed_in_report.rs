//! Something in the bundle shows a credential in clear text.

use std::collections::BTreeMap;

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::{add_hit, own_hits};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: secret-exposed-in-report
role: factor
level: info
material: true
needs: [container-logs|system-log|other-text|scripts|docker-containers]
text:
  - id: registration
    pattern: '--server[ =]https?://\S{1,200} --token[ =](?:"|'')?[a-z0-9]{40,64}\b'
  - id: environment
    pattern: 'CATTLE_TOKEN=(?:"|'')?(?:[a-z0-9-]{1,40}:)?[a-z0-9]{40,64}\b'
  - id: cluster
    pattern: '\bK10[0-9a-f]{64}(?:::server:|::node:)[0-9A-Za-z]{8,}'
  - id: key
    pattern: 'client-key-data: ?LS0tLS1[A-Za-z0-9+/=]{40,}'
check:
  zh: 采集的文本中是否有明文凭据
  en: whether texts of the bundle show credentials in clear
title:
  zh: "{{ file }} 中有明文凭据（{{ what|join('、') }}，{{ times }} 处）"
  en: "{{ file }} shows credentials in clear text ({{ what|join(', ') }}, {{ times|times }})"
cause:
  zh: "注册命令、runlike 的输出或 kubeconfig 未经脱敏就被保存：任何拿到这份材料的人都能以此身份访问集群。本报告已把它遮盖，但原文件没有变。--ca-checksum 不是秘密。"
  en: "a registration command, the output of runlike or a kubeconfig was kept without masking: whoever has this material can act as that identity. This report masks it; the file itself is unchanged. --ca-checksum is no secret."
benign:
  - {zh: "已经被遮盖的值", en: "values that are masked already"}
  - {zh: "--ca-checksum 只是摘要", en: "--ca-checksum is a digest only"}
remedy:
  - purpose: {zh: "查看它在哪里、给过谁", en: "see where it stands and who was given it"}
    place: elsewhere
    risk: read-only
    command: "grep -c -e '--token' -e CATTLE_TOKEN {{ file }}"
    expect: {zh: "大于 0", en: "more than 0"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: mitigate
    immediate: true
    text: {zh: "轮换该凭据（集群注册令牌、节点令牌或证书），并只传递脱敏后的材料", en: "rotate that credential (registration token, node token or certificate), and pass masked material on only"}
    acceptance: {zh: "旧凭据登录被拒绝", en: "a login with the old one is refused"}
sources: ["rancher/rancher: cluster registration command; k3s-io/k3s: server token K10…::server:…"]
versions: "any"
examples:
  - name: "a registration command in notes"
    files:
      "notes.txt": "docker run -d --net host rancher/rancher-agent:v2.5.12 --server https://rancher.example --token 7f97bf5c6czv4q27f97bf5c6czv4q27f97bf5c6czv4q27f97bf5c6c --worker\n"
    fires: [{kind: "File", name: "notes.txt"}]
  - name: "it is masked"
    files:
      "notes.txt": "docker run -d --net host rancher/rancher-agent:v2.5.12 --server https://rancher.example --token <CLUSTER_TOKEN> --ca-checksum 8e67aabbccddeeff8e67aabbccddeeff8e67aabbccddeeff8e67aabbccddeeff\n"
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut files: BTreeMap<String, Finding> = BTreeMap::new();
    for hit in own_hits(input, rule) {
        let file = hit.cite.file.to_string();
        let finding = files.entry(file.clone()).or_insert_with(|| {
            let mut finding = Finding::new(rule, Subject::cluster("File", &file), Confidence::Confirmed)
                .fact("file", file)
                .fact("what", Vec::<String>::new());
            finding.count = 0;
            finding
        });
        add_hit(input, finding, hit);
        let what = match hit.signature.rsplit('/').next().unwrap_or("") {
            "registration" => "--token",
            "environment" => "CATTLE_TOKEN",
            "cluster" => "K10…::server:",
            _ => "client-key-data",
        };
        if let Some(list) = finding.facts.get_mut("what").and_then(|value| value.as_array_mut())
            && !list.iter().any(|known| known == what)
        {
            list.push(what.into());
        }
    }
    files
        .into_values()
        .map(|finding| {
            let times = finding.count;
            finding.fact("times", times)
        })
        .collect()
}
