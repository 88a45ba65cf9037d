//! Reports for the renderers' tests: an incident with every chapter filled, a healthy bundle, hostile text everywhere, many findings.

use crate::model::{Basis, CitationKind, Confidence, Level, QuoteLine, Subject, Text, When, code};
use crate::report::model::*;

/// An exact instant.
fn at(time: &str) -> Option<When> {
    When::rfc3339(time)
}

fn interval(earliest: &str, latest: &str, raw: &str) -> Option<When> {
    Some(When {
        earliest: earliest.parse().ok()?,
        latest: latest.parse().ok()?,
        raw: raw.to_owned(),
        basis: Basis::Relative,
    })
}

fn ids(list: &[&str]) -> Vec<String> {
    list.iter().map(|id| (*id).to_owned()).collect()
}

fn said(zh: &str, en: &str, refs: &[&str]) -> Sentence {
    Sentence {
        text: Text::new(zh, en),
        refs: ids(refs),
        confidence: None,
    }
}

fn sure(zh: &str, en: &str, refs: &[&str], confidence: Confidence) -> Sentence {
    Sentence {
        confidence: Some(confidence),
        ..said(zh, en, refs)
    }
}

fn blank(id: &str, zh: &str, en: &str, question: (&str, &str), required: bool) -> Blank {
    Blank {
        id: id.to_owned(),
        label: Text::new(zh, en),
        question: Text::new(question.0, question.1),
        required,
    }
}

fn evidence(
    id: &str,
    kind: CitationKind,
    file: &str,
    lines: (u64, u64),
    quote: &[(u64, &str, bool)],
    time: Option<When>,
) -> EvidenceItem {
    EvidenceItem {
        id: id.to_owned(),
        kind,
        bundle: file.split('/').next().unwrap_or_default().to_owned(),
        file: file.split_once('/').unwrap_or_default().1.to_owned(),
        lines: Some(lines),
        pointer: None,
        sha256: format!("{:064x}", 0x9f3c_55aa_u64 + lines.0),
        quote: quote
            .iter()
            .map(|(line, text, hit)| QuoteLine {
                line: Some(*line),
                text: (*text).to_owned(),
                hit: *hit,
            })
            .collect(),
        time,
        searched: None,
    }
}

fn row(when: Option<When>, subject: &str, kind: TimelineKind, zh: &str, en: &str, refs: &[&str]) -> TimelineRow {
    TimelineRow {
        when,
        subject: subject.to_owned(),
        kind,
        text: Text::new(zh, en),
        count: 1,
        until: None,
        refs: ids(refs),
        blank: None,
        order_unknown: false,
    }
}

/// A report with every list empty and nothing wrong.
fn empty() -> PostMortem {
    PostMortem {
        schema_version: SCHEMA_VERSION,
        tool: Tool {
            name: "casefile",
            version: "0.1.0",
            rules: 86,
        },
        bundles: Vec::new(),
        incident: Incident {
            title: Text::new("未发现异常", "No anomaly found"),
            status: "draft",
            summary: Vec::new(),
            severity: None,
            window: None,
            scope: Sentence::default(),
            environment: Vec::new(),
        },
        root_causes: Vec::new(),
        findings: Vec::new(),
        symptoms: Vec::new(),
        resources: Vec::new(),
        timeline: Vec::new(),
        triage: Vec::new(),
        analysis: Vec::new(),
        matrix: None,
        diff: Vec::new(),
        diff_about: None,
        hypotheses: None,
        localisation: Vec::new(),
        recovery: Vec::new(),
        direct_causes: Vec::new(),
        contributing: Vec::new(),
        causal: CausalGraph::default(),
        ruled_out: Vec::new(),
        open_questions: Vec::new(),
        actions: Vec::new(),
        lessons: Lessons::default(),
        evidence: Vec::new(),
        knowledge: Vec::new(),
        gaps: Vec::new(),
        clock: Vec::new(),
        redactions: Vec::new(),
        checks: Vec::new(),
        blanks: Vec::new(),
    }
}

fn bundle(alias: &str, minute: u32) -> BundleRef {
    BundleRef {
        alias: alias.to_owned(),
        input: format!("{alias}-2026-11-21_10_{minute:02}_00.tar.gz"),
        layout: "rancher-v2".to_owned(),
        sha256: format!("{:064x}", u64::from(minute) + 0x00c0_ffee),
        collected_at: at(&format!("2026-11-21T10:{minute:02}:11Z")),
        nodes: vec![alias.to_owned()],
        files: 214,
        role: "incident",
    }
}

fn check(id: &str, zh: &str, en: &str, outcome: CheckOutcome, reason: (&str, &str)) -> Check {
    Check {
        id: id.to_owned(),
        title: Text::new(zh, en),
        outcome,
        reason: Text::new(reason.0, reason.1),
    }
}

/// A bundle in which nothing is wrong: one check passed, one could not be made.
pub(crate) fn healthy() -> PostMortem {
    let mut report = empty();
    report.incident.title = Text::new(
        format!("{} 集群巡检：未发现异常", code("shop-test")),
        format!("Cluster {}: no anomaly found", code("shop-test")),
    );
    report.incident.environment = vec![Labelled {
        label: Text::same("Kubernetes"),
        value: Text::same("v1.30.4"),
        refs: Vec::new(),
    }];
    report.bundles = vec![bundle("n1", 2)];
    report.checks = vec![
        check(
            "node-not-ready",
            "节点就绪",
            "Nodes are ready",
            CheckOutcome::Pass,
            ("", ""),
        ),
        check(
            "event-errors",
            "集群事件",
            "Cluster events",
            CheckOutcome::Unknown,
            ("未采集事件", "events were not collected"),
        ),
    ];
    report.gaps = vec![gap(
        "Kubernetes 事件",
        "Kubernetes events",
        GapReason::NotCollected,
        "kubectl get events -A -o json",
    )];
    report
}

