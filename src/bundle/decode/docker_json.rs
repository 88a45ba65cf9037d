//! The JSON that Docker writes: one array, one object, one object per line, or several of these in a row.

use serde_json::{Deserializer, Value};

use super::TextFile;
use crate::model::{Citation, Problem, ProblemKind};

/// How much text is looked at before anything is parsed, in bytes. The telling keys stand at the front of every answer of Docker.
const PEEK: usize = 1024;
/// How many blank lines may stand before the JSON of a file that is nothing else.
const MOST_BLANK: usize = 10;

/// One object and where it stands.
pub(super) struct Element {
    /// The object.
    pub(super) value: Value,
    /// Its pointer in the file; `1#/0` in the second document of a stream.
    pub(super) pointer: String,
    first: usize,
    last: usize,
}

/// Objects in the order of the file.
pub(super) struct Elements {
    /// The wanted ones.
    pub(super) list: Vec<Element>,
    /// The 0-based line after the last one read.
    pub(super) end: usize,
    /// What broke the reading, if something did.
    pub(super) problems: Vec<Problem>,
}

/// True when a JSON value starts at this line and all of `keys` stand near its beginning.
///
/// A value that opens and goes on in the same line is judged by that line alone, so that a log of JSON lines costs little.
pub(super) fn may_start(file: &TextFile<'_>, start: usize, keys: &[&str]) -> bool {
    let line = file.line(start);
    if !line.starts_with(['[', '{']) {
        return false;
    }
    let seen = if line.trim_end().len() > 2 {
        line
    } else {
        file.from_line(start)
    };
    let seen = seen.get(..seen.floor_char_boundary(PEEK)).unwrap_or("");
    keys.iter().all(|key| seen.contains(key))
}

/// Reads the objects from the 0-based line `start` on; declines when the first is not `wanted`.
///
/// Elements are parsed one by one: when the text ends or breaks in the middle, the ones before it are kept.
pub(super) fn elements_at(file: &TextFile<'_>, start: usize, wanted: fn(&Value) -> bool) -> Option<Elements> {
    let mut reader = Reader {
        file,
        at: file.offset_of_line(start),
        list: Vec::new(),
        problems: Vec::new(),
        wanted,
    };
    let mut document = 0;
    while reader.document(document) {
        document += 1;
    }
    if reader.list.is_empty() {
        return None;
    }
    let end = file.line_at_offset(reader.at.saturating_sub(1)) + 1;
    Some(Elements {
        list: reader.list,
        end,
        problems: reader.problems,
    })
}

/// Cites one element: by lines when it has lines of its own and is not the start of the file's JSON, else by pointer.
///
/// `shown` is what a person should read there. A minified answer is one long line, which nobody wants quoted for each object.
pub(super) fn cite(file: &TextFile<'_>, section: usize, element: &Element, shown: &str) -> Citation {
    let is_whole_file = section < MOST_BLANK && (0..section).all(|line| file.line(line).trim().is_empty());
    if is_whole_file || file.line(element.first).len() > PEEK {
        Citation::pointer(&file.bundle, file.path, element.pointer.as_str(), shown)
    } else {
        file.cite_range(element.first, element.last.max(element.first), element.first)
    }
}

struct Reader<'f, 't> {
    file: &'f TextFile<'t>,
    /// Byte offset of what is not yet read.
    at: usize,
    list: Vec<Element>,
    problems: Vec<Problem>,
    wanted: fn(&Value) -> bool,
}

impl Reader<'_, '_> {
    /// Reads one document; false when there is none, or when it is not ours.
    fn document(&mut self, index: usize) -> bool {
        let before = self.at;
        let prefix = if index == 0 { String::new() } else { format!("{index}#") };
        match self.next_byte() {
            Some(b'{') => {
                let read = self.element(prefix);
                if !read {
                    self.at = before;
                }
                read
            }
            Some(b'[') => {
                self.at += 1;
                let read = self.array(&prefix);
                if !read {
                    self.at = before;
                }
                read
            }
            _ => {
                self.at = before;
                false
            }
        }
    }

