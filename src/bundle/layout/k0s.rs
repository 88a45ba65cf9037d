//! `k0s sysinfo`: the checks of a machine before k0s is installed on it, as JSON, YAML or text; known by its content.
//!
//! Source: k0sproject/k0s `cmd/sysinfo/sysinfo.go`, `internal/pkg/sysinfo/probes`. It is read by `decode/host/k0s_sysinfo.rs`.

use super::about::{About, Words};
use super::detect::{Layout, NO_GAPS};
use super::place::Place;

pub(super) const NAME: &str = "k0s-sysinfo";

pub(super) const LAYOUT: Layout = Layout {
    name: NAME,
    about: About {
        made_by: "k0s sysinfo",
        known_by: Words {
            zh: "一个文件：JSON 数组，其元素有 displayName、prop 与 category；或同样内容的 YAML 或文本，如 Total memory: 1.9 GiB (pass)",
            en: "one file: a JSON array whose items have displayName, prop and category, or the same as YAML or text: Total memory: 1.9 GiB (pass)",
        },
        read: Words {
            zh: "内核、内存与系统的事实；未通过的检查算作主机的事实，并列为问题",
            en: "facts of the kernel, the memory and the system; checks that did not pass are facts of the machine, and listed as problems",
        },
    },
    markers: &[],
    fits: |_| false,
    place: |_, _| Place::default(),
    anchor: |_| None,
    gaps: NO_GAPS,
};