fn gap(zh: &str, en: &str, reason: GapReason, collect: &str) -> Gap {
    Gap {
        what: Text::new(zh, en),
        reason,
        detail: String::new(),
        limits: Text::new("2.1 中的事件检查无法判断", "the event check of 2.1 is undetermined"),
        collect: collect.to_owned(),
    }
}

/// The loss of `share-mnt` on one of three control-plane nodes, with every chapter filled. All data is invented.
pub(crate) fn incident() -> PostMortem {
    let mut report = empty();
    report.bundles = vec![bundle("cp1", 2), bundle("cp2", 5), bundle("cp3", 7)];
    overview(&mut report);
    timeline(&mut report);
    diagnosis(&mut report);
    recovery(&mut report);
    causes(&mut report);
    improvement(&mut report);
    appendix(&mut report);
    report
}

fn overview(report: &mut PostMortem) {
    let share = code("share-mnt");
    report.incident = Incident {
        title: Text::new(
            format!("Rancher 生产环境 {share}(rancher-agent)组件丢失问题分析与解决报告"),
            format!("Rancher production {share} (rancher-agent) missing: incident analysis and resolution report"),
        ),
        status: "draft",
        summary: vec![
            sure(
                &format!(
                    "控制平面节点 {} 缺少系统容器 {share}，同角色的 {}、{} 均有。",
                    code("cp1"),
                    code("cp2"),
                    code("cp3")
                ),
                &format!(
                    "Control-plane node {} lacks the system container {share}; {} and {} have it.",
                    code("cp1"),
                    code("cp2"),
                    code("cp3")
                ),
                &["E1", "E2"],
                Confidence::Confirmed,
            ),
            sure(
                "很可能由清除已停止容器的操作删除；未观察到该操作本身。",
                "It was probably removed by an operation that deletes stopped containers; the operation itself was not observed.",
                &["E1", "E3", "E4", "K1"],
                Confidence::Probable,
            ),
            said(
                "业务 Pod 未见直接影响。",
                "No direct effect on workloads was seen.",
                &["E8"],
            ),
        ],
        severity: Some(Severity {
            suggested: "P1",
            range: vec!["P1", "P2"],
            rules: vec!["SEV-M1"],
            reason: said(
                "管理平面列为关键业务时为 P1。",
                "P1 where the management plane counts as critical.",
                &["E1"],
            ),
        }),
        window: at("2026-11-21T09:14:03Z")
            .zip(at("2026-11-21T10:01:48Z"))
            .map(|(start, end)| Window { start, end }),
        scope: said(
            "Kubernetes 集群管理功能（1/3 控制平面节点）",
            "Management of the cluster (one of three control-plane nodes)",
            &["E6", "E7"],
        ),
        environment: vec![
            Labelled {
                label: Text::new("发行版", "Distribution"),
                value: Text::same("RKE1"),
                refs: ids(&["E9"]),
            },
            Labelled {
                label: Text::same("Kubernetes"),
                value: Text::same("v1.20.15"),
                refs: ids(&["E9"]),
            },
            Labelled {
                label: Text::same("Rancher"),
                value: Text::same("v2.5.12"),
                refs: Vec::new(),
            },
            Labelled {
                label: Text::same("Docker"),
                value: Text::same("20.10.24"),
                refs: Vec::new(),
            },
        ],
    };
    report.root_causes = vec![RootCause {
        rule: "rke-system-container-missing".to_owned(),
        title: Text::new(
            format!("{} 上的系统容器 {share} 已被删除", code("cp1")),
            format!("System container {share} was removed from {}", code("cp1")),
        ),
        subject: Subject::on_node("HostContainer", "share-mnt", "cp1"),
        path: "/opt/ops/docker-clean.sh:7".to_owned(),
        confidence: Confidence::Probable,
        findings: ids(&["F1"]),
        explains: ids(&["F2", "F3"]),
        affected: vec![Subject::node("cp1")],
    }];
    report.symptoms = vec![
        said(
            &format!("{} 的 kubelet 报证书校验失败，09:14:03–10:01:48 共 212 次", code("cp1")),
            &format!(
                "kubelet on {} reports failed certificate checks, 212 times from 09:14:03 to 10:01:48",
                code("cp1")
            ),
            &["E6"],
        ),
        said(
            "Rancher 服务端对该节点的同步失败，共 38 次",
            "Rancher fails to synchronise the node, 38 times",
            &["E7"],
        ),
    ];
    let resource = |subject, expected: (&str, &str), actual: (&str, &str), impact, refs: &[&str]| ResourceRow {
        subject,
        expected: Text::new(expected.0, expected.1),
        actual: Text::new(actual.0, actual.1),
        first_seen: None,
        impact,
        refs: ids(refs),
    };
    report.resources = vec![
        resource(
            Subject::node("cp1"),
            ("就绪", "Ready"),
            ("就绪", "Ready"),
            Impact::None,
            &["E8"],
        ),
        ResourceRow {
            first_seen: at("2026-11-21T09:14:03Z"),
            ..resource(
                Subject::on_node("HostContainer", "share-mnt", "cp1"),
                ("已退出（0）", "exited (0)"),
                ("缺失", "missing"),
                Impact::ManagementLimited,
                &["E1", "E2"],
            )
        },
        resource(
            Subject::on_node("HostContainer", "service-sidekick", "cp1"),
            ("已创建", "created"),
            ("缺失", "missing"),
            Impact::Degraded,
            &["E1", "E2"],
        ),
    ];
    let finding = |id: &str, rule: &str, level, confidence, zh: &str, en: &str, refs: &[&str]| FindingView {
        id: id.to_owned(),
        rule: rule.to_owned(),
        level,
        confidence,
        title: Text::new(zh, en),
        subject: Subject::on_node("HostContainer", "share-mnt", "cp1"),
        path: String::new(),
        affected: vec![Subject::node("cp1")],
        first_seen: at("2026-11-21T09:14:03Z"),
        last_seen: at("2026-11-21T10:01:48Z"),
        count: 1,
        evidence: ids(refs),
        caused_by: Vec::new(),
        symptom: false,
    };
    report.findings = vec![
        FindingView {
            path: "/opt/ops/docker-clean.sh:7".to_owned(),
            ..finding(
                "F1",
                "rke-system-container-missing",
                Level::Critical,
                Confidence::Confirmed,
                &format!("完整的容器清单中没有 {share}"),
                &format!("The complete list of containers has no {share}"),
                &["E1", "E2"],
            )
        },
        FindingView {
            count: 212,
            symptom: true,
            caused_by: ids(&["F1"]),
            ..finding(
                "F2",
                "kubelet-x509-unknown-authority",
                Level::Warning,
                Confidence::Possible,
                "kubelet 报证书由未知机构签发",
                "kubelet reports certificates of an unknown authority",
                &["E6"],
            )
        },
        finding(
            "F3",
            "event-retention-short",
            Level::Info,
            Confidence::Undetermined,
            "采集包中没有集群事件",
            "The bundles hold no cluster events",
            &["E10"],
        ),
    ];
}

