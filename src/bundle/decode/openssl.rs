//! Certificates as `openssl x509` prints them (OpenSSL 1.0 to 3): with `-text`, as the Rancher collector stores them, or with
//! `-subject -issuer -dates`, as people do.

use jiff::Timestamp;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use super::{Certificate, Decoder, Fact, Section, TextFile};

/// Printed certificates.
pub(super) const DECODER: Decoder = Decoder {
    name: "openssl x509",
    decode,
};

/// How many lines one printed certificate may have; long keys and many names stay far below.
const MOST_LINES: usize = 400;
/// The same for the short form, which has one line for each field.
const MOST_FIELDS: usize = 20;

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let first = file.line(start);
    let is_text = first == "Certificate:" && file.line(start + 1).trim() == "Data:";
    let is_short = ["subject=", "notBefore=", "notAfter="]
        .iter()
        .any(|begin| first.starts_with(begin));
    if !is_text && !is_short {
        return None;
    }
    let belongs = |line: &&str| {
        if is_text {
            line.starts_with(' ')
        } else {
            FIELDS.iter().any(|field| line.starts_with(field)) || line.starts_with(' ')
        }
    };
    let end = start
        + 1
        + file
            .lines
            .iter()
            .skip(start + 1)
            .take(if is_text { MOST_LINES } else { MOST_FIELDS })
            .take_while(|line| belongs(line))
            .count();
    let mut certificate = Certificate {
        subject: String::new(),
        issuer: String::new(),
        serial: String::new(),
        not_before: None,
        not_after: None,
        names: Vec::new(),
        is_ca: false,
        subject_key: String::new(),
        authority_key: String::new(),
        asked: asked(file, start),
        cite: file.cite_range(start, end - 1, start),
    };
    for line in start..end {
        take(&mut certificate, file.line(line).trim(), file.line(line + 1).trim());
    }
    if certificate.subject.is_empty() {
        certificate.subject = distinguished(verified(file, start));
    }
    // A line `subject=…` alone may stand in any log; with an end of validity it is a certificate.
    certificate.not_after?;
    Some(Section {
        end,
        facts: vec![Fact::Certificate(Box::new(certificate))],
        ..Section::default()
    })
}

/// Lines between a command and what it prints: what `openssl s_client` says of the chain.
const BETWEEN: usize = 12;
/// Characters of a command.
const COMMAND: usize = 400;

/// The lines above a certificate, the nearest first.
fn above<'t>(file: &'t TextFile<'_>, start: usize, most: usize) -> impl Iterator<Item = &'t str> {
    (start.saturating_sub(most)..start).rev().map(|line| file.line(line))
}

/// The command above, as far as it tells of whom the certificate is.
fn asked(file: &TextFile<'_>, start: usize) -> String {
    let command = of_loop(file, start).or_else(|| {
        let mut lines = above(file, start, BETWEEN);
        Some(lines.find(|line| line.contains("openssl "))?.to_owned())
    });
    command.unwrap_or_default().chars().take(COMMAND).collect()
}

/// Lines of a loop over many certificates.
const LOOP: usize = 400;

/// The command of a loop with the name that it wrote above this certificate: `for i in *.crt; do echo $i; openssl x509 -enddate -in $i; done`.
fn of_loop(file: &TextFile<'_>, start: usize) -> Option<String> {
    let is_word_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"._/-".contains(&byte);
    let name = above(file, start, 1)
        .next()?
        .trim()
        .trim_matches(['=', '-', '#', ':', '*', ' ']);
    if name.is_empty() || name.len() > 200 || !name.bytes().all(is_word_byte) {
        return None;
    }
    let command = above(file, start, LOOP).find(|line| line.contains("openssl "))?;
    // The name may be long and the variable in it many times.
    let command: String = command.chars().take(COMMAND).collect();
    let (variable, _) = command.split_once("for ")?.1.split_once(" in ")?;
    let is_variable = !variable.is_empty()
        && variable
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_variable.then(|| {
        let filled = command.replace(&format!("${{{variable}}}"), name);
        filled.replace(&format!("${variable}"), name)
    })
}

