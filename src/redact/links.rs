//! Other hardware addresses, and the addresses of links that are made of them.

use std::net::Ipv6Addr;

use super::Key;

/// Hexadecimal digits of six bytes: another address from the same maker; none for those that are the same everywhere.
pub(super) fn hardware(key: &Key, text: &str) -> Option<String> {
    let sign = if text.contains('-') { '-' } else { ':' };
    let bytes: Vec<u8> = text
        .split(sign)
        .map(|byte| u8::from_str_radix(byte, 16))
        .collect::<Result<_, _>>()
        .ok()?;
    let bytes: [u8; 6] = bytes.try_into().ok()?;
    let is_same = bytes.iter().all(|byte| Some(byte) == bytes.first());
    // Of groups (RFC 1112, 6.4; RFC 2464, 7); all zero, all ones, and what Calico gives every interface.
    let is_group = bytes.starts_with(&[0x01, 0x00, 0x5e]) || bytes.starts_with(&[0x33, 0x33]);
    if is_same || is_group {
        return None;
    }
    let is_upper = text.bytes().any(|byte| byte.is_ascii_uppercase());
    let written = other(key, bytes).map(|byte| {
        if is_upper {
            format!("{byte:02X}")
        } else {
            format!("{byte:02x}")
        }
    });
    Some(written.join(&sign.to_string()))
}

/// The other address of an interface on its link: one that was made of a hardware address (RFC 4291, appendix A) is made of the other one.
pub(super) fn local(key: &Key, address: Ipv6Addr) -> Ipv6Addr {
    let mut octets = address.octets();
    let [.., a, b, c, 0xff, 0xfe, d, e, f] = octets else {
        let digest = key.bytes_for("ipv6", &octets);
        octets
            .iter_mut()
            .skip(8)
            .zip(digest)
            .for_each(|(octet, other)| *octet = other);
        return octets.into();
    };
    let [a, b, c, d, e, f] = other(key, [a ^ 2, b, c, d, e, f]);
    let own = [a ^ 2, b, c, 0xff, 0xfe, d, e, f];
    octets
        .iter_mut()
        .skip(8)
        .zip(own)
        .for_each(|(octet, other)| *octet = other);
    octets.into()
}

/// The maker's half stays.
fn other(key: &Key, bytes: [u8; 6]) -> [u8; 6] {
    let [a, b, c, ..] = bytes;
    let [d, e, f, ..] = key.bytes_for("hardware", &bytes);
    [a, b, c, d, e, f]
}
