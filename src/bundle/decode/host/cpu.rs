//! Processors: `lscpu` (util-linux) and `/proc/cpuinfo` (proc(5)).

use crate::bundle::decode::{Decoder, Section, TextFile};

/// `cpu.count`, `cpu.model`, `kernel.machine`.
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder { name: "cpu", decode };

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let first = file.line(start);
    if first.starts_with("Architecture:") && pair(file.line(start + 1))?.0.starts_with("CPU op-mode") {
        return Some(lscpu(file, start));
    }
    let (key, value) = pair(first).filter(|_| first.starts_with("processor"))?;
    let is_cpuinfo = key == "processor" && value.bytes().all(|byte| byte.is_ascii_digit()) && first.contains('\t');
    is_cpuinfo.then(|| cpuinfo(file, start))
}

fn lscpu(file: &TextFile<'_>, start: usize) -> Section {
    let mut section = Section {
        end: start,
        ..Section::default()
    };
    while let Some((key, value)) = file.lines.get(section.end).and_then(|line| pair(line)) {
        let known = match key {
            "Architecture" => "kernel.machine",
            "CPU(s)" => "cpu.count",
            "Model name" => "cpu.model",
            _ => "",
        };
        if !known.is_empty() && !value.is_empty() {
            section.facts.push(file.value(section.end, known, value));
        }
        section.end += 1;
    }
    section
}

/// One block of lines for each processor, with an empty line between; some architectures end with a block about the machine.
fn cpuinfo(file: &TextFile<'_>, start: usize) -> Section {
    let mut section = Section {
        end: start,
        ..Section::default()
    };
    let mut processors = 0_u64;
    let mut model = None;
    while let Some(line) = file.lines.get(section.end) {
        match pair(line) {
            Some(("processor", _)) => processors += 1,
            Some(("model name", name)) if model.is_none() => model = Some((section.end, name)),
            Some(_) => {}
            None if line.trim().is_empty() => {}
            None => break,
        }
        section.end += 1;
    }
    section
        .facts
        .push(file.value(start, "cpu.count", processors.to_string()));
    section
        .facts
        .extend(model.map(|(line, name)| file.value(line, "cpu.model", name)));
    section
}

fn pair(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    Some((key.trim(), value.trim()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::values;
    use super::*;
    use crate::bundle::decode::sample::section;

    #[test]
    fn both_tell_how_many_there_are() {
        let lscpu = "Architecture:                            x86_64\nCPU op-mode(s):                          32-bit, 64-bit\nCPU(s):                                  2\nModel name:                              Intel(R) Xeon(R)\n";
        assert_eq!(
            values(&section(&DECODER, "x", lscpu).unwrap()),
            ["kernel.machine=x86_64", "cpu.count=2", "cpu.model=Intel(R) Xeon(R)"]
        );
        let cpuinfo =
            "processor\t: 0\nmodel name\t: AMD EPYC\nflags\t\t: fpu\n\nprocessor\t: 1\nmodel name\t: AMD EPYC\n\n";
        assert_eq!(
            values(&section(&DECODER, "x", cpuinfo).unwrap()),
            ["cpu.count=2", "cpu.model=AMD EPYC"]
        );
    }

    #[test]
    fn other_text_is_declined() {
        for text in ["", "Architecture: good\n", "processor: stopped\n", "processor : x"] {
            assert!(section(&DECODER, "x", text).is_none(), "{text}");
        }
    }
}
