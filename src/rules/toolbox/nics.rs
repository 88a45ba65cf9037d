//! What the counters of a node's network cards tell of losses.

use super::hosts::Machine;
use crate::model::Citation;

/// Errors are never normal; so many are worth a look.
const ERRORS: u64 = 100;
/// Drops may be protocols that nobody speaks.
const DROPS: u64 = 10_000;
/// Beginnings of the names of real cards and of what joins them.
const CARDS: [&str; 7] = ["eth", "en", "bond", "team", "em", "p1p", "ib"];
/// A counter of losses: card, counter, count, place.
pub type Loss = (String, String, u64, Citation);

/// The counters that stand out: card, counter, count, place; the largest first.
pub fn losses(machine: &Machine<'_>) -> Vec<Loss> {
    let mut found: Vec<Loss> = machine
        .host
        .values
        .iter()
        .filter_map(|(key, (value, cite))| {
            let rest = key.strip_prefix("interface.")?;
            let (card, counter) = rest.split_once('.')?;
            let counter = counter.strip_prefix("counter.").unwrap_or(counter);
            let is_counter = ["err", "drop", "miss", "crc", "no_buffer", "discard", "overrun", "fail"]
                .iter()
                .any(|word| counter.contains(word));
            let count: u64 = value.parse().ok()?;
            let is_drop = counter.contains("drop") || counter.contains("discard");
            let least = if is_drop { DROPS } else { ERRORS };
            let is_card = CARDS.iter().any(|name| card.starts_with(name));
            (is_counter && is_card && count >= least)
                .then(|| (card.to_owned(), counter.to_owned(), count, cite.clone()))
        })
        .collect();
    found.sort_by(|a, b| (b.2, &a.0, &a.1).cmp(&(a.2, &b.0, &b.1)));
    found
}

/// True for frames that arrive damaged: the cable's, the transceiver's or the port's fault, whatever the load.
pub fn is_broken((_, counter, count, _): &Loss) -> bool {
    counter.contains("crc") && *count >= DROPS
}