fn timeline(report: &mut PostMortem) {
    use TimelineKind::{Change, Collection, Detection, Recovery, Symptom, Trigger};
    let milestone = |kind, zh: &str, en: &str, id: &str| TimelineRow {
        blank: Some(id.to_owned()),
        ..row(None, "", kind, zh, en, &[])
    };
    let clean = When::at(
        "2026-11-21T02:00:01Z".parse().unwrap(),
        "Nov 21 02:00:01",
        Basis::TzAssumed,
    );
    report.timeline = vec![
        row(
            Some(clean),
            "cp1",
            Trigger,
            "cron 执行 docker-clean.sh（脚本内容未采集）",
            "cron runs docker-clean.sh (its content was not collected)",
            &["E4"],
        ),
        TimelineRow {
            order_unknown: true,
            ..row(
                interval(
                    "2026-11-21T02:00:01Z",
                    "2026-11-21T09:14:03Z",
                    "between the two listings",
                ),
                "cp1",
                Symptom,
                "share-mnt、service-sidekick 消失",
                "share-mnt and service-sidekick disappear",
                &["E1"],
            )
        },
        row(
            at("2026-11-21T09:12:40Z"),
            "cp1",
            Change,
            "dockerd 启动",
            "dockerd starts",
            &["E5"],
        ),
        TimelineRow {
            count: 212,
            until: at("2026-11-21T10:01:48Z"),
            ..row(
                at("2026-11-21T09:14:03.100Z"),
                "cp1",
                Symptom,
                "x509 校验错误",
                "x509 verification errors",
                &["E6"],
            )
        },
        TimelineRow {
            count: 38,
            until: at("2026-11-21T09:58:20Z"),
            ..row(
                at("2026-11-21T09:14:03.900Z"),
                "rancher-server",
                Symptom,
                "对 cp1 同步失败",
                "synchronising cp1 fails",
                &["E7"],
            )
        },
        milestone(Detection, "首次告警或报障", "First alert or report", "detection.time"),
        milestone(Recovery, "恢复确认", "Recovery confirmed", "recovery.time"),
        row(
            at("2026-11-21T10:02:11Z"),
            "cp1",
            Collection,
            "采集日志包",
            "Bundle collected",
            &["E10"],
        ),
        row(
            at("2026-11-21T10:05:11Z"),
            "cp2",
            Collection,
            "采集日志包",
            "Bundle collected",
            &["E10"],
        ),
    ];
}

