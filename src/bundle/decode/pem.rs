//! X.509 certificates in PEM (RFC 7468), with any text around them. Private keys are skipped and never kept.

use jiff::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer;

use super::{Certificate, Decoder, Fact, Section, TextFile};
use crate::model::{Citation, Problem, ProblemKind};

/// Certificates.
pub(super) const DECODER: Decoder = Decoder {
    name: "certificate",
    decode,
};

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";
/// How long one block may be, in lines: a chain of large certificates has far less.
const MOST_LINES: usize = 2_000;

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let begin = file.line(start).trim();
    if begin != BEGIN {
        return key_block(file, start, begin);
    }
    let last = start + MOST_LINES;
    let mut end = start + 1;
    while end < file.lines.len()
        && end < last
        && file.line(end).trim() != END
        && !file.line(end).contains("-----BEGIN ")
    {
        end += 1;
    }
    let is_closed = file.line(end).trim() == END;
    let end = if is_closed { end + 1 } else { end };
    let block = (start..end)
        .map(|line| file.line(line).trim())
        .collect::<Vec<_>>()
        .join("\n");
    let mut section = Section {
        end,
        ..Section::default()
    };
    let cite = file.cite_range(start, end - 1, start);
    match der_of(&block).and_then(|der| certificate(&der, cite)) {
        Some(certificate) => section.facts.push(Fact::Certificate(Box::new(certificate))),
        None => {
            let detail = if is_closed {
                "a certificate does not parse"
            } else {
                "a certificate has no end line"
            };
            section
                .problems
                .push(Problem::file(file.path, ProblemKind::Unparsed, detail).at_line(start as u64 + 1));
        }
    }
    Some(section)
}

/// Takes the lines of a private key, so that nobody else reads them as text.
fn key_block(file: &TextFile<'_>, start: usize, begin: &str) -> Option<Section> {
    let label = begin
        .strip_prefix("-----BEGIN ")?
        .strip_suffix("-----")
        .filter(|label| label.ends_with("PRIVATE KEY"))?;
    let end = format!("-----END {label}-----");
    let last = (start + 1..file.lines.len().min(start + MOST_LINES)).find(|&line| file.line(line).trim() == end);
    Some(Section {
        end: last.map_or(file.lines.len().min(start + MOST_LINES), |line| line + 1),
        ..Section::default()
    })
}

/// The certificates in a text such as a kubeconfig's decoded `certificate-authority-data` or a Secret's `tls.crt`; each is cited as `cite`.
pub fn certificates_in(text: &str, cite: &Citation) -> Vec<Certificate> {
    let blocks = text.split(BEGIN).skip(1).filter_map(|rest| rest.split_once(END));
    blocks
        .filter_map(|(body, _)| certificate(&der_of(&format!("{BEGIN}{body}{END}\n"))?, cite.clone()))
        .collect()
}

fn der_of(block: &str) -> Option<Vec<u8>> {
    // Only what lies between the two lines reaches the parser, so a key beside it is never looked at.
    Pem::iter_from_buffer(block.as_bytes())
        .next()?
        .ok()
        .map(|pem| pem.contents)
}

fn certificate(der: &[u8], cite: Citation) -> Option<Certificate> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    let mut certificate = Certificate {
        subject: parsed.subject().to_string(),
        issuer: parsed.issuer().to_string(),
        serial: hex(parsed.raw_serial()),
        not_before: Timestamp::from_second(parsed.validity().not_before.timestamp()).ok(),
        not_after: Timestamp::from_second(parsed.validity().not_after.timestamp()).ok(),
        names: Vec::new(),
        is_ca: parsed.is_ca(),
        subject_key: String::new(),
        asked: String::new(),
        authority_key: String::new(),
        cite,
    };
    for extension in parsed.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(names) => {
                certificate.names.extend(names.general_names.iter().filter_map(name_of));
            }
            ParsedExtension::SubjectKeyIdentifier(key) => certificate.subject_key = hex(key.0),
            ParsedExtension::AuthorityKeyIdentifier(key) => {
                certificate.authority_key = key.key_identifier.as_ref().map_or_else(String::new, |key| hex(key.0));
            }
            _ => {}
        }
    }
    Some(certificate)
}

