//! The kubelet's command line by itself, as AKS Periscope has it (Azure/aks-periscope `pkg/collector/kubeletcmd_collector.go`:
//! `ps -o cmd= -C kubelet`).

use super::fact::{HostFact, Process};
use super::ps::kept;
use crate::bundle::decode::{Decoder, Fact, Section, TextFile};

/// A process of which only the command is known.
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder {
    name: "kubelet command",
    decode,
};

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    if start > 0 || file.path.file_name() != "kubeletcmd" {
        return None;
    }
    let process = Process {
        user: String::new(),
        pid: 0,
        state: String::new(),
        started: String::new(),
        command: kept(file.line(0).trim()).to_owned(),
        cite: file.cite(0),
    };
    (process.program() == "kubelet").then(|| Section {
        end: file.lines.len(),
        facts: vec![Fact::Host(HostFact::Process(process))],
        ..Section::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::host_facts;
    use super::*;
    use crate::bundle::decode::sample::section;

    #[test]
    fn the_flags_are_those_of_a_process() {
        let text = "/usr/local/bin/kubelet --v=2 --max-pods=110\n";
        let found = host_facts(section(&DECODER, "n1/kubeletcmd/kubeletcmd", text).unwrap());
        let [HostFact::Process(kubelet)] = &found[..] else {
            panic!("{found:?}")
        };
        assert_eq!(kubelet.flag("--max-pods"), Some("110"));
        assert!(section(&DECODER, "n1/kubeletcmd/kubeletcmd", "error: no such process\n").is_none());
    }
}
