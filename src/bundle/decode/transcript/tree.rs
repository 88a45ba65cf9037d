//! JSON with the place of every text, read as far as it goes: a recording that was cut still has what was recorded before.

use memchr::memchr2;

/// Levels of nesting that are followed; what is deeper is passed over.
const DEEPEST: usize = 64;

/// A JSON value in its text.
#[derive(Debug)]
pub(super) struct Node<'t> {
    pub(super) value: Value<'t>,
    /// The byte at which it begins.
    pub(super) from: usize,
    /// The byte after its last.
    pub(super) to: usize,
}

#[derive(Debug)]
pub(super) enum Value<'t> {
    Object(Vec<(String, Node<'t>)>),
    Array(Vec<Node<'t>>),
    /// With its quotes and escapes.
    Text(&'t str),
    /// A number, a word, or what nests too deep.
    Other,
}

impl<'t> Node<'t> {
    /// The member of an object.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.members()
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, node)| node)
    }

    /// The members of an object; none of anything else.
    pub(super) fn members(&self) -> &[(String, Self)] {
        match &self.value {
            Value::Object(members) => members,
            _ => &[],
        }
    }

    /// The items of an array; none of anything else.
    pub(super) fn items(&self) -> &[Self] {
        match &self.value {
            Value::Array(items) => items,
            _ => &[],
        }
    }

    /// A text without its quotes and escapes.
    pub(super) fn text(&self) -> Option<String> {
        match self.value {
            Value::Text(raw) => unescape(raw),
            _ => None,
        }
    }
}

/// The values of a text, one after another, and whether the last of them ends in the middle. What is no JSON is passed over line by line.
pub(super) fn values(text: &str) -> (Vec<Node<'_>>, bool) {
    let mut parser = Parser {
        text,
        at: 0,
        is_cut: false,
    };
    let mut values = Vec::new();
    loop {
        parser.space();
        if parser.at >= text.len() || parser.is_cut {
            return (values, parser.is_cut);
        }
        match parser.peek() {
            Some(b'{' | b'[') => values.push(parser.value(0)),
            _ => parser.skip_line(),
        }
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    is_cut: bool,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while self
            .peek()
            .is_some_and(|byte| byte.is_ascii_whitespace() || byte == b',')
        {
            self.at += 1;
        }
    }

    fn skip_line(&mut self) {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or(&[]);
        self.at += memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
    }

    fn value(&mut self, depth: usize) -> Node<'t> {
        self.space();
        let from = self.at;
        let value = match self.peek() {
            Some(b'{' | b'[') if depth >= DEEPEST => self.pass_over(),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => Value::Text(self.string()),
            Some(_) => {
                while self
                    .peek()
                    .is_some_and(|byte| !matches!(byte, b',' | b'}' | b']' | b'"' | b'{' | b'['))
                {
                    self.at += 1;
                }
                // A stray sign must not stop the reader.
                self.at = self.at.max(from + 1);
                Value::Other
            }
            None => {
                self.is_cut = true;
                Value::Other
            }
        };
        Node {
            value,
            from,
            to: self.at,
        }
    }

    fn object(&mut self, depth: usize) -> Value<'t> {
        self.at += 1;
        let mut members = Vec::new();
        loop {
            self.space();
            match self.peek() {
                Some(b'}') => {
                    self.at += 1;
                    break;
                }
                Some(b'"') => {
                    let key = unescape(self.string()).unwrap_or_default();
                    self.space();
                    if self.peek() == Some(b':') {
                        self.at += 1;
                        let value = self.value(depth + 1);
                        members.push((key, value));
                    }
                }
                Some(_) => self.at += 1,
                None => {
                    self.is_cut = true;
                    break;
                }
            }
            if self.is_cut {
                break;
            }
        }
        Value::Object(members)
    }

    fn array(&mut self, depth: usize) -> Value<'t> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.space();
            match self.peek() {
                Some(b']') => {
                    self.at += 1;
                    break;
                }
                Some(b'}') => self.at += 1,
                Some(_) => items.push(self.value(depth + 1)),
                None => self.is_cut = true,
            }
            if self.is_cut {
                break;
            }
        }
        Value::Array(items)
    }

    /// Reads to the bracket that closes the one here, without a look at what is between.
    fn pass_over(&mut self) -> Value<'t> {
        let mut open = 0_usize;
        loop {
            match self.peek() {
                Some(b'{' | b'[') => open += 1,
                Some(b'}' | b']') => open -= 1,
                Some(b'"') => {
                    self.string();
                    continue;
                }
                Some(_) => {}
                None => {
                    self.is_cut = true;
                    break;
                }
            }
            self.at += 1;
            if open == 0 {
                break;
            }
        }
        Value::Other
    }

    /// A text with its quotes; one that is cut ends where the file does.
    fn string(&mut self) -> &'t str {
        let from = self.at;
        self.at += 1;
        loop {
            let rest = self.text.as_bytes().get(self.at..).unwrap_or(&[]);
            match memchr2(b'"', b'\\', rest) {
                Some(at) if rest.get(at) == Some(&b'"') => {
                    self.at += at + 1;
                    break;
                }
                // What follows a backslash may be the first byte of a longer character, which does not end a text either.
                Some(at) => self.at = (self.at + at + 2).min(self.text.len()),
                None => {
                    self.at = self.text.len();
                    self.is_cut = true;
                    break;
                }
            }
        }
        self.text.get(from..self.at).unwrap_or("")
    }
}

/// The text of a JSON string with its quotes; of one that is cut, what is whole.
fn unescape(raw: &str) -> Option<String> {
    if let Ok(text) = serde_json::from_str(raw) {
        return Some(text);
    }
    let inner = raw.strip_prefix('"')?;
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        match rest.next() {
            Some('n') => text.push('\n'),
            Some('t') => text.push('\t'),
            Some('r') => text.push('\r'),
            Some(other @ ('"' | '\\' | '/')) => text.push(other),
            Some(other) => text.extend(['\\', other]),
            None => {}
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_keep_their_places() {
        let text = "{\"a\": [\"x\\ny\", 1, null],\n \"b\": {\"c\": \"é\\u00e9\"}}\n{\"d\": true}";
        let (values, is_cut) = values(text);
        assert!(!is_cut);
        let [first, second] = values.as_slice() else { panic!() };
        let x = &first.get("a").unwrap().items()[0];
        assert_eq!((x.text().unwrap().as_str(), x.from, x.to), ("x\ny", 7, 13));
        assert_eq!(first.get("a").unwrap().items().len(), 3);
        assert_eq!(first.get("b").unwrap().get("c").unwrap().text().unwrap(), "éé");
        assert_eq!(&text[second.from..second.to], "{\"d\": true}");
    }

    #[test]
    fn a_text_that_is_cut_keeps_what_stands_before() {
        let text = "[{\"command\": \"date\", \"output\": \"Sat\\nNov";
        let (values, is_cut) = values(text);
        assert!(is_cut);
        assert_eq!(values[0].items()[0].get("output").unwrap().text().unwrap(), "Sat\nNov");
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics_and_every_node_stands_in_it(text in "[\\[\\]{}\":,\\\\ea1é \n]{0,60}") {
            let (values, _) = values(&text);
            for node in values {
                proptest::prop_assert!(text.get(node.from..node.to).is_some());
            }
        }

        #[test]
        fn nesting_does_not_end_the_program(depth in 1_usize..100_000) {
            let text = "[".repeat(depth);
            let (values, is_cut) = values(&text);
            proptest::prop_assert!(is_cut && values.len() == 1);
        }
    }
}
