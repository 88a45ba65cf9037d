//! Tables that a terminal has broken: lines that were longer than it is wide go on in the next one.
//!
//! A terminal breaks every line at the same width. A table counts as broken when its heading goes on in the next line, or when a
//! line that is no row follows one that fills the whole width.

use super::Header;
use super::decode::is_row;
use crate::bundle::decode::kubectl::hint::{is_gap, prompt_command};
use crate::bundle::decode::{Fact, Pointer, TextFile};
use crate::model::{Citation, Place};

/// Nobody's terminal is narrower.
const NARROWEST: usize = 60;
/// Lines that one line was broken into; a longer one is something else.
const MOST_PIECES: usize = 20;
/// Lines of one table that are looked at.
const MOST_LINES: usize = 5_000;

/// A table put together again.
pub(super) struct Unwrapped {
    /// Its lines, whole.
    pub(super) text: String,
    /// The 1-based line of the file at which each begins.
    pub(super) lines: Vec<u64>,
    /// The 0-based line after the table.
    pub(super) end: usize,
}

/// The table that starts at a 0-based line in whole lines, or none when no line of it was broken.
pub(super) fn unwrap(file: &TextFile<'_>, start: usize) -> Option<Unwrapped> {
    let most = file.lines.len().min(start + MOST_LINES);
    let headings = (start + 1..most)
        .take(MOST_PIECES)
        .take_while(|&line| is_heading_rest(file.line(line)))
        .count();
    // Most tables end here: no line is looked at that the table itself would not read.
    if headings == 0 && !goes_on_below(file, start, most) {
        return None;
    }
    let end = (start + 1..most)
        .find(|&line| is_outside(file.line(line)))
        .unwrap_or(most);
    let widths = (start..end).map(|line| file.line(line).chars().count());
    let width = widths.max().filter(|width| *width >= NARROWEST)?;
    let starts: Vec<usize> = if headings > 0 {
        (start..end).step_by(headings + 1).collect()
    } else {
        row_starts(file, (start, end), width)?
    };
    // Spaces at the end of a line are often lost, but every piece was as wide as the terminal, and a heading that was broken at a
    // space was broken between columns.
    let goes_through = |&from: &usize| {
        let (piece, next) = (file.line(from), file.line(from + 1));
        piece.chars().count() == width && !piece.ends_with(' ') && !next.starts_with(' ')
    };
    let between_columns = headings > 0
        && (file.line(start).ends_with(' ') || file.line(start + 1).starts_with(' '))
        && !starts.iter().any(goes_through);
    let width = width + if between_columns { 2 } else { 0 };
    let mut text = String::new();
    for (index, &from) in starts.iter().enumerate() {
        let to = starts.get(index + 1).copied().unwrap_or(end);
        for line in from..to {
            let piece = file.line(line);
            text.push_str(piece);
            if line + 1 < to {
                text.extend(std::iter::repeat_n(' ', width.saturating_sub(piece.chars().count())));
            }
        }
        text.push('\n');
    }
    Some(Unwrapped {
        text,
        lines: starts.iter().map(|&start| file.number(start)).collect(),
        end,
    })
}

/// True when the first line that is no row of the table is not outside of it either.
fn goes_on_below(file: &TextFile<'_>, start: usize, most: usize) -> bool {
    let Some(header) = Header::parse(file.line(start)) else {
        return false;
    };
    let is_whole = |line: usize| header.row(file.line(line), line).as_ref().is_some_and(is_row);
    let first = (start + 1..most).find(|&line| is_outside(file.line(line)) || !is_whole(line));
    first.is_some_and(|line| {
        line > start + 1 && !is_outside(file.line(line)) && file.line(line - 1).chars().count() >= NARROWEST
    })
}

/// The lines at which rows begin, where some line goes on with the one before.
fn row_starts(file: &TextFile<'_>, (start, end): (usize, usize), width: usize) -> Option<Vec<usize>> {
    let header = Header::parse(file.line(start))?;
    let mut starts = vec![start];
    for line in start + 1..end {
        let is_whole = header.row(file.line(line), line).as_ref().is_some_and(is_row);
        if is_whole {
            starts.push(line);
        } else if line == start + 1 || file.line(line - 1).chars().count() != width {
            return None;
        }
    }
    (starts.len() < end - start).then_some(starts)
}

