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
            zh: "内核、内存与系统的事实；被拒绝或有警告的检查列为发现",
            en: "facts of the kernel, the memory and the system; checks that were rejected or warned of are findings",
        },
    },
    markers: &[],
    fits: |_| false,
    place: |_, _| Place::default(),
    anchor: |_| None,
    gaps: NO_GAPS,
};