    /// Reads the elements of an array after its bracket; true when at least one was wanted.
    fn array(&mut self, prefix: &str) -> bool {
        let mut any = false;
        for index in 0_usize.. {
            match self.next_byte() {
                Some(b']') => {
                    self.at += 1;
                    return any;
                }
                Some(b',') => self.at += 1,
                _ => {}
            }
            match self.parse() {
                Ok((value, first, last)) => {
                    if (self.wanted)(&value) {
                        any = true;
                        self.list.push(Element {
                            value,
                            pointer: format!("{prefix}/{index}"),
                            first,
                            last,
                        });
                    } else if !any {
                        // The first element decides: a list of something else is not worth parsing to its end.
                        return false;
                    }
                }
                Err(detail) => {
                    if any {
                        self.give_up(&detail);
                    }
                    return any;
                }
            }
        }
        any
    }

    fn element(&mut self, pointer: String) -> bool {
        match self.parse() {
            Ok((value, first, last)) if (self.wanted)(&value) => {
                self.list.push(Element {
                    value,
                    pointer,
                    first,
                    last,
                });
                true
            }
            _ => false,
        }
    }

    /// Parses the value at the current offset; returns it with its first and last line.
    fn parse(&mut self) -> Result<(Value, usize, usize), String> {
        // Docker's elements are objects. Arrays in arrays, which a hostile file may nest at each line, are not even tried.
        if self.next_byte() != Some(b'{') {
            return Err("an object is missing".into());
        }
        let rest = self.file.text.get(self.at..).unwrap_or("");
        let mut stream = Deserializer::from_str(rest).into_iter::<Value>();
        match stream.next() {
            Some(Ok(value)) => {
                let first = self.file.line_at_offset(self.at);
                self.at += stream.byte_offset();
                Ok((value, first, self.file.line_at_offset(self.at.saturating_sub(1))))
            }
            Some(Err(error)) => Err(error.to_string()),
            None => Err("the text ends".into()),
        }
    }

    /// Records that the rest of an array cannot be read. Its lines are left to other decoders: what was pasted may be cut, and
    /// something else may follow.
    fn give_up(&mut self, detail: &str) {
        let line = self.file.line_at_offset(self.at) as u64 + 1;
        let detail = format!("the json array breaks after element {}: {detail}", self.list.len());
        self.problems
            .push(Problem::file(self.file.path, ProblemKind::Damaged, detail).at_line(line));
    }

    /// Skips white space; the byte that follows.
    fn next_byte(&mut self) -> Option<u8> {
        let rest = self.file.text.get(self.at..)?;
        self.at += rest.len() - rest.trim_start().len();
        self.file.text.as_bytes().get(self.at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EntryPath;

    fn read(text: &str) -> Option<(Vec<String>, usize, usize)> {
        let path = EntryPath::new("f.json");
        let file = TextFile::new("b".into(), &path, text);
        let elements = elements_at(&file, 0, |value| value.get("Id").is_some())?;
        let pointers = elements.list.iter().map(|element| element.pointer.clone()).collect();
        Some((pointers, elements.end, elements.problems.len()))
    }

    #[test]
    fn arrays_objects_and_lines_of_objects_are_all_read() {
        assert_eq!(
            read("[\n{\"Id\": 1},\n{\"Id\": 2}\n]\n"),
            Some((vec!["/0".into(), "/1".into()], 4, 0))
        );
        assert_eq!(
            read("{\"Id\": 1}\n{\"Id\": 2}\n"),
            Some((vec![String::new(), "1#".into()], 2, 0))
        );
        assert_eq!(
            read("[{\"Id\": 1}]\n[{\"Id\": 2}]\nbye\n"),
            Some((vec!["/0".into(), "1#/0".into()], 2, 0))
        );
    }

    #[test]
    fn a_cut_array_keeps_what_stands_before_the_cut() {
        assert_eq!(
            read("[\n{\"Id\": 1},\n{\"Id\": 2, \"Na"),
            Some((vec!["/0".into()], 2, 1))
        );
    }

    #[test]
    fn what_is_not_ours_is_declined() {
        for text in [
            "",
            "[]",
            "[",
            "{",
            "[1, 2]",
            "{\"kind\": \"Pod\"}",
            "[{\"Id\"",
            "[[[[",
            "text",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
