//! What a file that is no text is, by the bytes that it begins with (file(1) and its `magic(5)`).

/// Signature at the beginning, and what it is.
const SIGNATURES: [(&[u8], &str); 16] = [
    (b"\x7fELF", "a program (ELF)"),
    (
        b"LPKSHHRH",
        "a journal of systemd in its own form: `journalctl --file` reads it",
    ),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"%PDF", "a document (PDF)"),
    (b"SQLite format 3", "a database (SQLite)"),
    (b"RRD\0", "measurements over time (RRD)"),
    (
        b"\xd4\xc3\xb2\xa1",
        "recorded packets (pcap): tcpdump or Wireshark reads them",
    ),
    (
        b"\xa1\xb2\xc3\xd4",
        "recorded packets (pcap): tcpdump or Wireshark reads them",
    ),
    (
        b"\x0a\x0d\x0d\x0a",
        "recorded packets (pcapng): tcpdump or Wireshark reads them",
    ),
    (b"\xed\xab\xee\xdb", "a package (RPM)"),
    (b"age-encryption.org/", "encrypted (age)"),
    (b"\x85\x01", "encrypted (PGP)"),
    (b"\xca\xfe\xba\xbe", "a program (Java or Mach-O)"),
    (b"k8s\0", "an object in the API server's own storage form"),
];

/// Why a file that is no text is not read.
pub fn binary_reason(head: &[u8]) -> &'static str {
    let known = SIGNATURES.iter().find(|(signature, _)| head.starts_with(signature));
    match known {
        Some((_, what)) => what,
        // utmp(5): records of 384 bytes, the first of which is most often a boot.
        None if head.len().is_multiple_of(384) && head.get(8..10) == Some(&b"~\0"[..]) => "logins (wtmp)",
        None => "binary, of no known form",
    }
}

#[cfg(test)]
mod tests {
    use super::binary_reason;

    #[test]
    fn the_first_bytes_tell() {
        assert_eq!(binary_reason(b"\x7fELF\x02\x01"), "a program (ELF)");
        assert!(binary_reason(b"LPKSHHRH\0\0").contains("journalctl"));
        assert_eq!(binary_reason(b"\0\x01\x02"), "binary, of no known form");
        let mut wtmp = [0_u8; 384];
        wtmp[0] = 2;
        wtmp[8] = b'~';
        assert_eq!(binary_reason(&wtmp), "logins (wtmp)");
    }
}
