//! `/proc/net/ip_vs`, written as `ipvsadm -Ln` prints it: the kernel's own table has its addresses in hexadecimal.
//!
//! Source: linux `net/netfilter/ipvs/ip_vs_ctl.c`, `ip_vs_info_seq_show` and `ip_vs_dest` lines.

use std::net::Ipv4Addr;

use super::context::{Context, Step};
use super::{Outcome, Read};

const FILE: &str = "/proc/net/ip_vs";

/// The step of this source.
pub(crate) fn steps() -> Vec<Step> {
    vec![Step::new("host/ipvs", vec![Read::File(FILE.into())], |ctx| {
        Box::pin(async { read(ctx) })
    })]
}

fn read(ctx: &mut Context) -> Outcome {
    match ctx.host.read(FILE, ctx.evidence.head()) {
        Ok(capture) => {
            let table = readable(&String::from_utf8_lossy(capture.held()));
            ctx.evidence.line("host/ipvsadm.txt", &table);
            Outcome::Done
        }
        Err(_) => Outcome::Skipped("the kernel has no IPVS table".into()),
    }
}

/// The table with its addresses as people write them; what is none stays as it is.
fn readable(table: &str) -> String {
    let mut out = String::new();
    for line in table.lines() {
        let words: Vec<String> = line
            .split_whitespace()
            .map(|word| address(word).unwrap_or_else(|| word.into()))
            .collect();
        if line.starts_with(' ') {
            out.push_str("  ");
        }
        out.push_str(&words.join(" "));
        out.push('\n');
    }
    out
}

/// `10.96.0.1:443` of `0A600001:01BB`, `[2001:…]:443` of `[2001:…]:01BB`.
fn address(word: &str) -> Option<String> {
    let (host, port) = word.rsplit_once(':').filter(|(_, port)| port.len() == 4)?;
    let port = u16::from_str_radix(port, 16).ok()?;
    if host.starts_with('[') {
        return Some(format!("{host}:{port}"));
    }
    let bits = u32::from_str_radix(host, 16).ok().filter(|_| host.len() == 8)?;
    Some(format!("{}:{port}", Ipv4Addr::from(bits)))
}

#[cfg(test)]
mod tests {
    use crate::collect::testing::Host;

    #[test]
    fn the_kernels_table_reads_like_that_of_ipvsadm() {
        let table = "IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\nTCP  0A600001:01BB rr\n  -> C0A80A0B:192B      Masq    1      2          0\n";
        let (_, bundle) = Host::with_files(&[("/proc/net/ip_vs", table)]).collect();
        let text = bundle.text("host/ipvsadm.txt");
        assert!(
            text.contains("\nTCP 10.96.0.1:443 rr\n  -> 192.168.10.11:6443 Masq 1 2 0\n"),
            "{text}"
        );
    }
}
