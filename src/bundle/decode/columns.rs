//! Tables whose columns stand where their headings stand.

use unicode_width::UnicodeWidthChar;

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

    /// Cuts a row under the headings: by characters, else by their width on a screen, else at runs of spaces where these give a cell
    /// for every heading. None for a row that fits in none of these ways: what would be read is not what was written.
    pub(super) fn cut<'r>(&self, row: &'r str) -> Option<Cells<'_, 'h, 'r>> {
        let by_characters = self.cut_at(row, |_| 1);
        let cells = if row.is_ascii() || by_characters.as_deref().is_some_and(is_tidy) {
            by_characters
        } else {
            self.cut_at(row, |c| c.width().unwrap_or(0))
                .filter(|cells| is_tidy(cells))
                .or_else(|| self.cut_at_runs(row))
                .or(by_characters)
        }?;
        let cells = cells.into_iter().map(str::trim).collect();
        Some(Cells {
            names: &self.names,
            cells,
        })
    }

    /// Cells by position. None when a column starts in the middle of a word.
    fn cut_at<'r>(&self, row: &'r str, width: impl Fn(char) -> usize) -> Option<Vec<&'r str>> {
        let mut offsets = Vec::with_capacity(self.starts.len() + 1);
        let mut wanted = self.starts.iter().copied().peekable();
        let mut before = ' ';
        let mut position = 0;
        for (offset, character) in row.char_indices() {
            if wanted.next_if(|&start| start <= position).is_some() {
                if !before.is_whitespace() {
                    return None;
                }
                offsets.push(offset);
            }
            before = character;
            position += width(character);
        }
        offsets.resize(self.starts.len(), row.len());
        offsets.push(row.len());
        let cells = offsets.windows(2).map(|pair| match pair {
            [from, to] => row.get(*from..*to).unwrap_or(""),
            _ => "",
        });
        Some(cells.collect())
    }

    fn cut_at_runs<'r>(&self, row: &'r str) -> Option<Vec<&'r str>> {
        let cells: Vec<&str> = row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
        (cells.len() == self.names.len()).then_some(cells)
    }
}

/// True when every cell begins where its heading does and has no gap in it.
fn is_tidy(cells: &[&str]) -> bool {
    cells.iter().all(|cell| {
        let text = cell.trim();
        text.is_empty() || !cell.starts_with(char::is_whitespace) && !text.contains("  ")
    })
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
    fn columns_may_also_be_counted_on_a_screen_or_be_told_by_the_gaps() {
        let columns = Columns::of("ID      COMMAND     NAMES");
        for row in [
            "1       启动服务    web",
            "1       启动服务        web",
            "1   启动服务  web",
        ] {
            let cells = columns.cut(row).unwrap();
            assert_eq!((cells.get("COMMAND"), cells.get("NAMES")), ("启动服务", "web"), "{row}");
        }
    }

    #[test]
    fn a_row_that_is_not_aligned_is_refused_and_a_short_one_has_empty_cells() {
        let columns = Columns::of("A     B     C");
        assert!(columns.cut("1234567890").is_none());
        assert_eq!(columns.cut("1     2").unwrap().get("C"), "");
        assert!(Columns::of("").cut("x").is_some());
    }
}
