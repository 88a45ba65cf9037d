//! Tables of `kubectl get` whose columns do not tell their kind, below no command: `NAME CREATED AT` is what roles, limit ranges and
//! definitions of resources print, `NAME WEBHOOKS AGE` what validating and mutating webhooks do, and any custom resource has columns of
//! its own.
//!
//! They are known for tables, so that a bundle's inventory does not call them logs. Their rows become no objects: what they are is not
//! told.

use super::Header;
use super::decode::is_row;
use crate::bundle::decode::{Section, TextFile};

/// The table that starts at a 0-based line, or none. Its lines are searched like a log's, which may say what no column tells.
pub(crate) fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let header = Header::parse(file.line(start))?;
    let names = header.names();
    let is_named = matches!(names, ["NAME", ..] | ["NAMESPACE", "NAME", ..]);
    if !is_named || !matches!(names.last(), Some(&("AGE" | "CREATED AT"))) {
        return None;
    }
    let rows = file.lines.iter().enumerate().skip(start + 1);
    let end = start
        + 1
        + rows
            .take_while(|(index, line)| {
                Header::parse(line).is_none() && header.row(line, *index).as_ref().is_some_and(is_row)
            })
            .count();
    (end > start + 1).then(|| Section {
        end,
        also_log: true,
        ..Section::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::super::DECODERS;
    use super::*;
    use crate::model::EntryPath;

    /// What the first line is taken for, and where it ends.
    fn taken_for(text: &str) -> Option<(&'static str, usize)> {
        let path = EntryPath::new("x.txt");
        let file = TextFile::new("b".into(), &path, text);
        DECODERS
            .iter()
            .find_map(|decoder| Some((decoder.name, (decoder.decode)(&file, 0)?.end)))
    }

    #[test]
    fn a_table_of_whatever_kind_is_no_log() {
        for text in [
            "NAME           WEBHOOKS   AGE\npolicy-check   2          41d\n",
            "NAMESPACE   NAME   STATE      ROBUSTNESS   SIZE         NODE   AGE\nstorage     v-1    attached   degraded     1073741824   n1     41d\n",
            "NAMESPACE   NAME     CREATED AT\nshop        limits   2026-11-01T10:00:00Z\n",
        ] {
            assert_eq!(taken_for(text), Some(("table of an unknown kind", 2)), "{text}");
        }
        assert_eq!(taken_for("NAME   AGE\nthe name was old\n"), None);
        assert_eq!(taken_for("NAME   COLOUR\nweb    red\n"), None);
    }
}
