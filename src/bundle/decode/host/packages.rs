//! Installed packages: `dpkg -l` and `dpkg-query` (dpkg(1)), `rpm -qa` (rpm(8)), `apk info -v`.

use regex::Regex;

use crate::bundle::decode::shape::{Shape, group};
use crate::bundle::decode::{Decoder, Section, TextFile};

/// `package.<name>` = its version.
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder {
    name: "packages",
    decode,
};

/// `ii  containerd  1.7.2-0ubuntu1  amd64  daemon to control runC`.
static DPKG: Shape = Shape::new(|| {
    Regex::new(r"^(?<state>[a-z][a-zA-Z]R?)\s+(?<name>[a-z0-9][a-z0-9.+-]+)(?::\w+)?\s+(?<version>\d\S*)\s")
});
/// `containerd.io-1.6.9-3.1.el9.x86_64`, and with the time of its installation behind (sos' `installed-rpms`).
static RPM: Shape = Shape::new(|| {
    Regex::new(
        r"^(?<name>[A-Za-z0-9_][\w.+-]*)-(?<version>[\w.+~^]+-[\w.+~^]+)\.(?:x86_64|aarch64|noarch|i686|ppc64le|s390x|riscv64|\(none\))(?:\s|$)",
    )
});
const ARCHITECTURES: [&str; 8] = [
    "x86_64", "aarch64", "noarch", "i686", "ppc64le", "s390x", "riscv64", "(none)",
];
const MOST_PACKAGES: usize = 20_000;
/// Lines in a row that must have a form before a text counts as a list: one alone may be an error message's.
const FEWEST: usize = 3;

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let first = file.line(start);
    if first.starts_with("||/ Name ") {
        // The rule of `=` below the heading.
        return Some(list(file, start + 2, &DPKG));
    }
    // Declines most lines before any expression is tried.
    let word = first.split(' ').next()?;
    let shape = match word.rsplit_once('.') {
        None if word.len() == 2 || word.len() == 3 => &DPKG,
        Some((_, end)) if ARCHITECTURES.contains(&end) => &RPM,
        _ => return None,
    };
    if !(start..start + FEWEST).all(|line| shape.fits(file.line(line))) {
        return None;
    }
    Some(list(file, start, shape))
}

fn list(file: &TextFile<'_>, start: usize, shape: &Shape) -> Section {
    let mut section = Section {
        end: start.min(file.lines.len()),
        ..Section::default()
    };
    while let Some(found) = file.lines.get(section.end).and_then(|line| shape.groups(line)) {
        // `rc`: removed, its configuration remains.
        let is_installed = found
            .name("state")
            .is_none_or(|state| state.as_str().get(1..2) == Some("i"));
        if is_installed && section.facts.len() < MOST_PACKAGES {
            let key = format!("package.{}", group(&found, "name"));
            section
                .facts
                .push(file.value(section.end, key, group(&found, "version")));
        }
        section.end += 1;
    }
    section
}

#[cfg(test)]
mod tests {
    use super::super::testing::values;
    use super::*;
    use crate::bundle::decode::sample::section;

    #[test]
    fn what_is_installed_is_listed_with_its_version() {
        let dpkg = "||/ Name              Version             Architecture Description\n+++-=================-===================-============-===========\nii  containerd        1.7.2-0ubuntu1      amd64        daemon\nrc  docker.io         20.10               amd64        removed\nii  libc6:amd64       2.35-0ubuntu3       amd64        GNU C\n\n";
        assert_eq!(
            values(&section(&DECODER, "x", dpkg).unwrap()),
            ["package.containerd=1.7.2-0ubuntu1", "package.libc6=2.35-0ubuntu3"]
        );
        let rpm = "containerd.io-1.6.9-3.1.el9.x86_64     Thu Oct 24 14:43:32 2024\ntzdata-2024a-1.el9.noarch\nkernel-5.14.0-427.el9.x86_64\n";
        assert_eq!(
            values(&section(&DECODER, "x", rpm).unwrap()),
            [
                "package.containerd.io=1.6.9-3.1.el9",
                "package.tzdata=2024a-1.el9",
                "package.kernel=5.14.0-427.el9"
            ]
        );
    }

    #[test]
    fn other_text_is_declined() {
        for text in [
            "",
            "ii  one  1.0  amd64  x\n",
            "foo-1.0-1.x86_64\nis missing\n",
            "||/ Names\n",
        ] {
            assert!(section(&DECODER, "x", text).is_none(), "{text}");
        }
    }
}
