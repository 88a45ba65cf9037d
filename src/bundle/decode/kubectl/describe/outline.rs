//! The indentation of a description as a tree.

use super::extent::{indent, is_key};
use crate::bundle::decode::TextFile;

/// The lines of one description, each knowing where what belongs to it ends. A flat list, so that no depth of indentation can exhaust the
/// stack.
pub(crate) struct Outline<'t> {
    items: Vec<Item<'t>>,
}

/// One line, and the range of those below it.
#[derive(Debug)]
pub(crate) struct Item<'t> {
    /// The 0-based line.
    pub(crate) line: usize,
    /// The line without the white space around it.
    pub(crate) text: &'t str,
    /// What stands before the first colon that a space or nothing follows; empty when there is none.
    pub(crate) key: &'t str,
    /// What stands behind it; the whole text when there is no key.
    pub(crate) value: &'t str,
    /// The line as it is in the file.
    pub(crate) raw: &'t str,
    index: usize,
    end: usize,
}

impl<'t> Outline<'t> {
    /// Reads the 0-based lines `start..end`.
    pub(crate) fn new(file: &TextFile<'t>, start: usize, end: usize) -> Self {
        let base = indent(file.line(start));
        let mut items: Vec<Item<'t>> = Vec::new();
        let mut open: Vec<(usize, usize)> = Vec::new();
        let mut data = false;
        let mut events = false;
        for line in start..end {
            let raw = file.line(line);
            let text = raw.trim();
            if text.is_empty() {
                continue;
            }
            // A line at the left that is no key goes on with the value above it: it belongs to whatever is open.
            let width = indent(raw);
            // Nothing comes after the events, so what stands at the left there is more of a message, keys or not.
            let stray = width <= base && (events || !is_key(text));
            events |= width <= base && text.starts_with("Events:");
            let index = items.len();
            // The data of config maps and secrets is not the description's: its lines stand alone.
            data = (data && !(width <= base && text.starts_with("Events:")))
                || (stray && matches!(text, "Data" | "BinaryData"));
            if data {
                for (above, _) in open.drain(..) {
                    if let Some(item) = items.get_mut(above) {
                        item.end = index;
                    }
                }
                items.push(Item {
                    line,
                    text,
                    key: "",
                    value: text,
                    raw,
                    index,
                    end: index + 1,
                });
                continue;
            }
            while let Some(&(above, width_above)) = open.last() {
                if stray || width_above < width {
                    break;
                }
                open.pop();
                if let Some(item) = items.get_mut(above) {
                    item.end = index;
                }
            }
            let (key, value) = split_key(text);
            items.push(Item {
                line,
                text,
                key,
                value,
                raw,
                index,
                end: index + 1,
            });
            if !stray {
                open.push((index, width));
            }
        }
        let all = items.len();
        for (above, _) in open {
            if let Some(item) = items.get_mut(above) {
                item.end = all;
            }
        }
        Self { items }
    }

    /// The items at the left, in order.
    pub(crate) fn roots(&self) -> impl Iterator<Item = &Item<'t>> {
        self.siblings(0, self.items.len())
    }

    /// Every item, in order.
    pub(crate) fn items(&self) -> &[Item<'t>] {
        &self.items
    }

    /// Every item, in order, one by one.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &Item<'t>> {
        self.items.iter()
    }

    /// The item at the left with this key.
    pub(crate) fn root(&self, key: &str) -> Option<&Item<'t>> {
        self.roots().find(|item| item.key == key)
    }

    /// The items directly below another.
    pub(crate) fn children(&self, item: &Item<'t>) -> impl Iterator<Item = &Item<'t>> {
        self.siblings(item.index + 1, item.end)
    }

    /// The item directly below another with this key.
    pub(crate) fn child(&self, item: &Item<'t>, key: &str) -> Option<&Item<'t>> {
        self.children(item).find(|child| child.key == key)
    }

    /// Every item below another, at any depth.
    pub(crate) fn below(&self, item: &Item<'t>) -> &[Item<'t>] {
        self.items.get(item.index + 1..item.end).unwrap_or_default()
    }

    /// The item's value and the lines directly below it that have no key of their own: the entries of a list such as labels.
    pub(crate) fn entries(&self, item: &Item<'t>) -> Vec<(&'t str, usize)> {
        std::iter::once((item.value, item.line))
            .chain(self.below(item).iter().map(|below| (below.text, below.line)))
            .filter(|(text, _)| !text.is_empty())
            .collect()
    }

    /// The item's value with every line below it, as one text.
    pub(crate) fn whole(&self, item: &Item<'t>) -> String {
        self.entries(item)
            .into_iter()
            .map(|(text, _)| text)
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn siblings(&self, first: usize, end: usize) -> impl Iterator<Item = &Item<'t>> {
        let mut next = first;
        std::iter::from_fn(move || {
            let item = self.items.get(next).filter(|_| next < end)?;
            next = item.end;
            Some(item)
        })
    }
}

fn split_key(text: &str) -> (&str, &str) {
    for (at, _) in text.match_indices(':') {
        match (text.get(..at), text.get(at + 1..)) {
            (Some(key), Some(rest)) if rest.is_empty() || rest.starts_with([' ', '\t']) => {
                return (key.trim(), rest.trim());
            }
            _ => {}
        }
    }
    ("", text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::decode::kubectl::testing::text;

    #[test]
    fn what_is_indented_belongs_to_what_is_above() {
        let source = text(
            "Name:    web\nLabels:  app=web\n         tier=front\nContainers:\n  nginx:\n    Image:  nginx:1.25\n    State:  Waiting\n      Reason:  Error\nIP:  \n",
        );
        let outline = Outline::new(&source.file(), 0, 9);
        let labels = outline.root("Labels").unwrap();
        assert_eq!(outline.entries(labels), [("app=web", 1), ("tier=front", 2)]);
        let nginx = outline.child(outline.root("Containers").unwrap(), "nginx").unwrap();
        assert_eq!(outline.child(nginx, "Image").unwrap().value, "nginx:1.25");
        let state = outline.child(nginx, "State").unwrap();
        assert_eq!(outline.child(state, "Reason").unwrap().value, "Error");
        assert_eq!(outline.roots().count(), 4);
    }

    #[test]
    fn a_value_that_breaks_out_stays_with_its_key() {
        let source = text("Name:  web\nContainers:\n  web:\n    Message:  panic\ngoroutine 1\n    Exit Code:  2\n");
        let outline = Outline::new(&source.file(), 0, 6);
        let web = outline.child(outline.root("Containers").unwrap(), "web").unwrap();
        assert_eq!(
            outline.whole(outline.child(web, "Message").unwrap()),
            "panic\ngoroutine 1"
        );
        assert_eq!(outline.child(web, "Exit Code").unwrap().value, "2");
    }

    #[test]
    fn any_depth_is_borne() {
        let deep: String = (0..3_000).map(|depth| format!("{}K:\n", " ".repeat(depth))).collect();
        let source = text(&deep);
        let outline = Outline::new(&source.file(), 0, 3_000);
        assert!(outline.roots().count() > 0);
    }
}