fn diagnosis(report: &mut PostMortem) {
    use CheckOutcome::{Fail, Pass, Unknown};
    report.triage = vec![
        TriageCheck {
            title: Text::new("Rancher 服务检查", "Rancher server"),
            outcome: Pass,
            command: "docker ps -a | grep rancher/rancher:".to_owned(),
            observed: ids(&["96fabd336823  rancher/rancher:v2.5.12  …  Up 26 minutes  rancher"]),
            note: Text::default(),
            refs: ids(&["E11"]),
        },
        TriageCheck {
            title: Text::new("系统容器检查", "System containers"),
            outcome: Fail,
            command: "docker ps -a --filter label=io.rancher.rke.container.name=share-mnt".to_owned(),
            observed: ids(&["(0)"]),
            note: Text::new(
                "清单完整，含已停止的容器。",
                "The list is complete and includes stopped containers.",
            ),
            refs: ids(&["E1"]),
        },
        TriageCheck {
            title: Text::new("Kubernetes 事件", "Kubernetes events"),
            outcome: Unknown,
            command: String::new(),
            observed: Vec::new(),
            note: Text::new(
                "该采集器在 RKE1 上不采集事件。",
                "This collector takes no events on RKE1.",
            ),
            refs: Vec::new(),
        },
    ];
    report.analysis = vec![
        said(
            "对比同角色节点，cp1 缺少所有处于非运行状态的 RKE 容器，运行中的容器齐全。",
            "Compared with its peers, cp1 lacks every RKE container that is not running; the running ones are all there.",
            &["E1", "E2"],
        ),
        said(
            "镜像仍在，说明不是镜像清理。",
            "The image is still there, so images were not cleaned up.",
            &["E3"],
        ),
    ];
    let cell = |outcome, zh: &str, en: &str, refs: &[&str]| MatrixCell {
        outcome,
        text: Text::new(zh, en),
        refs: ids(refs),
    };
    let ok = |zh: &str, en: &str| cell(Some(Pass), zh, en, &[]);
    report.matrix = Some(Matrix {
        columns: ids(&["cp1", "cp2", "cp3"]),
        rows: vec![
            MatrixRow {
                name: "kubelet".to_owned(),
                cells: vec![
                    ok("运行中", "running"),
                    ok("运行中", "running"),
                    ok("运行中", "running"),
                ],
            },
            MatrixRow {
                name: "share-mnt".to_owned(),
                cells: vec![
                    cell(Some(Fail), "缺失", "missing", &["E1"]),
                    ok("已退出（0）·符合预期", "exited (0), as expected"),
                    ok("已退出（0）·符合预期", "exited (0), as expected"),
                ],
            },
            MatrixRow {
                name: "nginx-proxy".to_owned(),
                cells: vec![
                    cell(None, "不适用", "not for this role", &[]),
                    cell(None, "不适用", "not for this role", &[]),
                    cell(Some(Unknown), "未采集", "not collected", &[]),
                ],
            },
        ],
        source: said("RKE v1.20 的期望状态表", "the catalogue of RKE v1.20", &["K3"]),
    });
    report.diff_about = Some(DiffAbout {
        text: said(
            "cp1 对比 cp2：同角色、同版本，相隔 3 分钟。",
            "cp1 against cp2: same role and version, 3 minutes apart.",
            &[],
        ),
        equal: 41,
    });
    report.diff = vec![DiffRow {
        datum: "container".to_owned(),
        subject: Subject::on_node("HostContainer", "share-mnt", "cp1"),
        expected: Text::new("已退出（0）", "exited (0)"),
        actual: Text::new("缺失", "missing"),
        refs: ids(&["E1", "E2"]),
        relevant: true,
    }];
    let against = |zh: &str, en: &str, refs: &[&str], cells| HypothesisRow {
        sentence: said(zh, en, refs),
        cells,
    };
    report.hypotheses = Some(Hypotheses {
        columns: vec![
            Text::new("清除已停止容器", "prune of stopped containers"),
            Text::new("删除单个容器", "one container removed"),
            Text::new("镜像被清理", "images cleaned up"),
        ],
        rows: vec![
            against(
                "非运行容器全部缺失",
                "every container that is not running is gone",
                &["E1"],
                vec!["++", "-", "-"],
            ),
            against("镜像仍在", "the image is there", &["E3"], vec!["+", "+", "--"]),
            against(
                "02:00 执行清理脚本",
                "a clean-up script ran at 02:00",
                &["E4"],
                vec!["+", "0", "0"],
            ),
        ],
        verdicts: vec![Confidence::Probable, Confidence::Possible, Confidence::RuledOut],
    });
    report.localisation = vec![sure(
        &format!(
            "{} 缺失组件 {} 容器（{}）。",
            code("cp1"),
            code("share-mnt"),
            code("rancher/rancher-agent:v2.5.12")
        ),
        &format!(
            "{} lacks the container {} ({}).",
            code("cp1"),
            code("share-mnt"),
            code("rancher/rancher-agent:v2.5.12")
        ),
        &["E1"],
        Confidence::Confirmed,
    )];
}

fn recovery(report: &mut PostMortem) {
    report.recovery = vec![
        RecoveryStep {
            purpose: Text::new("确认缺失", "Confirm that it is missing"),
            place: StepPlace::Node,
            node: "cp1".to_owned(),
            risk: Risk::ReadOnly,
            command: "docker ps -a --filter label=io.rancher.rke.container.name=share-mnt".to_owned(),
            language: "bash",
            expect: Text::new("无结果", "no row"),
            verify: Text::default(),
            rollback: Text::default(),
            notes: Vec::new(),
            refs: Vec::new(),
        },
        RecoveryStep {
            purpose: Text::new(
                "按 cp2 的参数重建容器",
                "Rebuild the container with the arguments of cp2",
            ),
            place: StepPlace::Node,
            node: "cp1".to_owned(),
            risk: Risk::Change,
            command: "docker run -d --name share-mnt --network host --privileged --restart always \\\n  \
                      --label io.rancher.rke.container.name=share-mnt \\\n  \
                      -v /etc/kubernetes:/etc/kubernetes -v /var/run:/var/run \\\n  \
                      rancher/rancher-agent:v2.5.12 \\\n  \
                      --no-register --only-write-certs --node-name cp1 \\\n  \
                      --server <RANCHER_URL> --token <CLUSTER_TOKEN> '--ca-checksum <CA_SHA256>'"
                .to_owned(),
            language: "bash",
            expect: Text::same(code("Exited (0)")),
            verify: Text::new(
                format!(
                    "容器变为 {};{} 下的证书更新时间变化",
                    code("Exited (0)"),
                    code("/etc/kubernetes/ssl")
                ),
                format!(
                    "The container ends {}; files below {} have a new time",
                    code("Exited (0)"),
                    code("/etc/kubernetes/ssl")
                ),
            ),
            rollback: Text::same(code("docker rm share-mnt")),
            notes: vec![said(
                "最后一个参数在原容器中即为单个参数,请保留引号。",
                "The last argument is a single one in the original container; keep the quotes.",
                &["E13", "K3"],
            )],
            refs: ids(&["E13"]),
        },
    ];
}

