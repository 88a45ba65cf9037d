//! Where in the text of a rule something stands, by lines and columns from 1: what a parser does not tell.

/// Where a key is there for the second time in one map.
pub(super) fn doubled(text: &str, key: &str) -> Option<(usize, usize)> {
    // The columns of the maps that are open, and whether each has the key.
    let mut open: Vec<(usize, bool)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mut rest = line.trim_start();
        if rest.is_empty() || rest.starts_with('#') {
            continue;
        }
        let mut column = line.len() - rest.len();
        open.retain(|(at, _)| *at <= column);
        while let Some(item) = rest.strip_prefix("- ") {
            open.retain(|(at, _)| *at <= column);
            rest = item.trim_start();
            column = line.len() - rest.len();
            open.retain(|(at, _)| *at < column);
        }
        if open.last().is_none_or(|(at, _)| *at < column) {
            open.push((column, false));
        }
        let is_it = rest.strip_prefix(key).is_some_and(|rest| rest.starts_with(':'));
        match open.last_mut() {
            Some((_, true)) if is_it => return Some((index + 1, line.get(..column)?.chars().count() + 1)),
            Some((_, has)) => *has |= is_it,
            None => {}
        }
        if let Some(at) = doubled_in_braces(line, key) {
            return Some((index + 1, line.get(..at)?.chars().count() + 1));
        }
    }
    None
}

/// The same within the braces of one line, as a byte of it.
fn doubled_in_braces(line: &str, key: &str) -> Option<usize> {
    let mut has: Vec<bool> = Vec::new();
    let mut quote = None;
    let mut at_key = false;
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '{') => has.push(false),
            (None, '}') => {
                has.pop();
            }
            (None, c) if at_key && !c.is_whitespace() => {
                let rest = line.get(at..)?;
                if rest.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')) {
                    match has.last_mut() {
                        Some(true) => return Some(at),
                        Some(has) => *has = true,
                        None => {}
                    }
                }
            }
            (None, _) => {}
        }
        at_key = quote.is_none() && (matches!(c, '{' | ',') || at_key && c.is_whitespace()) && !has.is_empty();
    }
    None
}

/// Where the pattern of a condition is: the parser tells where the condition begins.
pub(super) fn of_pattern(text: &str, (first, column): (usize, usize)) -> (usize, usize) {
    let lines = text.lines().enumerate().skip(first.saturating_sub(1));
    let mut patterns = lines.filter_map(|(index, line)| {
        let key = "matches:";
        let at = line.find(key)? + key.len();
        let rest = line.get(at..)?;
        let at = at + rest.len() - rest.trim_start().len();
        Some((index + 1, line.get(..at)?.chars().count() + 1))
    });
    patterns.next().unwrap_or((first, column))
}

/// Where a value is written: line and column of its first words. The first line where it is not to be found as it is.
pub(super) fn position(text: &str, value: &str) -> (usize, usize) {
    let first = value.lines().next().unwrap_or("").trim();
    if first.is_empty() {
        return (1, 1);
    }
    text.lines()
        .enumerate()
        .find_map(|(index, line)| {
            let at = line.find(first)?;
            Some((index + 1, line.get(..at)?.chars().count() + 1))
        })
        .unwrap_or((1, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_there_twice_in_one_map_and_not_in_two() {
        for (text, expected) in [
            ("a: 1\nb: 2\na: 3\n", Some((3, 1))),
            ("x:\n  a: 1\ny:\n  a: 2\n", None),
            ("x:\n  - a: 1\n  - a: 2\n    b: 3\n    a: 4\n", Some((5, 5))),
            ("x: {a: 1, b: {a: 2}, c: 'a: 1, a: 2'}\n", None),
            ("x: {a: 1, b: {a: 2}, a: 3}\n", Some((1, 22))),
            ("# a: 1\na: 1\n", None),
        ] {
            assert_eq!(doubled(text, "a"), expected, "{text}");
        }
    }
}
