//! A table's header, and how it cuts the rows below it into cells.
//!
//! kubectl pads columns to the widest cell and puts three spaces between them (`k8s.io/cli-runtime/pkg/printers/tabwriter.go`). It counts
//! characters, not the width they take on a screen, so positions here are counted in characters first; a row that does not fit so is
//! tried by its width on a screen, to which other programs and people align. Pasted tables are often disturbed: cells that were
//! edited shift what follows, tabs replace spaces, runs of spaces shrink to one.

use unicode_width::UnicodeWidthChar;

use super::super::values::present;

/// No table has more columns than this; a longer line of capitals is something else.
const MOST_COLUMNS: usize = 64;

/// The columns with which a table may begin.
const FIRST: &[&str] = &["NAME", "NAMESPACE", "LAST SEEN", "LASTSEEN", "FIRSTSEEN"];

/// Column names of several words, for headers whose spaces have shrunk to one.
const PHRASES: &[&str] = &[
    "LAST SEEN",
    "FIRST SEEN",
    "NOMINATED NODE",
    "READINESS GATES",
    "ACCESS MODES",
    "RECLAIM POLICY",
    "NODE SELECTOR",
    "LAST SCHEDULE",
    "MIN AVAILABLE",
    "MAX UNAVAILABLE",
    "ALLOWED DISRUPTIONS",
    "CREATED AT",
];

/// The sign of k9s at the column by which its table is sorted. It puts one space between columns, and numbers to the right.
const SORTED: [char; 2] = ['↑', '↓'];

/// Columns of free text, which may hold runs of spaces.
const FREE_TEXT: &[&str] = &["MESSAGE", "ERROR", "Message"];

/// The first line of a table.
#[derive(Debug)]
pub(crate) struct Header<'t> {
    names: Vec<&'t str>,
    /// Where each column starts, in characters.
    starts: Vec<usize>,
    spacing: Spacing,
}

/// What stands between cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spacing {
    /// Two or more spaces, as kubectl prints.
    Wide,
    /// One tab.
    Tab,
    /// One space.
    Single,
}

/// One row: the cells below the columns of its header.
#[derive(Debug)]
pub(crate) struct Row<'h, 't> {
    header: &'h Header<'t>,
    cells: Vec<&'t str>,
    /// The 0-based line.
    pub(crate) line: usize,
}

/// A stretch of a line without runs of spaces.
#[derive(Debug, Clone, Copy)]
struct Chunk {
    /// First character.
    column: usize,
    /// Where it begins on a screen, on which some characters are two wide.
    screen: usize,
    /// First byte.
    from: usize,
    /// The byte after the last.
    to: usize,
}

/// First byte of a cell, and the byte after its last; none for an empty one.
type Span = Option<(usize, usize)>;

impl<'t> Header<'t> {
    /// Reads a header: capitals only, two columns or more, the first of them one with which kubectl's tables begin.
    pub(crate) fn parse(line: &'t str) -> Option<Self> {
        if !FIRST.iter().any(|first| line.trim_start().starts_with(first)) || !line.chars().all(is_header_char) {
            return None;
        }
        let header = if line.contains(SORTED) {
            let words = line.split_whitespace().map(|name| name.trim_end_matches(SORTED));
            let names: Vec<&str> = words.collect();
            Self {
                starts: vec![0; names.len()],
                names,
                spacing: Spacing::Single,
            }
        } else if line.trim().contains('\t') {
            let names: Vec<&str> = line.trim().split('\t').map(str::trim).collect();
            Self {
                starts: vec![0; names.len()],
                names,
                spacing: Spacing::Tab,
            }
        } else if line.trim().contains("  ") {
            let chunks = chunks(line);
            let names = chunks
                .iter()
                .filter_map(|chunk| line.get(chunk.from..chunk.to))
                .collect();
            Self {
                names,
                starts: chunks.iter().map(|chunk| chunk.column).collect(),
                spacing: Spacing::Wide,
            }
        } else {
            let names = single_spaced(line.trim());
            Self {
                starts: vec![0; names.len()],
                names,
                spacing: Spacing::Single,
            }
        };
        let first = header.names.first()?;
        let sound = FIRST.contains(first)
            && (2..=MOST_COLUMNS).contains(&header.names.len())
            && header.names.iter().all(|name| !name.is_empty());
        sound.then_some(header)
    }

