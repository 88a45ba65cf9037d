//! Copies of a Linux machine's own files: what the kernel's file systems and the usual directories hold at which path.
//!
//! Sources: proc(5), sysfs(5), hier(7), file-hierarchy(7).

/// What a file is by the place of the machine's file that it is a copy of: `…/sys/devices/system/cpu/cpu0/topology/core_id`,
/// `…/proc/irq/30/smp_affinity_list`, `etc/hosts.deny`.
pub(super) fn content(parts: &[&str]) -> Option<String> {
    // The innermost `proc`, `sys`, `etc` or `var` counts: a bundle may lie below directories of any name.
    let at = parts
        .iter()
        .rposition(|part| matches!(*part, "proc" | "sys" | "etc" | "var" | "run"))?;
    let tree = *parts.get(at)?;
    let below = parts.get(at + 1..).filter(|below| !below.is_empty())?;
    let path = format!("/{tree}/{}", below.join("/"));
    let what = match (tree, below) {
        ("sys", ["devices", "system", "cpu", ..]) => "a processor, its caches or its neighbours",
        ("sys", ["devices", "system", "memory", ..]) => "a block of memory",
        ("sys", ["devices", "system", "node", ..]) => "a NUMA node",
        ("sys", ["class", "dmi", ..]) => "the machine's model or firmware",
        ("sys", ["class", "net", ..]) | ("sys", ["devices", .., "net", _, _]) => "a network interface",
        ("sys", ["devices" | "bus" | "class" | "block" | "dev", ..]) => "a device",
        ("sys", ["fs" | "kernel" | "module" | "firmware" | "power" | "hypervisor", ..]) => "the kernel's own state",
        ("proc", ["irq", ..]) => "which processors serve an interrupt",
        ("proc", ["sys", ..]) => "a kernel parameter",
        ("proc", ["net", ..]) => "the kernel's network state",
        ("proc", [pid, ..]) if pid.bytes().all(|byte| byte.is_ascii_digit()) => "the state of one process",
        ("proc", _) => "the kernel's own state",
        ("etc", _) => "a configuration file of the machine",
        ("var", ["lib", ..]) | ("run", _) => "state that a program of the machine keeps",
        _ => return None,
    };
    Some(format!("{what} ({path})"))
}

#[cfg(test)]
mod tests {
    use super::content;

    #[test]
    fn the_place_of_a_copy_tells_what_it_is() {
        for (path, what) in [
            (
                "m/nodes/n/sysinfo.tgz/sys/devices/system/cpu/cpu0/topology/core_id",
                "a processor, its caches or its neighbours (/sys/devices/system/cpu/cpu0/topology/core_id)",
            ),
            (
                "m/proc/irq/30/smp_affinity_list",
                "which processors serve an interrupt (/proc/irq/30/smp_affinity_list)",
            ),
            (
                "sosreport-x/etc/hosts.deny",
                "a configuration file of the machine (/etc/hosts.deny)",
            ),
            (
                "sosreport-x/proc/1234/status",
                "the state of one process (/proc/1234/status)",
            ),
        ] {
            let parts: Vec<&str> = path.split('/').collect();
            assert_eq!(content(&parts).as_deref(), Some(what));
        }
        for path in ["etc", "var/log/app.log", "notes/todo.txt"] {
            assert_eq!(content(&path.split('/').collect::<Vec<_>>()), None, "{path}");
        }
    }
}