fn is_outside(line: &str) -> bool {
    line.trim().is_empty()
        || line.starts_with("```")
        || is_gap(line)
        // The frame of a program that fills the screen.
        || line.starts_with(['└', '┌', '╰', '╭'])
        || prompt_command(line.trim()).is_some()
        || Header::parse(line).is_some()
}

/// True for the rest of a heading: words in capitals, and not the beginning of another table's.
fn is_heading_rest(line: &str) -> bool {
    line.chars().any(|c| c.is_ascii_uppercase())
        && line
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, ' ' | '-' | '_' | '(' | ')' | '/'))
        && Header::parse(line).is_none()
}

impl Unwrapped {
    /// Gives a fact, read from the whole lines, the lines of the file.
    pub(super) fn relocate(&self, fact: &mut Fact) {
        let Fact::Object(object) = fact else { return };
        self.relocate_citation(&mut object.cite);
        if let Pointer::Lines(lines) = &mut object.pointer {
            lines.values_mut().for_each(|cite| self.relocate_citation(cite));
        }
    }

    fn relocate_citation(&self, cite: &mut Citation) {
        let at = |line: u64| {
            let index = usize::try_from(line).unwrap_or(usize::MAX).saturating_sub(1);
            self.lines.get(index).copied().unwrap_or(line)
        };
        if let Place::Lines(first, last) = &mut cite.place {
            (*first, *last) = (at(*first), at(*last));
        }
        for quote in &mut cite.quote {
            quote.line = quote.line.map(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{at, cited_line, find, names, objects, text};
    use super::super::decode;

    #[test]
    fn a_heading_that_goes_on_in_the_next_line_breaks_every_row() {
        for end in ["          ", ""] {
            let pasted = format!(
                "$ kubectl get pods -n shop -o wide\n\
                 NAME                   READY   STATUS             RESTARTS   AGE   IP{end}\n\
                 \u{20}NODE     NOMINATED NODE   READINESS GATES\n\
                 web-6bdf8c9d7-jd5lx    0/1     CrashLoopBackOff   7          12m   10.42.0.17\n\
                 \u{20}node-1   <none>           <none>\n\
                 db-0                   1/1     Running            0          77d   10.42.0.18\n\
                 \u{20}node-2   <none>           <none>\n$ date\n"
            );
            let source = text(&pasted);
            let section = source.decode(decode);
            let pod = find(&section, "Pod", "db-0");
            assert_eq!(
                (
                    at(pod, "/spec/nodeName"),
                    at(pod, "/status/podIP"),
                    at(pod, "/metadata/namespace")
                ),
                (&"node-2".into(), &"10.42.0.18".into(), &"shop".into())
            );
            assert_eq!((cited_line(pod, "/spec/nodeName"), names(&section).len()), (6, 2));
        }
    }

    #[test]
    fn a_long_message_goes_on_below() {
        let source = text(
            "LAST SEEN   TYPE      REASON             OBJECT      MESSAGE\n\
             12m         Warning   FailedScheduling   pod/web-0   0/3 nodes are available: 3 Insufficie\n\
             nt cpu. preemption: 0/3 nodes are available.\n\
             11m         Normal    Pulled             pod/db-0    done\n",
        );
        let section = source.decode(decode);
        let messages: Vec<_> = objects(&section)
            .map(|event| at(event, "/message").as_str().unwrap())
            .collect();
        assert_eq!(
            messages,
            [
                "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available.",
                "done"
            ]
        );
    }

    #[test]
    fn a_table_with_text_after_it_was_not_broken() {
        let source = text(
            "NAME                   READY   STATUS             RESTARTS   AGE   IP           NODE\n\
             web-6bdf8c9d7-jd5lx    0/1     CrashLoopBackOff   7          12m   10.42.0.17   n1\n\
             and so on\n",
        );
        assert_eq!(names(&source.decode(decode)), ["Pod /web-6bdf8c9d7-jd5lx"]);
    }
}
