//! What holds for any text: no decoder panics, every section ends after its start and within the file, every citation is of a line
//! that exists.

use proptest::prelude::*;

use super::super::{DECODERS, Decoder, Fact, Pointer, TextFile};
use super::testing::{Source, text};
use crate::model::Place;

/// Lines of real outputs; a random order of them comes closer to the decoders' edges than random letters do.
const LINES: &[&str] = &[
    "NAME   READY   STATUS    RESTARTS      AGE   IP   NODE",
    "web-0   1/2   CrashLoopBackOff   5 (2m ago)   5d   <none>   w1",
    "pod/web-0   99999999999999999999/2   Init:9/99   x   5d",
    "NAMESPACE   LAST SEEN   TYPE   REASON   OBJECT   MESSAGE",
    "shop   5m (x99999999999999999999 over 1h)   Warning   Failed   pod/web-0   磁盘  不足",
    "NAME   TYPE   CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE",
    "web   LoadBalancer   10.0.0.1   <pending>   80:/TCP,:x,/   5d",
    "NAME   ENDPOINTS   AGE",
    "web   [::1]:80,:,a:b + x more...   5d",
    "NAME\tDATA\tAGE",
    "cfg\t1\t5d",
    "NAME CPU(cores) MEMORY(bytes)",
    "Name:         web",
    "Namespace:    shop",
    "Labels:       app=web",
    "              =,:(",
    "Annotations:  a:",
    "Containers:",
    "  web:",
    "    State:  Terminated",
    "      Message:  long",
    "      Exit Code:  1",
    "    Liveness:  http-get :// delay= #success",
    "    Port:  x/ (, 9/TCP (a",
    "    Host Ports:  1, 2",
    "    Environment:",
    "      A:  <set to the key '",
    "    Mounts:",
    "      a from b (path=\"",
    "Conditions:",
    "  Type  Status",
    "  ----  ------",
    "  Ready  True",
    "Node:  /",
    "Status:  Terminating (lasts",
    "Volumes:",
    "  v:",
    "    Type:  Projected (",
    "    Optional:  true",
    "Taints:  :::",
    "Tolerations:  op= for",
    "Subsets:",
    "  NotReadyAddresses:  10.0.0.1",
    "Ports:",
    "Endpoints:",
    "  - Addresses: ",
    "Rules:",
    "  :",
    "Data",
    "====",
    "k:",
    "----",
    "Resource  Used  Hard",
    "Type  Resource  Min  Max",
    "Kind:  Widget",
    "API Version:  a/v1",
    "Spec:",
    "  A:  b",
    "  A:",
    "Events:",
    "  Type  Reason  Age  From  Message",
    "  Normal  Pulled  1m  kubelet,  ok",
    "QoS Class:  x",
    "Replicas:  1 | desired / x",
    "StrategyType:  x",
    "$ kubectl get pods -n",
    "# kubectl -n shop describe widget/x",
    "No resources found in  namespace.",
    "error: x",
    "Server Version: version.Info{GitVersion:\"",
    "serverVersion:",
    "",
];

/// Reads a whole file as the reader does and checks what must hold.
fn check(source: &Source) {
    let file = source.file();
    for Decoder { name, decode } in DECODERS {
        for start in 0..file.lines.len() {
            let Some(section) = decode(&file, start) else { continue };
            assert!(
                section.end > start && section.end <= file.lines.len(),
                "{name} at {start} ends at {}",
                section.end
            );
            section.facts.iter().for_each(|fact| check_fact(&file, fact));
        }
    }
}

fn check_fact(file: &TextFile<'_>, fact: &Fact) {
    let Fact::Object(object) = fact else { return };
    assert!(
        object.value["kind"].is_string() && object.value["metadata"]["name"].is_string(),
        "{}",
        object.value
    );
    let Pointer::Lines(lines) = &object.pointer else {
        panic!("read from text")
    };
    assert!(lines.contains_key(""));
    for (pointer, cite) in lines {
        assert!(object.value.pointer(pointer).is_some(), "{pointer} of {}", object.value);
        assert!(matches!(cite.place, Place::Lines(first, _) if first >= 1 && first <= file.lines.len() as u64));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_real_lines_is_borne(lines in prop::collection::vec(prop::sample::select(LINES), 0..40)) {
        check(&text(&lines.join("\n")));
    }

    #[test]
    fn any_text_is_borne(noise in "(?s).{0,200}", start in prop::sample::select(LINES)) {
        check(&text(&format!("{start}\n{noise}")));
    }

    #[test]
    fn any_damage_to_a_line_is_borne(lines in prop::collection::vec((prop::sample::select(LINES), 0usize..60, "\\PC{0,3}"), 1..20)) {
        let damaged: Vec<String> = lines
            .into_iter()
            .map(|(line, at, noise)| {
                let at = (0..=at.min(line.len())).rev().find(|&at| line.is_char_boundary(at)).unwrap_or(0);
                format!("{}{noise}{}", &line[..at], &line[at..])
            })
            .collect();
        check(&text(&damaged.join("\r\n")));
    }
}
