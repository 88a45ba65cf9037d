//! Networks of addresses.

/// True when an IPv4 network holds another one.
pub fn covers(wide: &str, narrow: &str) -> bool {
    let parse = |text: &str| {
        let (address, length) = text.split_once('/')?;
        let address: std::net::Ipv4Addr = address.parse().ok()?;
        Some((
            u32::from(address),
            length.parse::<u32>().ok().filter(|length| *length <= 32)?,
        ))
    };
    let (Some((outer, long)), Some((inner, longer))) = (parse(wide), parse(narrow)) else {
        return false;
    };
    let mask = u32::MAX.checked_shl(32 - long).unwrap_or(0);
    long <= longer && outer & mask == inner & mask
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_network_holds_what_begins_as_it_does() {
        assert!(covers("10.42.0.0/16", "10.42.3.0/24"));
        assert!(covers("10.42.0.0/16", "10.42.3.9/32"));
        for (wide, narrow) in [
            ("10.42.0.0/24", "10.42.3.9/32"),
            ("10.42.3.0/24", "10.42.0.0/16"),
            ("fd00::/8", "10.42.0.0/16"),
            ("10.42.0.0/64", "10.42.0.0/16"),
        ] {
            assert!(!covers(wide, narrow), "{wide} {narrow}");
        }
    }
}
