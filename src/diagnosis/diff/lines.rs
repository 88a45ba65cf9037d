//! Two texts line by line.

use std::collections::BTreeMap;

/// Pairs of lines shown for one text; a text that is other altogether is no list of changes.
const MOST: usize = 50;

/// A line of the first text and what stands for it in the second. One side is none where a line was removed or added.
pub(super) type Change<'t> = (Option<&'t str>, Option<&'t str>);

/// The lines that only one of two texts has. Lines that set the same key (`key = value`, `key: value`) are one change. Order, blank
/// lines and space at either end are no change. At most [`MOST`].
pub(super) fn changed_lines<'t>(good: &'t str, bad: &'t str) -> Vec<Change<'t>> {
    let removed = surplus(good, bad);
    let added = surplus(bad, good);
    let mut by_key: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in added.iter().rev() {
        if let Some(key) = key_of(line) {
            by_key.entry(key).or_default().push(line);
        }
    }
    let mut paired: Vec<&str> = Vec::new();
    let mut changes: Vec<Change<'t>> = Vec::new();
    for line in removed {
        let other = key_of(line).and_then(|key| by_key.get_mut(key)).and_then(Vec::pop);
        paired.extend(other);
        changes.push((Some(line), other));
    }
    for line in added {
        match paired.iter().position(|known| *known == line) {
            Some(at) => {
                paired.swap_remove(at);
            }
            None => changes.push((None, Some(line))),
        }
    }
    changes.truncate(MOST);
    changes
}

/// The lines of a text that the other has not, or has less often, in order.
fn surplus<'t>(text: &'t str, other: &str) -> Vec<&'t str> {
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for line in lines(other) {
        *left.entry(line).or_default() += 1;
    }
    lines(text)
        .filter(|line| match left.get_mut(line) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        })
        .collect()
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

/// What a line sets: `max_connections` of `max_connections = 100`, `listen` of `listen 8080;`.
fn key_of(line: &str) -> Option<&str> {
    let end = line.find(['=', ':', ' ', '\t'])?;
    let key = line.get(..end)?;
    (!key.is_empty() && !key.starts_with(['#', '}', '-'])).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_changed_is_one_change() {
        let good = "# database\nhost = db\nport = 5432\n\ntimeout = 5\n";
        let bad = "# database\ntimeout = 5\nport = 5433\nhost = db\nretries = 0\n";
        assert_eq!(
            changed_lines(good, bad),
            [(Some("port = 5432"), Some("port = 5433")), (None, Some("retries = 0"))]
        );
    }

    #[test]
    fn order_and_space_are_no_change() {
        assert!(changed_lines("a: 1\nb: 2\n", "  b: 2\n\na: 1").is_empty());
    }

    #[test]
    fn a_line_that_is_there_once_less_is_removed() {
        assert_eq!(changed_lines("}\n}\n", "}\n"), [(Some("}"), None)]);
    }
}