fn name_of(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match <[u8; 4]>::try_from(*bytes) {
            Ok(bytes) => Some(std::net::Ipv4Addr::from(bytes).to_string()),
            Err(_) => <[u8; 16]>::try_from(*bytes)
                .ok()
                .map(|bytes| std::net::Ipv6Addr::from(bytes).to_string()),
        },
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::sample::{section, section_at};
    use super::*;
    use crate::model::EntryPath;

    /// Made with `openssl req -x509 -newkey ec -subj /O=kubernetes/CN=node-1 -addext subjectAltName=… -days 365`; the expected values
    /// below are those of `openssl x509 -text`.
    const PEM: &str = "\
-----BEGIN CERTIFICATE-----
MIIByzCCAXKgAwIBAgIUKJguxyTrBMEPxFxPnr2xqq1vD6gwCgYIKoZIzj0EAwIw
JjETMBEGA1UECgwKa3ViZXJuZXRlczEPMA0GA1UEAwwGbm9kZS0xMB4XDTI2MTEy
MTEyMjA0NloXDTI3MTEyMTEyMjA0NlowJjETMBEGA1UECgwKa3ViZXJuZXRlczEP
MA0GA1UEAwwGbm9kZS0xMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEfAjX9Bgz
LVt5r8Xj8DOzOa8xo8nCWDbT9Y2GLNdPkzjQxNdSfB/xT/N8OwuwIURjg5LcYWeJ
nyFx7/JuUw24aKN+MHwwHQYDVR0OBBYEFI07gsd8aPVGO8kn+GJp7tSv+nUYMB8G
A1UdIwQYMBaAFI07gsd8aPVGO8kn+GJp7tSv+nUYMA8GA1UdEwEB/wQFMAMBAf8w
KQYDVR0RBCIwIIIGbm9kZS0xhwTAAAIChxD9AAAAAAAAAAAAAAAAAAABMAoGCCqG
SM49BAMCA0cAMEQCICaveYDU7fdmsdLvuDzzhtXTJ7+kkNfZqviggPfOxFKrAiB7
5OoQa2zCKL3WUpv4IwvCSh7kEq9aKvJqYziVSJ8xUA==
-----END CERTIFICATE-----
";

    #[test]
    fn the_public_part_is_read() {
        let section = section(&DECODER, "pki/kubelet.crt", PEM).unwrap();
        let [Fact::Certificate(read)] = section.facts.as_slice() else {
            panic!()
        };
        assert_eq!(read.subject, "O=kubernetes, CN=node-1");
        assert_eq!(read.issuer, read.subject);
        assert_eq!(read.not_before.unwrap().to_string(), "2026-11-21T12:20:46Z");
        assert_eq!(read.not_after.unwrap().to_string(), "2027-11-21T12:20:46Z");
        assert_eq!(read.names, ["node-1", "192.0.2.2", "fd00::1"]);
        assert!(read.is_ca);
        assert_eq!(read.subject_key, "8d3b82c77c68f5463bc927f86269eed4affa7518");
        assert_eq!(read.authority_key, read.subject_key);
        assert_eq!(section.end, 12);
    }

    #[test]
    fn several_certificates_with_text_between_are_all_found() {
        let path = EntryPath::new("x");
        let cite = Citation::pointer(&"b".into(), &path, "/data/tls.crt", "tls.crt");
        assert_eq!(
            certificates_in(&format!("s: /CN=a\n{PEM}\ntext\n{PEM}"), &cite).len(),
            2
        );
        assert_eq!(section_at(&DECODER, "x", &format!("a\n{PEM}{PEM}"), 1).unwrap().end, 13);
    }

    #[test]
    fn a_private_key_is_passed_over() {
        let label = "EC PRIVATE KEY";
        let key = format!("-----BEGIN {label}-----\nMHcCAQEE\n-----END {label}-----\nafter\n");
        let section = section(&DECODER, "x.key", &key).unwrap();
        assert_eq!((section.end, section.facts.len(), section.problems.len()), (3, 0, 0));
    }

    #[test]
    fn a_cut_or_broken_certificate_is_a_problem() {
        let cut: String = PEM.lines().take(4).map(|line| format!("{line}\n")).collect();
        for text in [
            cut.as_str(),
            "-----BEGIN CERTIFICATE-----\n",
            "-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----\n",
        ] {
            let section = section(&DECODER, "x", text).unwrap();
            assert_eq!((section.facts.len(), section.problems.len()), (0, 1), "{text}");
        }
    }

    #[test]
    fn other_text_is_declined() {
        for line in [
            "",
            "-----END CERTIFICATE-----",
            "BEGIN CERTIFICATE",
            "-----BEGIN PUBLIC KEY-----",
            "log -----BEGIN CERTIFICATE-----",
        ] {
            assert!(section(&DECODER, "x.crt", line).is_none(), "{line}");
        }
    }
}