    /// Takes a line as the header of a table inside a description: two columns or more, in any case.
    pub(crate) fn inner(line: &'t str) -> Option<Self> {
        let chunks = chunks(line);
        let names: Vec<&str> = chunks
            .iter()
            .filter_map(|chunk| line.get(chunk.from..chunk.to))
            .collect();
        let starts = chunks.iter().map(|chunk| chunk.column).collect();
        (2..=MOST_COLUMNS).contains(&names.len()).then_some(Self {
            names,
            starts,
            spacing: Spacing::Wide,
        })
    }

    /// True when the table has this column.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.contains(&name)
    }

    /// The columns' names.
    pub(crate) fn names(&self) -> &[&'t str] {
        &self.names
    }

    /// Cuts a line into a row, or declines when it does not fit below the header.
    pub(crate) fn row<'h>(&'h self, line: &'t str, index: usize) -> Option<Row<'h, 't>> {
        let cells = match self.spacing {
            Spacing::Wide => self.cut_wide(line)?,
            Spacing::Tab => {
                let cells: Vec<&str> = line.trim_end().split('\t').map(str::trim).collect();
                (cells.len() <= self.names.len() && cells.len() > 1).then_some(cells)?
            }
            Spacing::Single => self.cut_single(line)?,
        };
        Some(Row {
            header: self,
            cells,
            line: index,
        })
    }

    fn cut_wide(&self, line: &'t str) -> Option<Vec<&'t str>> {
        let chunks = chunks(line);
        let first = chunks.first()?;
        if chunks.len() < 2 {
            let cells = self.cut_single(line)?;
            let is_plain = cells.last().is_some_and(|cell| !cell.contains(' '));
            return (is_plain || self.names.last().is_some_and(|name| FREE_TEXT.contains(name))).then_some(cells);
        }
        let start = self.starts.first().copied()?;
        let is_shifted = first.column != start;
        let by_characters = self.place(&chunks, |chunk| (chunk.column + start).saturating_sub(first.column));
        let placed = match by_characters {
            Some((spans, true)) => Some((spans, true)),
            other => self
                .place(&chunks, |chunk| (chunk.screen + start).saturating_sub(first.screen))
                .filter(|(_, sure)| *sure)
                .or(other),
        };
        let (mut spans, sure) = placed?;
        // A disturbed row that still has a cell for every column is read by counting.
        if !sure && chunks.len() == self.names.len() {
            spans = chunks.iter().map(|chunk| Some((chunk.from, chunk.to))).collect();
        } else if !sure && is_shifted {
            return None;
        }
        Some(
            spans
                .into_iter()
                .map(|span| span.and_then(|(from, to)| line.get(from..to)).unwrap_or(""))
                .collect(),
        )
    }

    /// The bytes of each column's cell, and whether every cell stands exactly below its heading. None when a cell stands below none.
    fn place(&self, chunks: &[Chunk], position: impl Fn(&Chunk) -> usize) -> Option<(Vec<Span>, bool)> {
        let mut spans: Vec<Span> = vec![None; self.names.len()];
        let mut sure = true;
        let mut last = 0;
        for chunk in chunks {
            let at = position(chunk);
            let under = self
                .starts
                .partition_point(|&start| start <= at)
                .saturating_sub(1)
                .max(last);
            let exact = self.starts.get(under) == Some(&at);
            let slot = spans.get_mut(under)?;
            match slot {
                Some((_, to)) => {
                    sure &= self.names.get(under).is_some_and(|name| FREE_TEXT.contains(name));
                    *to = chunk.to;
                }
                None => {
                    sure &= exact;
                    *slot = Some((chunk.from, chunk.to));
                }
            }
            last = under;
        }
        Some((spans, sure))
    }

    /// Words are cells; `(2m ago)` and `(x5 over 10m)` belong to the word before, and the last column takes what is left.
    fn cut_single(&self, line: &'t str) -> Option<Vec<&'t str>> {
        let mut cells: Vec<&'t str> = Vec::new();
        let mut rest = line.trim();
        while !rest.is_empty() {
            if cells.len() + 1 == self.names.len() {
                cells.push(rest);
                break;
            }
            let word_end = rest.find(' ').unwrap_or(rest.len());
            let after = rest.get(word_end..)?.trim_start();
            let end = match after.strip_prefix('(').and_then(|inner| inner.find(')')) {
                Some(close) => rest.len() - after.len() + close + 2,
                None => word_end,
            };
            cells.push(rest.get(..end)?);
            rest = rest.get(end..)?.trim_start();
        }
        (cells.len() == self.names.len()).then_some(cells)
    }
}

impl<'t> Row<'_, 't> {
    /// The cell below a column as it stands; empty when there is none.
    pub(crate) fn raw(&self, name: &str) -> &'t str {
        let index = self.header.names.iter().position(|column| *column == name);
        index
            .and_then(|index| self.cells.get(index))
            .map_or("", |cell| cell.trim())
    }

    /// The cell below a column, unless it says that there is nothing.
    pub(crate) fn get(&self, name: &str) -> Option<&'t str> {
        present(self.raw(name))
    }

    /// The first of several columns that has something: headers were renamed over time.
    pub(crate) fn any(&self, names: &[&str]) -> Option<&'t str> {
        names.iter().find_map(|name| self.get(name))
    }

    /// A cell as a whole number.
    pub(crate) fn integer(&self, name: &str) -> Option<i64> {
        super::super::values::integer(self.raw(name))
    }

    /// Columns and cells, in order.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (&'t str, &'t str)> {
        self.header.names.iter().copied().zip(self.cells.iter().copied())
    }
}