fn causes(report: &mut PostMortem) {
    report.direct_causes = vec![
        sure(
            "cp1 上的 share-mnt 容器不存在。",
            "The container share-mnt does not exist on cp1.",
            &["E1", "E2"],
            Confidence::Confirmed,
        ),
        sure(
            "很可能由清除全部已停止容器的操作删除;share-mnt 的正常状态即为“已退出”,因此会被选中。",
            "It was probably removed by an operation that deletes every stopped container; share-mnt is stopped by design, so it is taken.",
            &["E1", "E3", "E4", "K1", "K3"],
            Confidence::Probable,
        ),
    ];
    report.contributing = vec![
        Contributing {
            id: "C1".to_owned(),
            sentence: sure(
                "清理脚本没有排除系统容器(脚本内容未采集)",
                "The clean-up script spares no system container (its content was not collected)",
                &["E4"],
                Confidence::Possible,
            ),
            code: "docker container prune -f".to_owned(),
        },
        Contributing {
            id: "C2".to_owned(),
            sentence: said(
                "未见对系统容器的存在性告警",
                "No alert on the presence of system containers was seen",
                &["E2"],
            ),
            code: String::new(),
        },
    ];
    let node = |id: &str, kind, zh: &str, en: &str, confidence, refs: &[&str]| CausalNode {
        id: id.to_owned(),
        kind,
        label: Text::new(zh, en),
        confidence,
        refs: ids(refs),
    };
    let edge = |from: &str, to: &str, zh: &str, en: &str, refs: &[&str]| CausalEdge {
        from: from.to_owned(),
        to: to.to_owned(),
        label: Text::new(zh, en),
        refs: ids(refs),
    };
    use CausalKind::{Barrier, Condition, Failure, Impact, Trigger};
    report.causal = CausalGraph {
        nodes: vec![
            node(
                "N1",
                Trigger,
                "02:00 执行 docker-clean.sh",
                "docker-clean.sh runs at 02:00",
                Confidence::Probable,
                &["E4"],
            ),
            node(
                "N2",
                Condition,
                "share-mnt 正常即为“已退出”",
                "share-mnt is stopped by design",
                Confidence::Confirmed,
                &["K3"],
            ),
            node(
                "N3",
                Failure,
                "share-mnt 与 service-sidekick 被删除",
                "share-mnt and service-sidekick are removed",
                Confidence::Confirmed,
                &["E1"],
            ),
            node(
                "N4",
                Barrier,
                "cattle-node-agent 未将其重建",
                "cattle-node-agent did not create it again",
                Confidence::Undetermined,
                &["K2"],
            ),
            node(
                "N5",
                Failure,
                "cp1 的证书不再更新",
                "Certificates of cp1 are no longer renewed",
                Confidence::Possible,
                &["E6"],
            ),
            node(
                "N6",
                Impact,
                "kubelet 报 x509 错误 212 次",
                "kubelet reports x509 errors, 212 times",
                Confidence::Confirmed,
                &["E6"],
            ),
            node(
                "N7",
                Impact,
                "Rancher 无法同步 cp1",
                "Rancher cannot synchronise cp1",
                Confidence::Confirmed,
                &["E7"],
            ),
        ],
        edges: vec![
            edge(
                "N1",
                "N3",
                "prune 删除所有已停止容器",
                "prune deletes every stopped container",
                &["K1"],
            ),
            edge("N2", "N3", "因此被选中", "so it is taken", &["K3"]),
            edge("N3", "N4", "应触发重建", "should have been noticed", &["K2"]),
            edge(
                "N3",
                "N5",
                "证书由 share-mnt 写入",
                "share-mnt writes the certificates",
                &["K3"],
            ),
            edge("N4", "N5", "缺失持续", "so it stays missing", &["E1"]),
            edge("N5", "N6", "证书不匹配", "certificates do not match", &["E6"]),
            edge("N5", "N7", "连接被拒", "connections are refused", &["E7"]),
        ],
    };
    report.ruled_out = vec![sure(
        "镜像被清理:镜像仍在。",
        "Images cleaned up: the image is there.",
        &["E3"],
        Confidence::RuledOut,
    )];
    report.open_questions = vec![
        said(
            "cattle-node-agent 应会重建 share-mnt,但采集时仍缺失:当时该 Pod 状态如何?",
            "cattle-node-agent should create share-mnt again, yet it was missing: what state was that pod in?",
            &["K2"],
        ),
        said(
            "cp1 为就绪,但 kubelet 持续报证书错误;两次快照相差 3 分钟。",
            "cp1 is Ready, yet kubelet keeps reporting certificate errors; the snapshots are 3 minutes apart.",
            &["E8", "E6"],
        ),
    ];
}