/// What `openssl s_client` says of the peer's own certificate while it verifies the chain (`apps/lib/s_cb.c`, verify_callback):
/// `depth=0 O = shop, CN = web`.
fn verified<'t>(file: &'t TextFile<'_>, start: usize) -> &'t str {
    let mut lines = above(file, start, BETWEEN);
    lines.find_map(|line| line.strip_prefix("depth=0 ")).unwrap_or("")
}

/// Fields of the short form.
const FIELDS: [&str; 8] = [
    "subject=",
    "issuer=",
    "notBefore=",
    "notAfter=",
    "serial=",
    "X509v3 ",
    "SHA1 Fingerprint=",
    "sha256 Fingerprint=",
];

/// Reads one line; the value of an extension stands in the line below its name.
fn take(certificate: &mut Certificate, line: &str, below: &str) {
    let value = |names: [&str; 2]| names.iter().find_map(|name| line.strip_prefix(name)).map(str::trim);
    if let Some(subject) = value(["Subject:", "subject="]) {
        certificate.subject = distinguished(subject);
    } else if let Some(issuer) = value(["Issuer:", "issuer="]) {
        certificate.issuer = distinguished(issuer);
    } else if let Some(time) = value(["Not Before:", "notBefore="]) {
        certificate.not_before = time_of(time);
    } else if let Some(time) = value(["Not After :", "notAfter="]) {
        certificate.not_after = time_of(time);
    } else if let Some(serial) = value(["Serial Number:", "serial="]) {
        certificate.serial = digits(if serial.is_empty() {
            below
        } else {
            serial.rsplit("(0x").next().unwrap_or(serial)
        });
    } else if line.starts_with("X509v3 Basic Constraints") {
        certificate.is_ca = below.contains("CA:TRUE");
    } else if line.starts_with("X509v3 Subject Key Identifier") {
        certificate.subject_key = digits(below);
    } else if line.starts_with("X509v3 Authority Key Identifier") {
        certificate.authority_key = digits(below.strip_prefix("keyid:").unwrap_or(below));
    } else if line.starts_with("X509v3 Subject Alternative Name") {
        let name = |name: &str| {
            name.strip_prefix("DNS:")
                .or_else(|| name.strip_prefix("IP Address:"))
                .map(plain_address)
        };
        certificate.names = below.split(", ").filter_map(name).collect();
    }
}

/// `O = kubernetes, CN = node-1` in the form the other decoder of certificates gives: `O=kubernetes, CN=node-1`.
fn distinguished(name: &str) -> String {
    name.replace(" = ", "=")
}

/// OpenSSL writes IPv6 addresses with all their zeros.
fn plain_address(name: &str) -> String {
    name.parse::<std::net::IpAddr>()
        .map_or_else(|_| name.to_owned(), |address| address.to_string())
}

/// Lower-case hexadecimal digits without colons.
fn digits(text: &str) -> String {
    text.chars()
        .filter(char::is_ascii_hexdigit)
        .map(|digit| digit.to_ascii_lowercase())
        .collect()
}

/// `Nov 21 09:18:10 2026 GMT`; OpenSSL always prints GMT.
fn time_of(text: &str) -> Option<Timestamp> {
    let civil = strtime::parse("%b %d %H:%M:%S %Y GMT", text).ok()?.to_datetime().ok()?;
    TimeZone::UTC.to_timestamp(civil).ok()
}

#[cfg(test)]
mod tests {
    use super::super::sample::section;
    use super::*;

    fn certificate(text: &str) -> Option<Certificate> {
        match section(&DECODER, "certs/kubelet.crt", text)?.facts.pop()? {
            Fact::Certificate(certificate) => Some(*certificate),
            _ => None,
        }
    }