fn is_header_char(c: char) -> bool {
    c.is_ascii_uppercase()
        || c.is_ascii_digit()
        || matches!(c, ' ' | '\t' | '-' | '_' | '(' | ')' | '/' | '.' | ':' | '%' | '#')
        || SORTED.contains(&c)
}

/// Cuts a line at runs of two or more spaces, and at tabs, which reach to the next multiple of eight columns.
fn chunks(line: &str) -> Vec<Chunk> {
    let mut chunks: Vec<Chunk> = Vec::new();
    let mut spaces = 2;
    let mut column = 0;
    let mut screen = 0;
    for (at, c) in line.char_indices() {
        if c == '\t' {
            spaces = 2;
            column = (column / 8 + 1) * 8;
            screen = (screen / 8 + 1) * 8;
            continue;
        }
        if c == ' ' {
            spaces += 1;
        } else {
            let to = at + c.len_utf8();
            match chunks.last_mut() {
                Some(chunk) if spaces < 2 => chunk.to = to,
                _ => chunks.push(Chunk {
                    column,
                    screen,
                    from: at,
                    to,
                }),
            }
            spaces = 0;
        }
        column += 1;
        screen += c.width().unwrap_or(0);
    }
    chunks
}

/// Cuts a header at single spaces, keeping the known phrases whole.
fn single_spaced(line: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let phrase = PHRASES.iter().find(|phrase| {
            rest.strip_prefix(**phrase)
                .is_some_and(|after| after.is_empty() || after.starts_with(' '))
        });
        let end = phrase.map_or_else(|| rest.find(' ').unwrap_or(rest.len()), |phrase| phrase.len());
        let (name, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        names.push(name);
        rest = after.trim_start();
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(header: &str, row: &str) -> Option<Vec<String>> {
        Header::parse(header)
            .unwrap()
            .row(row, 1)
            .map(|row| row.cells.iter().map(|cell| cell.to_string()).collect())
    }

    #[test]
    fn an_empty_cell_stays_empty() {
        let header = "LAST SEEN   TYPE     REASON      OBJECT      SUBOBJECT                MESSAGE";
        let row = "15s         Normal   Scheduled   pod/web-0                            Assigned  to  node-1";
        assert_eq!(
            cut(header, row).unwrap(),
            ["15s", "Normal", "Scheduled", "pod/web-0", "", "Assigned  to  node-1"]
        );
    }

    #[test]
    fn a_shifted_row_is_read_by_counting() {
        let header = "NAME     OS-IMAGE                         KERNEL-VERSION            CONTAINER-RUNTIME";
        let row = "node-1   Debian GNU/Linux 12 (bookworm)   6.18.44 (amd64)   containerd://1.6.20";
        assert_eq!(
            cut(header, row).unwrap(),
            [
                "node-1",
                "Debian GNU/Linux 12 (bookworm)",
                "6.18.44 (amd64)",
                "containerd://1.6.20"
            ]
        );
    }

    #[test]
    fn wide_characters_count_as_one() {
        let header = "NAME   MESSAGE     COUNT";
        let row = "web    磁盘空间不足      3";
        assert_eq!(cut(header, row).unwrap(), ["web", "磁盘空间不足", "3"]);
    }

    #[test]
    fn wide_characters_may_also_have_been_aligned_on_a_screen() {
        let header = "NAME   PHASE      NOTE       OWNER   AGE";
        // 运行中 takes six columns; without the note only its place tells which cell is missing.
        let row = "a      运行中                张三    5d";
        assert_eq!(cut(header, row).unwrap(), ["a", "运行中", "", "张三", "5d"]);
        let row = "a      运行中                   张三      5d";
        assert_eq!(cut(header, row).unwrap(), ["a", "运行中", "", "张三", "5d"]);
    }

    #[test]
    fn a_row_may_stand_deeper_than_its_header_or_have_lost_its_spaces() {
        let header = "NAME   READY   STATUS    AGE";
        for row in ["  web    0/1     Running   5d", "web 0/1 Running 5d"] {
            assert_eq!(cut(header, row).unwrap(), ["web", "0/1", "Running", "5d"]);
        }
        assert_eq!(
            cut("  NAME   READY   AGE", "web    0/1     5d").unwrap(),
            ["web", "0/1", "5d"]
        );
    }

    #[test]
    fn tabs_and_single_spaces_are_understood() {
        assert_eq!(
            cut("NAME\tREADY\tSTATUS", "web-0\t1/1\tRunning").unwrap(),
            ["web-0", "1/1", "Running"]
        );
        assert_eq!(
            cut(
                "NAME READY STATUS RESTARTS AGE NOMINATED NODE",
                "web-0 1/1 Running 3 (2m ago) 5d <none>"
            )
            .unwrap(),
            ["web-0", "1/1", "Running", "3 (2m ago)", "5d", "<none>"]
        );
    }

    #[test]
    fn a_copy_of_k9s_is_cut_at_every_space() {
        let header = " NAMESPACE↑ NAME   PF READY STATUS    RESTARTS CPU IP         AGE";
        let row = " shop       web-0  ●  0/1   Running          7   0 10.42.0.17 12m";
        assert_eq!(
            cut(header, row).unwrap(),
            ["shop", "web-0", "●", "0/1", "Running", "7", "0", "10.42.0.17", "12m"]
        );
    }

    #[test]
    fn other_lines_are_no_header_and_no_row() {
        for line in [
            "NAME",
            "Name:   web",
            "USER   PID",
            "NAME   CPU(cores)",
            "NAMED IN VAIN, PERHAPS",
        ] {
            assert!(Header::parse(line).is_none(), "{line}");
        }
        assert_eq!(cut("NAME   READY   AGE", "  indented   line"), None);
        assert_eq!(cut("NAME   READY   AGE", "a sentence that is no row"), None);
    }
}