fn improvement(report: &mut PostMortem) {
    let action = |id: &str, kind, immediate, zh: &str, en: &str, answers: &str, accept: (&str, &str)| Action {
        id: id.to_owned(),
        kind,
        immediate,
        text: Text::new(zh, en),
        answers: answers.to_owned(),
        command: String::new(),
        language: "bash",
        caution: Sentence::default(),
        acceptance: Text::new(accept.0, accept.1),
        priority: "P1",
        owner_blank: format!("action.{}.owner", id.to_lowercase()),
        due_blank: format!("action.{}.due", id.to_lowercase()),
    };
    report.actions = vec![
        Action {
            command: "docker container prune -f --filter \"label!=io.rancher.rke.container.name\"".to_owned(),
            caution: said(
                "只写一个 label!= 过滤器：多个之间是“或”，会删掉全部。",
                "Write one label!= filter only: several are ORed and delete everything.",
                &["K4"],
            ),
            ..action(
                "A1",
                ActionKind::Prevent,
                true,
                "修改清理脚本，排除全部 RKE 容器",
                "Change the clean-up script so that it spares every RKE container",
                "C1",
                (
                    "测试机执行后 share-mnt 与 service-sidekick 均在",
                    "share-mnt and service-sidekick survive it on a test host",
                ),
            )
        },
        action(
            "A2",
            ActionKind::Detect,
            true,
            "为每节点系统容器的存在与状态加告警",
            "Alert on presence and state of the system containers of each node",
            "C2",
            (
                "测试机删除 share-mnt，5 分钟内告警",
                "removing share-mnt on a test host alerts within 5 minutes",
            ),
        ),
        action(
            "A3",
            ActionKind::Process,
            false,
            "清理类任务先输出将删除的对象清单供核对",
            "Have clean-up jobs list what they will delete before they delete it",
            "F1",
            ("清单进入变更单", "the list is part of the change"),
        ),
    ];
    report.lessons = Lessons {
        intro: Text::new(
            "本次故障说明，“已停止”不等于“可删除”。",
            "This incident shows that stopped does not mean disposable.",
        ),
        items: vec![
            Lesson {
                phrase: Text::new("自动化需要边界条件", "Automation needs bounds"),
                text: Text::new(
                    "清理脚本应以标签排除系统组件。",
                    "a clean-up script should spare system components by label.",
                ),
            },
            Lesson {
                phrase: Text::new("期望状态应当写下来", "Expected states belong in writing"),
                text: Text::new("仅看“是否运行”会误判。", "looking only for what runs misleads."),
            },
        ],
        closing: Text::new(
            "建议对全部自动化脚本做一次审查。",
            "Every automated script deserves a review.",
        ),
        questions: vec![Text::new(
            "清理脚本上线时经过怎样的验证？",
            "How was the clean-up script tested before it went live?",
        )],
        went_well: Vec::new(),
        went_wrong: Vec::new(),
        lucky: vec![said(
            "cp2 保留了可供参照的容器参数。",
            "cp2 still had the container's arguments.",
            &["E13"],
        )],
    };
    report.blanks = vec![
        blank(
            "window.start",
            "开始时间",
            "start",
            (
                "最早何时发现集群管理异常？",
                "When was the first trouble with managing the cluster noticed?",
            ),
            true,
        ),
        blank(
            "reporter",
            "报告人",
            "reporter",
            ("由什么角色报告？", "What role reported it?"),
            true,
        ),
        blank(
            "impact.business",
            "业务影响",
            "business impact",
            ("哪些用户或发布受影响？", "Which users or releases were affected?"),
            true,
        ),
        blank(
            "severity.final",
            "最终等级",
            "final level",
            ("最终定为什么等级？", "What level was decided?"),
            true,
        ),
        blank(
            "detection.first-signal",
            "首次发现",
            "first signal",
            (
                "最先看到的是什么信号？来自哪里？",
                "What signal came first, and from where?",
            ),
            false,
        ),
        blank(
            "detection.time",
            "发现时间",
            "time noticed",
            ("何时发现？", "When was it noticed?"),
            true,
        ),
        blank(
            "recovery.time",
            "恢复时间",
            "time recovered",
            ("何时恢复？", "When was it well again?"),
            true,
        ),
        blank(
            "recovery.executed",
            "实际执行",
            "executed",
            (
                "实际执行了哪些步骤？结果如何？",
                "Which steps were carried out, and how did they go?",
            ),
            true,
        ),
        blank("action.a1.owner", "负责人", "owner", ("", ""), true),
        blank("action.a1.due", "截止", "due", ("", ""), true),
        blank("action.a2.owner", "负责人", "owner", ("", ""), true),
        blank("action.a2.due", "截止", "due", ("", ""), true),
        blank("action.a3.owner", "负责人", "owner", ("", ""), true),
        blank("action.a3.due", "截止", "due", ("", ""), true),
        blank(
            "backup.used",
            "备份",
            "backup",
            ("本次是否使用了备份？", "Was a backup used?"),
            false,
        ),
    ];
}

