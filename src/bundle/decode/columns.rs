//! Tables whose columns stand where their headings stand.

/// The columns of a table, found from its heading line.
///
/// The Docker command line aligns with Go's `text/tabwriter`, which counts characters (not bytes) and puts at least two spaces
/// between columns; a heading may hold single spaces (`CONTAINER ID`).
pub(super) struct Columns<'h> {
    names: Vec<&'h str>,
    starts: Vec<usize>,
}

impl<'h> Columns<'h> {
    /// Reads the heading line.
    pub(super) fn of(heading: &'h str) -> Self {
        let mut columns = Self {
            names: Vec::new(),
            starts: Vec::new(),
        };
        let mut characters = 0;
        let mut rest = heading;
        while !rest.is_empty() {
            let gap = rest.len() - rest.trim_start().len();
            let (blank, word) = rest.split_at(gap);
            characters += blank.chars().count();
            let end = word
                .find("  ")
                .into_iter()
                .chain(word.find('\t'))
                .min()
                .unwrap_or(word.len());
            let (name, after) = word.split_at(end);
            if !name.is_empty() {
                columns.names.push(name.trim_end());
                columns.starts.push(characters);
            }
            characters += name.chars().count();
            rest = after;
        }
        columns
    }

    /// True when a heading of this name is present.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.contains(&name)
    }

    /// Cuts a row under the headings. None when a column starts in the middle of a word: then the row is not aligned, and what
    /// would be read is not what was written.
    pub(super) fn cut<'r>(&self, row: &'r str) -> Option<Cells<'_, 'h, 'r>> {
        let mut offsets = Vec::with_capacity(self.starts.len() + 1);
        let mut wanted = self.starts.iter().copied().peekable();
        let mut before = ' ';
        for (index, (offset, character)) in row.char_indices().enumerate() {
            if wanted.peek() == Some(&index) {
                wanted.next();
                if !before.is_whitespace() {
                    return None;
                }
                offsets.push(offset);
            }
            before = character;
        }
        offsets.resize(self.starts.len(), row.len());
        offsets.push(row.len());
        let cells = offsets
            .windows(2)
            .map(|pair| match pair {
                [from, to] => row.get(*from..*to).unwrap_or("").trim(),
                _ => "",
            })
            .collect();
        Some(Cells {
            names: &self.names,
            cells,
        })
    }
}

/// One row, cut.
pub(super) struct Cells<'c, 'h, 'r> {
    names: &'c [&'h str],
    cells: Vec<&'r str>,
}

impl<'r> Cells<'_, '_, 'r> {
    /// The cell under a heading, trimmed; empty when the table has no such heading or the row is shorter.
    pub(super) fn get(&self, name: &str) -> &'r str {
        let index = self.names.iter().position(|&known| known == name);
        index.and_then(|index| self.cells.get(index)).copied().unwrap_or("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_counted_in_characters() {
        let columns = Columns::of("CONTAINER ID   COMMAND   NAMES");
        let cells = columns.cut("29a2614d4315   \"a b…\"    web").unwrap();
        assert_eq!(
            (cells.get("CONTAINER ID"), cells.get("COMMAND"), cells.get("NAMES")),
            ("29a2614d4315", "\"a b…\"", "web")
        );
        assert_eq!(cells.get("PORTS"), "");
    }

    #[test]
    fn a_row_that_is_not_aligned_is_refused_and_a_short_one_has_empty_cells() {
        let columns = Columns::of("A     B     C");
        assert!(columns.cut("1234567890").is_none());
        assert_eq!(columns.cut("1     2").unwrap().get("C"), "");
        assert!(Columns::of("").cut("x").is_some());
    }
}
