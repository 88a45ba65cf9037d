//! Tables drawn with `+---+` and `|`, as olekukonko/tablewriter prints them (`etcdctl -w table`, `rancher`).

use crate::bundle::decode::TextFile;

/// A drawn table.
pub(super) struct Grid<'t> {
    names: Vec<&'t str>,
    /// 0-based line and cells of each row.
    pub(super) rows: Vec<(usize, Vec<&'t str>)>,
    /// The 0-based line after the table.
    pub(super) end: usize,
}

impl<'t> Grid<'t> {
    /// Reads the table whose upper border is at `start`, if it has a column of one of the names in `any`. Another table is declined by
    /// its heading alone: it is asked about again at each of its borders.
    pub(super) fn at(file: &TextFile<'t>, start: usize, any: &[&str]) -> Option<Self> {
        if !is_border(file.line(start)) {
            return None;
        }
        let names: Vec<&str> = cells(file.line(start + 1))?;
        if !any.iter().any(|name| names.contains(name)) {
            return None;
        }
        let mut grid = Self {
            names,
            rows: Vec::new(),
            end: start + 2,
        };
        while let Some(line) = file.lines.get(grid.end) {
            match cells(line) {
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
}

fn is_border(line: &str) -> bool {
    line.starts_with("+-") && line.trim_end().bytes().all(|byte| matches!(byte, b'+' | b'-'))
}

fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.trim_end().strip_prefix('|')?.strip_suffix('|')?;
    Some(inner.split('|').map(str::trim).collect())
}