fn appendix(report: &mut PostMortem) {
    use CitationKind::{Absence, Direct};
    let listing = [
        (1, "CONTAINER ID   IMAGE                            STATUS", false),
        (2, "1f0a55c1d2e3   rancher/hyperkube:v1.20.15       Up 50 minutes", true),
    ];
    let x509 = [
        (
            213,
            "I1121 09:14:02.998812    1842 kubelet.go:2148] SyncLoop (PLEG)",
            false,
        ),
        (
            214,
            "E1121 09:14:03.112901    1842 reflector.go:138] Failed to watch *v1.Node: x509: certificate signed by unknown authority",
            true,
        ),
    ];
    report.evidence = vec![
        EvidenceItem {
            searched: Some(Searched {
                entries: 20,
                complete: true,
            }),
            ..evidence(
                "E1",
                Absence,
                "cp1/docker/dockerpsa",
                (1, 21),
                &listing,
                at("2026-11-21T10:02:11Z"),
            )
        },
        evidence(
            "E2",
            Direct,
            "cp2/docker/dockerpsa",
            (14, 15),
            &[(
                14,
                "c2   rancher/rancher-agent:v2.5.12   Exited (0) 3 weeks ago   share-mnt",
                true,
            )],
            None,
        ),
        evidence(
            "E3",
            Direct,
            "cp1/docker/dockerimages",
            (9, 9),
            &[(9, "rancher/rancher-agent   v2.5.12   6f8c32a1b2c3", true)],
            None,
        ),
        evidence(
            "E4",
            Direct,
            "cp1/systemlogs/syslog",
            (48213, 48213),
            &[(
                48213,
                "Nov 21 02:00:01 cp1 CRON[911]: (root) CMD (/opt/ops/docker-clean.sh)",
                true,
            )],
            None,
        ),
        evidence(
            "E5",
            Direct,
            "cp1/journald/docker",
            (3, 3),
            &[(3, "Starting up", true)],
            at("2026-11-21T09:12:40Z"),
        ),
        evidence(
            "E6",
            Direct,
            "cp1/rke/containerlogs/kubelet",
            (213, 214),
            &x509,
            at("2026-11-21T09:14:03.112901Z"),
        ),
        evidence(
            "E7",
            Direct,
            "cp2/rancher/containerlogs/server",
            (88, 88),
            &[(88, "[ERROR] failed to sync node cp1", true)],
            None,
        ),
        EvidenceItem {
            lines: None,
            pointer: Some("/items/0/status/conditions/3".to_owned()),
            ..evidence(
                "E8",
                Direct,
                "cp2/rke/kubectl/nodes.json",
                (1, 1),
                &[(1, "type: Ready, status: \"True\"", true)],
                None,
            )
        },
        evidence(
            "E9",
            Direct,
            "cp1/rke/kubectl/version",
            (1, 2),
            &[(2, "Server Version: v1.20.15", true)],
            None,
        ),
        evidence(
            "E10",
            Direct,
            "cp1/systeminfo/date",
            (1, 1),
            &[(1, "Sat Nov 21 10:02:11 UTC 2026", true)],
            None,
        ),
        evidence(
            "E11",
            Direct,
            "cp1/docker/dockerps",
            (4, 4),
            &[(4, "96fabd336823  rancher/rancher:v2.5.12", true)],
            None,
        ),
        evidence(
            "E13",
            Direct,
            "cp2/docker/inspect.json",
            (900, 912),
            &[(905, "\"--ca-checksum 8e67\"", true)],
            None,
        ),
    ];
    let known = |id: &str, zh: &str, en: &str, reference: &str| Knowledge {
        id: id.to_owned(),
        text: Text::new(zh, en),
        reference: reference.to_owned(),
    };
    report.knowledge = vec![
        known(
            "K1",
            "docker container prune 删除所有已停止的容器。",
            "docker container prune deletes every stopped container.",
            "Docker CLI, container prune",
        ),
        known(
            "K2",
            "cattle-node-agent 在 share-mnt 被删除后会重建它。",
            "cattle-node-agent creates share-mnt again when it is deleted.",
            "rancher/rancher issue 15364",
        ),
        known(
            "K3",
            "share-mnt 写完证书后以 0 退出。",
            "share-mnt ends with 0 after it has written certificates.",
            "rancher/rke-tools docs/components.md",
        ),
        known(
            "K4",
            "多个 label!= 过滤器之间是“或”。",
            "Several label!= filters are ORed.",
            "moby/moby issue 40286",
        ),
    ];
    report.gaps = vec![
        gap(
            "清理脚本与 crontab",
            "Clean-up script and crontab",
            GapReason::NotCollected,
            "crontab -l; cat /opt/ops/docker-clean.sh",
        ),
        gap(
            "Docker 事件",
            "Docker events",
            GapReason::BeyondRetention,
            "docker events --since 24h --until \"$(date +%s)\"",
        ),
        Gap {
            detail: "cp3/journald/kubelet".to_owned(),
            ..gap("cp3 的 kubelet 日志", "kubelet log of cp3", GapReason::Truncated, "")
        },
    ];
    report.clock = vec![ClockRow {
        source: "cp1".to_owned(),
        zone: Text::new("UTC（取自 date 输出）", "UTC (from the output of date)"),
        skew: Text::new("+1.1 s ± 0.4", "+1.1 s ± 0.4"),
        refs: ids(&["E10"]),
    }];
    report.redactions = vec![RedactionRow {
        class: "token".to_owned(),
        token: "‹token-1›".to_owned(),
        count: 3,
        files: 2,
    }];
    report.checks = vec![
        check(
            "rke-system-container-missing",
            "系统容器齐全",
            "System containers are complete",
            CheckOutcome::Fail,
            ("", ""),
        ),
        check(
            "node-not-ready",
            "节点就绪",
            "Nodes are ready",
            CheckOutcome::Pass,
            ("", ""),
        ),
        check(
            "event-errors",
            "集群事件",
            "Cluster events",
            CheckOutcome::Unknown,
            ("未采集事件", "events were not collected"),
        ),
    ];
}

/// The incident with `count` findings.
pub(crate) fn many(count: usize) -> PostMortem {
    let mut report = incident();
    let first = report.findings[0].clone();
    let quote = report.evidence[5].clone();
    let levels = [Level::Critical, Level::Warning, Level::Info];
    let confidences = [
        Confidence::Confirmed,
        Confidence::Probable,
        Confidence::Possible,
        Confidence::Undetermined,
    ];
    report.findings = (0..count)
        .map(|n| FindingView {
            id: format!("F{}", n + 1),
            level: levels[n % levels.len()],
            confidence: confidences[n % confidences.len()],
            evidence: vec![format!("E{}", n + 20)],
            ..first.clone()
        })
        .collect();
    report.evidence.extend((0..count).map(|n| {
        EvidenceItem {
            id: format!("E{}", n + 20),
            quote: (0..9)
                .map(|line| QuoteLine {
                    line: Some(line + 1),
                    ..quote.quote[1].clone()
                })
                .collect(),
            ..quote.clone()
        }
    }));
    report
}

