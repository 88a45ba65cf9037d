//! Where a component of a host listens, as a URL says it.

use std::fmt::Write as _;

/// Where a component listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// True for `https`.
    pub(crate) is_tls: bool,
    /// Name or address, without brackets.
    pub(crate) host: String,
    /// Port.
    pub(crate) port: u16,
}

impl Endpoint {
    /// `https://10.0.0.1:2379` and its like; none for anything else.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.trim().split_once("://")?;
        let authority = rest.split('/').next()?;
        let (host, port) = authority.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let is_tls = match scheme {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        (!host.is_empty()).then_some(())?;
        Some(Self {
            is_tls,
            host: host.to_owned(),
            port: port.parse().ok()?,
        })
    }

    /// As a URL.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://{}", self.authority())
    }

    /// Host and port, as a request names them.
    pub(crate) fn authority(&self) -> String {
        let mut authority = String::new();
        // Writing to a string cannot fail.
        let _ = if self.host.contains(':') {
            write!(authority, "[{}]:{}", self.host, self.port)
        } else {
            write!(authority, "{}:{}", self.host, self.port)
        };
        authority
    }
}

#[cfg(test)]
mod tests {
    use super::Endpoint;

    #[test]
    fn urls_of_endpoints() {
        for url in ["https://10.0.0.1:2379", "http://[::1]:2381", "http://etcd.local:80"] {
            assert_eq!(Endpoint::parse(url).unwrap().url(), url);
        }
        for wrong in [
            "10.0.0.1:2379",
            "unix:///run/x",
            "https://10.0.0.1",
            "https://:1",
            "http://a:b",
        ] {
            assert_eq!(Endpoint::parse(wrong), None, "{wrong}");
        }
    }
}
