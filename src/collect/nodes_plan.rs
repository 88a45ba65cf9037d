//! Other machines that are collected too, over the system's `ssh`.

use std::path::PathBuf;
use std::str::FromStr;

use crate::redact::Key;

/// Which machines, and how they are reached.
#[derive(Debug, Clone)]
pub struct NodesPlan {
    /// The machines, each once.
    pub targets: Vec<NodeAddress>,
    /// Whether this machine is collected as one of them.
    pub this_host: bool,
    /// The program that is copied to them: casefile itself.
    pub program: PathBuf,
    /// A configuration file for `ssh` in place of the user's own.
    pub ssh_config: Option<PathBuf>,
    /// Options for the collection over there.
    pub options: Vec<String>,
    /// The key of all tokens: machines that mask by themselves must use the same token for the same value.
    pub key: Key,
}

/// A machine that `ssh` reaches: `ssh://user@host:port`, of which user and port may be left to ssh's configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeAddress {
    /// The user.
    pub user: Option<String>,
    /// A name, an address, or an alias of ssh's configuration.
    pub host: String,
    /// The port.
    pub port: Option<u16>,
}

impl FromStr for NodeAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse =
            || format!("`{text}` is no node; write ssh://user@host, ssh://host:port or local for this machine");
        let rest = text.strip_prefix("ssh://").ok_or_else(refuse)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (user, place) = match rest.rsplit_once('@') {
            Some((user, place)) => (Some(user.to_owned()), place),
            None => (None, rest),
        };
        // An IPv6 address stands in brackets (RFC 3986, section 3.2.2).
        let (host, port) = match place.strip_prefix('[').map(|inner| inner.split_once(']')) {
            Some(Some((host, rest))) if rest.is_empty() => (host, None),
            Some(Some((host, rest))) => (host, Some(rest.strip_prefix(':').ok_or_else(refuse)?)),
            Some(None) => return Err(refuse()),
            None => match place.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (place, None),
            },
        };
        let port = match port.map(str::parse::<u16>) {
            Some(Ok(0) | Err(_)) => return Err(refuse()),
            Some(Ok(port)) => Some(port),
            None => None,
        };
        // What starts with a hyphen would be an option of ssh, and its configuration may put names into commands of a shell.
        let is_word = |word: &str| {
            !word.is_empty()
                && !word.starts_with('-')
                && word.chars().all(|c| c.is_alphanumeric() || "._-:%+".contains(c))
        };
        if !is_word(host) || !user.as_deref().is_none_or(is_word) {
            return Err(refuse());
        }
        Ok(Self {
            user,
            host: host.to_owned(),
            port,
        })
    }
}

impl std::fmt::Display for NodeAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        match self.host.contains(':') {
            true => write!(f, "[{}]", self.host)?,
            false => f.write_str(&self.host)?,
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_port_may_be_left_out() {
        for (text, user, host, port) in [
            ("ssh://root@10.0.0.1", Some("root"), "10.0.0.1", None),
            ("ssh://cp1.example:2222/", None, "cp1.example", Some(2222)),
            ("ssh://ops@[fd00::7]:22", Some("ops"), "fd00::7", Some(22)),
            ("ssh://[fd00::7]", None, "fd00::7", None),
        ] {
            let address: NodeAddress = text.parse().unwrap();
            assert_eq!(
                (address.user.as_deref(), address.host.as_str(), address.port),
                (user, host, port),
                "{text}"
            );
            assert_eq!(format!("ssh://{address}"), text.trim_end_matches('/'));
        }
    }

    #[test]
    fn options_of_ssh_and_commands_of_a_shell_are_no_nodes() {
        for text in [
            "",
            "cp1",
            "ssh://",
            "ssh://root@",
            "ssh://-oProxyCommand=x",
            "ssh://-l@host",
            "ssh://host:0",
            "ssh://host:port",
            "ssh://a b",
            "ssh://a;reboot",
            "ssh://`id`",
            "ssh://[::1",
        ] {
            assert!(text.parse::<NodeAddress>().is_err(), "{text}");
        }
    }
}