/// Texts that break out of something somewhere.
pub(crate) const PAYLOADS: &[&str] = &[
    "<script>window.__pwned=1</script>",
    "<img src=x onerror=\"window.__pwned=1\">",
    "</script></style></title><svg onload=window.__pwned=1>",
    "</pre></details></code><iframe src=https://evil.example>",
    "<!-- <meta http-equiv=refresh content=0;url=https://evil.example> -->",
    "' onmouseover='window.__pwned=1",
    "[x](javascript:window.__pwned=1) ![y](https://evil.example/y.png)",
    "| a | b |\n| --- | --- |\n| c | d |",
    "```\n# heading\n````\n<b>bold</b>",
    "a\\|<b>b</b>\\\\|``<i>",
    "@everyone #1 !2 $x^2$ ~~~ https://evil.example www.evil.example a@evil.example",
    "\u{1b}[31mred\u{1b}[0m \u{202e}txt.exe \u{200b}\0\u{7}\u{8}\u{feff}\u{2028}end",
    "--> <b> -- {{ title }} {% raw %}",
    "{{ 7 * 7 }}{% for x in y %}",
    "- item\n1. item\n> quote\n    code\n---\n=== ",
    "&lt;b&gt; &#60;script&#62; <svg><style>*{display:none}</style>",
    "\u{E001}\u{E000}<u>\u{E001}<u>\u{E000}",
];

/// The incident with a payload in every string that a bundle or a wording could fill. Ids stay, so that references resolve.
pub(crate) fn hostile(payload: &str) -> PostMortem {
    let mut report = incident();
    let text = || Text::same(format!("{payload} {}", code(payload)));
    let string = || payload.to_owned();
    let subject = || Subject {
        kind: string(),
        namespace: string(),
        name: string(),
        node: string(),
    };
    let sentence = |sentence: &mut Sentence| sentence.text = text();
    report.incident.title = text();
    report.incident.summary.iter_mut().for_each(sentence);
    sentence(&mut report.incident.scope);
    for item in &mut report.incident.environment {
        (item.label, item.value) = (text(), text());
    }
    for bundle in &mut report.bundles {
        (bundle.alias, bundle.input, bundle.layout) = (string(), string(), string());
        (bundle.sha256, bundle.nodes) = (string(), vec![string()]);
    }
    for cause in &mut report.root_causes {
        (cause.title, cause.subject, cause.path, cause.rule) = (text(), subject(), string(), string());
    }
    for finding in &mut report.findings {
        (finding.title, finding.subject, finding.path, finding.rule) = (text(), subject(), string(), string());
        finding.affected = vec![subject()];
    }
    for list in [
        &mut report.symptoms,
        &mut report.analysis,
        &mut report.localisation,
        &mut report.direct_causes,
    ] {
        list.iter_mut().for_each(sentence);
    }
    for list in [
        &mut report.ruled_out,
        &mut report.open_questions,
        &mut report.lessons.lucky,
    ] {
        list.iter_mut().for_each(sentence);
    }
    for row in &mut report.resources {
        (row.subject, row.expected, row.actual) = (subject(), text(), text());
    }
    for row in &mut report.timeline {
        (row.subject, row.text) = (string(), text());
    }
    for check in &mut report.triage {
        (check.title, check.command, check.observed, check.note) = (text(), string(), vec![string()], text());
    }
    if let Some(matrix) = &mut report.matrix {
        matrix.columns.iter_mut().for_each(|column| *column = string());
        sentence(&mut matrix.source);
        for row in &mut matrix.rows {
            row.name = string();
            row.cells.iter_mut().for_each(|cell| cell.text = text());
        }
    }
    for row in &mut report.diff {
        (row.datum, row.subject, row.expected, row.actual) = (string(), subject(), text(), text());
    }
    if let Some(hypotheses) = &mut report.hypotheses {
        hypotheses.columns.iter_mut().for_each(|column| *column = text());
        hypotheses.rows.iter_mut().for_each(|row| sentence(&mut row.sentence));
    }
    for step in &mut report.recovery {
        (step.purpose, step.node, step.command) = (text(), string(), string());
        (step.expect, step.verify, step.rollback) = (text(), text(), text());
        step.notes.iter_mut().for_each(sentence);
    }
    for factor in &mut report.contributing {
        sentence(&mut factor.sentence);
        factor.code = string();
    }
    report.causal.nodes.iter_mut().for_each(|node| node.label = text());
    report.causal.edges.iter_mut().for_each(|edge| edge.label = text());
    for action in &mut report.actions {
        (action.text, action.command, action.acceptance) = (text(), string(), text());
        sentence(&mut action.caution);
    }
    (report.lessons.intro, report.lessons.closing) = (text(), text());
    for lesson in &mut report.lessons.items {
        (lesson.phrase, lesson.text) = (text(), text());
    }
    report.lessons.questions = vec![text()];
    for item in &mut report.evidence {
        (item.bundle, item.file, item.sha256) = (string(), string(), string());
        item.quote.iter_mut().for_each(|line| line.text = string());
        item.pointer = item.pointer.is_some().then(string);
        if let Some(when) = &mut item.time {
            when.raw = string();
        }
    }
    for item in &mut report.knowledge {
        (item.text, item.reference) = (text(), string());
    }
    for gap in &mut report.gaps {
        (gap.what, gap.detail, gap.limits, gap.collect) = (text(), string(), text(), string());
    }
    for row in &mut report.clock {
        (row.source, row.zone, row.skew) = (string(), text(), text());
    }
    for row in &mut report.redactions {
        (row.class, row.token) = (string(), string());
    }
    for check in &mut report.checks {
        (check.id, check.title, check.reason) = (string(), text(), text());
    }
    for blank in &mut report.blanks {
        (blank.label, blank.question) = (text(), text());
    }
    report
}
