//! `kubeadm certs check-expiration` (kubernetes `cmd/kubeadm/app/cmd/certs.go`) and the verbose health endpoints of Kubernetes'
//! components (`k8s.io/apiserver/pkg/server/healthz`: `[+]ping ok`, `[-]etcd failed: reason withheld`).

use super::fact::{CertificateExpiry, HealthCheck, HostFact};
use crate::bundle::decode::columns::Columns;
use crate::bundle::decode::{Decoder, Fact, Section, TextFile};

/// When certificates end.
pub(in crate::bundle::decode) const EXPIRY: Decoder = Decoder {
    name: "kubeadm certs check-expiration",
    decode: expiry,
};

/// Checks of a health endpoint.
pub(in crate::bundle::decode) const HEALTH: Decoder = Decoder {
    name: "health checks",
    decode: health,
};

fn expiry(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let heading = file.line(start);
    let name = ["CERTIFICATE AUTHORITY", "CERTIFICATE"]
        .into_iter()
        .find(|name| heading.starts_with(&format!("{name}  ")))?;
    let columns = Columns::of(heading);
    if !columns.has("EXPIRES") || !columns.has("RESIDUAL TIME") {
        return None;
    }
    let mut section = Section {
        end: start + 1,
        ..Section::default()
    };
    while let Some(line) = file.lines.get(section.end).filter(|line| !line.trim().is_empty()) {
        if let Some(cells) = columns.cut(line).filter(|cells| !cells.get("EXPIRES").is_empty()) {
            section
                .facts
                .push(Fact::Host(HostFact::CertificateExpiry(CertificateExpiry {
                    // A file that is missing is marked with an exclamation mark.
                    name: cells.get(name).trim_start_matches('!').to_owned(),
                    expires: cells.get("EXPIRES").to_owned(),
                    residual: cells.get("RESIDUAL TIME").to_owned(),
                    cite: file.cite(section.end),
                })));
        }
        section.end += 1;
    }
    Some(section)
}

fn health(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let mut section = Section {
        end: start,
        ..Section::default()
    };
    while let Some((name, is_ok)) = file.lines.get(section.end).and_then(|line| check(line)) {
        section.facts.push(Fact::Host(HostFact::HealthCheck(HealthCheck {
            name: name.to_owned(),
            is_ok,
            cite: file.cite(section.end),
        })));
        section.end += 1;
    }
    (section.end > start).then_some(section)
}

fn check(line: &str) -> Option<(&str, bool)> {
    let line = line.trim_end();
    if let Some(rest) = line.strip_prefix("[+]") {
        let name = rest
            .strip_suffix(" ok")
            .or_else(|| rest.strip_suffix(" excluded: ok"))?;
        return is_name(name).then_some((name, true));
    }
    let (name, _) = line.strip_prefix("[-]")?.split_once(" failed")?;
    is_name(name).then_some((name, false))
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(' ')
}

#[cfg(test)]
mod tests {
    use super::super::testing::host_facts;
    use super::*;
    use crate::bundle::decode::sample::section;

    #[test]
    fn a_certificate_that_has_ended_is_told() {
        let text = "CERTIFICATE                EXPIRES                  RESIDUAL TIME   CERTIFICATE AUTHORITY   EXTERNALLY MANAGED\nadmin.conf                 Nov 21, 2026 10:20 UTC   <invalid>       ca                      no\napiserver                  Nov 21, 2027 10:20 UTC   364d            ca                      no\n";
        let facts = host_facts(section(&EXPIRY, "x", text).unwrap());
        let [HostFact::CertificateExpiry(ended), HostFact::CertificateExpiry(good)] = facts.as_slice() else {
            panic!()
        };
        assert_eq!(
            (ended.name.as_str(), ended.has_ended(), good.has_ended()),
            ("admin.conf", true, false)
        );
        assert_eq!(
            (good.expires.as_str(), good.residual.as_str()),
            ("Nov 21, 2027 10:20 UTC", "364d")
        );
    }

    #[test]
    fn checks_that_fail_are_named() {
        let text = "[+]ping ok\n[-]etcd failed: reason withheld\n[+]poststarthook/rbac/bootstrap-roles ok\nreadyz check failed\n";
        let section = section(&HEALTH, "x", text).unwrap();
        assert_eq!(section.end, 3);
        let failed = host_facts(section)
            .into_iter()
            .filter(|fact| matches!(fact, HostFact::HealthCheck(check) if !check.is_ok && check.name == "etcd"));
        assert_eq!(failed.count(), 1);
    }

    #[test]
    fn other_text_is_declined() {
        for text in [
            "",
            "[+] Building 2.1s ok",
            "[-] it failed",
            "CERTIFICATE of merit",
            "CERTIFICATE  ISSUER",
        ] {
            assert!(
                section(&HEALTH, "x", text).is_none() && section(&EXPIRY, "x", text).is_none(),
                "{text}"
            );
        }
    }
}
