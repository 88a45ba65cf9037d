//! Tables drawn with `+---+` and `|`, or with box characters, as olekukonko/tablewriter prints them (`etcdctl -w table`, `rancher`).

use crate::bundle::decode::TextFile;

/// A drawn table.
pub(super) struct Grid<'t> {
    names: Vec<&'t str>,
    /// 0-based line and cells of each row.
    pub(super) rows: Vec<(usize, Vec<&'t str>)>,
    /// What goes on below a row: the row's place in `rows`, and cells.
    rests: Vec<(usize, Vec<&'t str>)>,
    /// The 0-based line after the table.
    pub(super) end: usize,
}

impl<'t> Grid<'t> {
    /// Reads the table whose upper border is at `start`.
    pub(super) fn at(file: &TextFile<'t>, start: usize) -> Option<Self> {
        if !is_border(file.line(start)) {
            return None;
        }
        let names: Vec<&str> = cells(file.line(start + 1))?;
        let mut grid = Self {
            names,
            rows: Vec::new(),
            rests: Vec::new(),
            end: start + 2,
        };
        while let Some(line) = file.lines.get(grid.end) {
            match cells(line) {
                // A cell that was too long for its column goes on in the next line, below an empty first cell.
                Some(more) if more.first().is_some_and(|first| first.is_empty()) && !grid.rows.is_empty() => {
                    grid.rests.push((grid.rows.len() - 1, more));
                }
                Some(cells) => grid.rows.push((grid.end, cells)),
                None if is_border(line) => {}
                None => break,
            }
            grid.end += 1;
        }
        Some(grid)
    }

    /// True when there is a column of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.contains(&name)
    }

    /// A cell by the name of its column; empty when there is none.
    pub(super) fn get(&self, cells: &[&'t str], name: &str) -> &'t str {
        let at = self.names.iter().position(|known| *known == name);
        at.and_then(|at| cells.get(at)).copied().unwrap_or("")
    }

    /// A cell of a row by the name of its column, with what goes on below it.
    pub(super) fn whole(&self, row: usize, name: &str) -> String {
        let first = self.rows.get(row).map_or("", |(_, cells)| self.get(cells, name));
        let rests = self.rests.iter().filter(|(at, _)| *at == row);
        let mut text = first.to_owned();
        for rest in rests
            .map(|(_, cells)| self.get(cells, name))
            .filter(|rest| !rest.is_empty())
        {
            text.push(' ');
            text.push_str(rest);
        }
        text
    }
}

fn is_border(line: &str) -> bool {
    let is_ascii = line.starts_with("+-") && line.trim_end().bytes().all(|byte| matches!(byte, b'+' | b'-'));
    is_ascii || line.starts_with(['┌', '├', '└']) && line.trim_end().chars().all(|c| "┌┬┐├┼┤└┴┘─".contains(c))
}

fn cells(line: &str) -> Option<Vec<&str>> {
    let line = line.trim_end();
    let bar = if line.starts_with('│') { '│' } else { '|' };
    let inner = line.strip_prefix(bar)?.strip_suffix(bar)?;
    Some(inner.split(bar).map(str::trim).collect())
}
