//! `ping`: which addresses answer (iputils `ping/ping_common.c`, `finish`; busybox `networking/ping.c`, `print_stats_and_exit`).

use regex::Regex;

use crate::bundle::decode::shape::{Shape, group};
use crate::bundle::decode::{Decoder, Section, TextFile};

/// `ping.<address>.loss-percent`.
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder { name: "ping", decode };

/// Answers, and what the host itself says, between heading and statistics.
const MOST_LINES: usize = 500;

static HEADING: Shape = Shape::new(|| {
    Regex::new(r"^PING \S+ ?\((?<address>[0-9a-fA-F.:]+)\)(?: from \S+ \S+)?:? \d+(?:\(\d+\))? (?:data )?bytes")
});
static STATISTICS: Shape = Shape::new(|| {
    Regex::new(
        r"^\d+ packets transmitted, \d+ (?:packets )?received,(?: \+\d+ (?:errors|duplicates),)* (?<loss>\d+)(?:\.\d+)?% packet loss",
    )
});

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let heading = HEADING.groups(file.line(start))?;
    let at = (start + 1..file.lines.len())
        .take(MOST_LINES)
        .take_while(|&line| is_of_ping(file.line(line)))
        .find(|&line| STATISTICS.fits(file.line(line)))?;
    let found = STATISTICS.groups(file.line(at))?;
    let times = file.line(at + 1);
    let has_times = times.starts_with("rtt ") || times.starts_with("round-trip ");
    let key = format!("ping.{}.loss-percent", group(&heading, "address"));
    Some(Section {
        end: at + 1 + usize::from(has_times),
        facts: vec![file.value(at, key, group(&found, "loss"))],
        also_log: true,
        ..Section::default()
    })
}

/// True for a line that may stand between heading and statistics, and for these.
fn is_of_ping(line: &str) -> bool {
    line.trim().is_empty()
        || line.starts_with(|c: char| c.is_ascii_digit())
        || ["From ", "--- ", "ping: ", "no answer yet ", "Request timeout "]
            .iter()
            .any(|begin| line.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::super::testing::values;
    use super::*;
    use crate::bundle::decode::sample::section;
    use crate::bundle::decode::testing::assert_takes_linear_time;

    #[test]
    fn what_answers_and_what_does_not_is_read_from_every_ping() {
        for (text, fact, end) in [
            (
                "PING 10.244.1.14 (10.244.1.14) 56(84) bytes of data.\n\n--- 10.244.1.14 ping statistics ---\n3 packets transmitted, 0 received, 100% packet loss, time 2041ms\n\n$ date\n",
                "ping.10.244.1.14.loss-percent=100",
                4,
            ),
            (
                "PING web.example (192.0.2.7) from 192.0.2.2 eth0: 56(84) bytes of data.\nFrom 192.0.2.2 icmp_seq=1 Destination Host Unreachable\n\n--- web.example ping statistics ---\n2 packets transmitted, 0 received, +1 errors, 100% packet loss, time 1013ms\n",
                "ping.192.0.2.7.loss-percent=100",
                5,
            ),
            (
                "PING 10.42.1.3 (10.42.1.3): 56 data bytes\n64 bytes from 10.42.1.3: seq=0 ttl=62 time=0.4 ms\n\n--- 10.42.1.3 ping statistics ---\n1 packets transmitted, 1 packets received, 0% packet loss\nround-trip min/avg/max = 0.4/0.4/0.4 ms\n",
                "ping.10.42.1.3.loss-percent=0",
                6,
            ),
        ] {
            let found = section(&DECODER, "x", text).unwrap();
            assert_eq!((values(&found), found.end), (vec![fact.to_owned()], end), "{text}");
        }
    }

    #[test]
    fn other_text_is_declined() {
        for text in [
            "",
            "PING pong",
            "PING 10.42.1.3 (10.42.1.3): 56 data bytes\n",
            "PING 10.42.1.3 (10.42.1.3): 56 data bytes\n$ date\n1 packets transmitted, 1 packets received, 0% packet loss\n",
        ] {
            assert!(section(&DECODER, "x", text).is_none(), "{text}");
        }
    }

    #[test]
    fn many_that_never_end_take_linear_time() {
        assert_takes_linear_time(&DECODER, "PING 10.42.1.3 (10.42.1.3): 56 data bytes\n");
    }
}