    #[test]
    fn the_long_form_is_read() {
        let text = "\
Certificate:
    Data:
        Version: 3 (0x2)
        Serial Number:
            28:98:2E
        Issuer: O = kubernetes, CN = ca
        Validity
            Not Before: Nov 21 12:20:46 2026 GMT
            Not After : Nov  1 12:20:46 2027 GMT
        Subject: CN = node-1
        X509v3 extensions:
            X509v3 Subject Key Identifier: 
                8D:3B
            X509v3 Authority Key Identifier: 
                keyid:7A:01
            X509v3 Basic Constraints: critical
                CA:TRUE
            X509v3 Subject Alternative Name: 
                DNS:node-1, IP Address:192.0.2.2, IP Address:FD00:0:0:0:0:0:0:1
";
        let read = certificate(text).unwrap();
        assert_eq!(
            (read.subject.as_str(), read.issuer.as_str()),
            ("CN=node-1", "O=kubernetes, CN=ca")
        );
        assert_eq!(read.not_after.unwrap().to_string(), "2027-11-01T12:20:46Z");
        assert_eq!(read.names, ["node-1", "192.0.2.2", "fd00::1"]);
        assert_eq!(
            (
                read.serial.as_str(),
                read.subject_key.as_str(),
                read.authority_key.as_str()
            ),
            ("28982e", "8d3b", "7a01")
        );
        assert!(read.is_ca);
    }

    #[test]
    fn the_short_form_is_read() {
        let text = "subject=CN = kubernetes\nissuer=CN = kubernetes\nnotBefore=Nov 21 09:18:10 2026 GMT\nnotAfter=Nov 18 09:18:10 2036 GMT\n";
        let read = certificate(text).unwrap();
        assert_eq!(read.subject, "CN=kubernetes");
        assert_eq!(read.not_before.unwrap().to_string(), "2026-11-21T09:18:10Z");
    }

    #[test]
    fn an_end_alone_is_of_the_file_that_the_command_names() {
        let command = "$ openssl x509 -in /etc/kubernetes/pki/apiserver.crt -noout -enddate\n";
        let path = crate::model::EntryPath::new("x.txt");
        let text = format!("{command}notAfter=Nov 18 09:18:10 2036 GMT\n");
        let file = TextFile::new("b".into(), &path, &text);
        let Some(Fact::Certificate(read)) = decode(&file, 1).and_then(|mut section| section.facts.pop()) else {
            panic!("not read")
        };
        assert_eq!(read.asked, command.trim_end());
        assert_eq!(read.not_after.unwrap().to_string(), "2036-11-18T09:18:10Z");
        let alone = certificate("notAfter=Nov 18 09:18:10 2036 GMT\n").unwrap();
        assert!(alone.asked.is_empty() && alone.not_after.is_some());
        assert!(certificate("notAfter=soon\n").is_none());
    }

    #[test]
    fn a_loop_names_each_of_its_certificates() {
        let text = "$ for i in *.crt; do echo $i; openssl x509 -noout -enddate -in $i; done\na.crt\nnotAfter=Mar  2 01:16:50 2023 GMT\nb.crt\nnotAfter=Mar  2 01:16:50 2023 GMT\n";
        let path = crate::model::EntryPath::new("host.txt");
        let file = TextFile::new("b".into(), &path, text);
        let named = |line: usize| asked(&file, line);
        assert!(
            named(2).contains("-in a.crt") && named(4).contains("-in b.crt"),
            "{}",
            named(4)
        );
    }

    #[test]
    fn cut_and_other_text_is_declined() {
        for text in [
            "",
            "Certificate:\n",
            "Certificate: expired\n",
            "subject=CN = a\n",
            "subject=x logged in\n",
            "Certificate:\n    Data:\n",
        ] {
            assert!(certificate(text).is_none(), "{text}");
        }
    }
}
