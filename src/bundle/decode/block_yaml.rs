//! The YAML that programs of Kubernetes write, read without the YAML crate: block collections, plain and quoted scalars of one line,
//! literal blocks.
//!
//! `kubectl get -o yaml`, must-gather and Troubleshoot all print through go-yaml (`sigs.k8s.io/yaml`), which writes nothing else. A
//! must-gather holds hundreds of megabytes of it, and a general reader takes some forty times as long as unpacking it. Whatever is
//! unusual here (comments, anchors, flow collections, folded or continued scalars, quoted keys, a doubt of any kind) makes the whole
//! document unusual, and the YAML crate reads it. What is read here must be what the crate would read: a property test and a fuzz
//! target compare both.

use serde_json::{Map, Value};

use super::literal_block::{Header, literal};
use super::quoted::{double_quoted, single_quoted};
use super::yaml_value::parse_value;

/// The document is not of the usual form.
pub(super) struct Unusual;

/// Collections in collections; deeper documents are unusual.
const MAX_DEPTH: u64 = 80;
/// The YAML crate takes keys of up to 1024 characters (libyaml `scanner.c`, `yaml_parser_stale_simple_keys`).
const MAX_KEY: usize = 256;

/// Reads a document, given as its lines; none when it is unusual, or empty, or comes near `deepest` levels. What [`super::objects`]
/// leaves out of every object is passed over here: of `metadata.managedFields` the member `fieldsV1`, and the schemas of a
/// CustomResourceDefinition.
pub(super) fn read(lines: &[&str], deepest: u64) -> Option<Value> {
    if !lines.iter().all(|line| is_readable(line)) {
        return None;
    }
    let mut reader = Reader {
        lines,
        at: 0,
        deepest: deepest.min(MAX_DEPTH),
    };
    let first = reader.peek()?;
    let value = if is_item(first.text) {
        reader.sequence(first.indent, Place::Top, 1)
    } else {
        reader.mapping(first.indent, None, Place::Top, 1).map(Value::Object)
    };
    value.ok().filter(|_| reader.peek().is_none())
}

/// Where a collection stands, as far as it matters for what is left out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The document, or an item of a document that is a list, or of its `items`.
    Top,
    /// Its `metadata`.
    Metadata,
    /// The list `managedFields` or an item of it.
    ManagedFields,
    /// The `spec` of a document.
    Spec,
    /// The list `spec.versions` or an item of it.
    Versions,
    /// The `schema` of a version, or `spec.validation`, where it stood before apiextensions.k8s.io/v1.
    Schema,
    /// Anywhere else.
    Elsewhere,
}

impl Place {
    fn below(self, key: &str) -> Self {
        match (self, key) {
            (Self::Top, "metadata") => Self::Metadata,
            (Self::Metadata, "managedFields") => Self::ManagedFields,
            (Self::Top, "items") => Self::Top,
            (Self::Top, "spec") => Self::Spec,
            (Self::Spec, "versions") => Self::Versions,
            (Self::Versions, "schema") | (Self::Spec, "validation") => Self::Schema,
            _ => Self::Elsewhere,
        }
    }

    /// True for a member that is left out.
    fn leaves_out(self, key: &str) -> bool {
        matches!(
            (self, key),
            (Self::ManagedFields, "fieldsV1") | (Self::Schema, "openAPIV3Schema")
        )
    }
}

#[derive(Clone, Copy)]
struct Line<'t> {
    indent: usize,
    /// The line behind its indentation; never empty.
    text: &'t str,
}

struct Reader<'l, 't> {
    lines: &'l [&'t str],
    at: usize,
    deepest: u64,
}

impl<'t> Reader<'_, 't> {
    /// The next line that is not blank; blank ones before it are passed over.
    fn peek(&mut self) -> Option<Line<'t>> {
        loop {
            let line = self.lines.get(self.at)?;
            let text = line.trim_start_matches(' ');
            if !text.is_empty() {
                let indent = line.len() - text.len();
                return Some(Line { indent, text });
            }
            self.at += 1;
        }
    }

    /// The members at an indentation; `first` is the text of the first one when it stands behind a dash.
    fn mapping(
        &mut self,
        indent: usize,
        mut first: Option<&'t str>,
        place: Place,
        depth: u64,
    ) -> Result<Map<String, Value>, Unusual> {
        let mut map = Map::new();
        loop {
            let text = match first.take() {
                Some(text) => text,
                None => match self.peek() {
                    Some(line) if line.indent == indent => {
                        self.at += 1;
                        line.text
                    }
                    Some(line) if line.indent > indent => return Err(Unusual),
                    _ => return Ok(map),
                },
            };
            let (key, rest) = split_key(text).ok_or(Unusual)?;
            if place.leaves_out(key) && rest.is_empty() {
                self.skip_below(indent);
                continue;
            }
            let value = self.member(rest, indent, place.below(key), depth)?;
            if map.insert(key.to_owned(), value).is_some() {
                return Err(Unusual);
            }
        }
    }

    /// Passes over the lines that are indented more.
    fn skip_below(&mut self, indent: usize) {
        while self.peek().is_some_and(|line| line.indent > indent) {
            self.at += 1;
        }
    }

    /// The value of a member of a mapping that stands at `indent`.
    fn member(&mut self, rest: &'t str, indent: usize, place: Place, depth: u64) -> Result<Value, Unusual> {
        if !rest.is_empty() {
            return self.scalar(rest, indent);
        }
        match self.peek() {
            // The items of a list may stand at the column of its key.
            Some(line) if line.indent >= indent && is_item(line.text) => {
                self.sequence(line.indent, place, self.deeper(depth)?)
            }
            Some(line) if line.indent > indent => self
                .mapping(line.indent, None, place, self.deeper(depth)?)
                .map(Value::Object),
            _ => Ok(Value::Null),
        }
    }

    fn sequence(&mut self, indent: usize, place: Place, depth: u64) -> Result<Value, Unusual> {
        let mut items = Vec::new();
        loop {
            let line = match self.peek() {
                Some(line) if line.indent == indent && is_item(line.text) => line,
                Some(line) if line.indent > indent => return Err(Unusual),
                _ => return Ok(Value::Array(items)),
            };
            self.at += 1;
            let behind = line.text.strip_prefix('-').unwrap_or("");
            let text = behind.trim_start_matches(' ');
            if text.is_empty() || is_item(text) {
                return Err(Unusual);
            }
            let column = indent + 1 + (behind.len() - text.len());
            items.push(match split_key(text) {
                Some(_) => Value::Object(self.mapping(column, Some(text), place, self.deeper(depth)?)?),
                None => self.scalar(text.trim_end_matches(' '), indent)?,
            });
        }
    }

    /// The depth of a collection in one at `depth`. An item counts as one more level than it has, as the limit on depth counts it.
    fn deeper(&self, depth: u64) -> Result<u64, Unusual> {
        if depth + 1 < self.deepest {
            Ok(depth + 1)
        } else {
            Err(Unusual)
        }
    }

    /// A scalar or an empty collection that begins on the line of its key or dash.
    fn scalar(&mut self, text: &'t str, indent: usize) -> Result<Value, Unusual> {
        match text.as_bytes().first() {
            Some(b'"') => double_quoted(text).map(Value::String),
            Some(b'\'') => single_quoted(text).map(Value::String),
            Some(b'|') => {
                let header = Header::of(text).ok_or(Unusual)?;
                let (text, lines) = literal(header, self.lines.get(self.at..).unwrap_or(&[]), indent)?;
                self.at += lines;
                Ok(Value::String(text))
            }
            Some(b'{') if text == "{}" => Ok(Value::Object(Map::new())),
            Some(b'[') if text == "[]" => Ok(Value::Array(Vec::new())),
            // Indicators (YAML 1.1 §5.3): they begin something else, or are not allowed.
            None
            | Some(
                b'{' | b'[' | b'}' | b']' | b',' | b'>' | b'&' | b'*' | b'!' | b'%' | b'@' | b'`' | b'#' | b'?' | b':',
            ) => Err(Unusual),
            Some(b'-') if text == "-" || text.starts_with("- ") => Err(Unusual),
            Some(_) => plain(text),
        }
    }
}

fn is_item(text: &str) -> bool {
    text == "-" || text.starts_with("- ")
}

/// True when the YAML crate takes the line, and takes it for one line: no control characters but tabs, none of the line ends of Unicode
/// and no mark of the byte order (libyaml `reader.c`, `yaml_private.h` `IS_BREAK`).
fn is_readable(line: &str) -> bool {
    let odd = |odd: bool, byte: u8| odd | (byte < b' ' && byte != b'\t') | (byte == 0x7f);
    if line.bytes().fold(false, odd) {
        return false;
    }
    line.is_ascii()
        || !line.chars().any(|c| {
            matches!(
                c,
                '\u{80}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
            )
        })
}

/// The key of a member and what stands behind its colon. Only keys that are a text without any doubt are taken.
fn split_key(text: &str) -> Option<(&str, &str)> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/');
    let end = text.bytes().position(|byte| !is_part(&byte))?;
    let (key, rest) = text.split_at_checked(end)?;
    let rest = rest.strip_prefix(':')?;
    let is_text = key.bytes().next()?.is_ascii_alphabetic()
        && key.len() <= MAX_KEY
        && !["null", "true", "false"]
            .iter()
            .any(|word| key.eq_ignore_ascii_case(word));
    if !is_text || !(rest.is_empty() || rest.starts_with(' ')) {
        return None;
    }
    Some((key, rest.trim_matches(' ')))
}

fn plain(text: &str) -> Result<Value, Unusual> {
    let bytes = text.as_bytes();
    for at in memchr::memchr3_iter(b':', b'#', b'\t', bytes) {
        let unusual = match bytes.get(at) {
            Some(b':') => bytes.get(at + 1).is_none_or(|next| *next == b' '),
            Some(b'#') => at.checked_sub(1).and_then(|before| bytes.get(before)) == Some(&b' '),
            _ => true,
        };
        if unusual {
            return Err(Unusual);
        }
    }
    match text {
        "null" | "Null" | "NULL" | "~" => Ok(Value::Null),
        "true" | "True" | "TRUE" => Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => Ok(Value::Bool(false)),
        _ if may_be_number(text) => number(text),
        _ => Ok(Value::String(text.to_owned())),
    }
}

/// True unless the text is none of the numbers that the YAML crate knows (its `de.rs`, `visit_untagged_scalar`).
fn may_be_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    match unsigned.as_bytes().first() {
        // Infinity, and what is no number: `.inf`, `.nan`.
        Some(b'.') if unsigned.len() <= ".inf".len() => true,
        Some(b'0'..=b'9' | b'.') => {
            let is_part =
                |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b'x' | b'X' | b'o' | b'O' | b'+' | b'-' | b'.');
            unsigned.bytes().all(is_part)
                && unsigned.bytes().filter(|byte| *byte == b'.').count() < 2
                && (has_radix(unsigned) || is_decimal(unsigned))
        }
        _ => false,
    }
}

/// True for what begins as a hexadecimal, octal or binary number does.
fn has_radix(unsigned: &str) -> bool {
    let second = unsigned.as_bytes().get(1).filter(|_| unsigned.starts_with('0'));
    matches!(second, Some(b'x' | b'X' | b'o' | b'O' | b'b' | b'B'))
}

/// True for what may be a decimal number, as opposed to a uid, of which a cluster has tens of thousands: it has no letter but that of
/// an exponent, and signs only behind that.
fn is_decimal(unsigned: &str) -> bool {
    let bytes = unsigned.as_bytes();
    bytes.iter().enumerate().all(|(at, byte)| match byte {
        b'+' | b'-' => matches!(
            at.checked_sub(1).and_then(|before| bytes.get(before)),
            Some(b'e' | b'E')
        ),
        letter => !letter.is_ascii_alphabetic() || matches!(letter, b'e' | b'E'),
    })
}

fn number(text: &str) -> Result<Value, Unusual> {
    let is_simple = text.len() < 19
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && (text.len() == 1 || !text.starts_with('0'));
    if is_simple {
        return text.parse::<u64>().map(Value::from).map_err(|_| Unusual);
    }
    parse_value(text).map_err(|_| Unusual)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read_text(text: &str) -> Option<Value> {
        read(&text.lines().collect::<Vec<_>>(), 60)
    }

    #[test]
    fn an_object_as_kubectl_prints_it() {
        let text = r#"apiVersion: v1
kind: Pod
metadata:
  annotations:
    note: "a \"b\"\n\u003c"
    path: 'it''s: #1'
  creationTimestamp: null
  labels: {}
spec:
  containers:
  - args:
    - --v=2
    - |-
      if true; then

        exit
      fi
    image: registry.local:5000/a@sha256:00
    ports:
    - containerPort: 80
    resources:
      limits:
        cpu: 100m
  podIPs:
  - ip: 10.0.0.1
  ready: true
  tolerations: []
"#;
        let expected = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "annotations": {"note": "a \"b\"\n<", "path": "it's: #1"},
                "creationTimestamp": null,
                "labels": {},
            },
            "spec": {
                "containers": [{
                    "args": ["--v=2", "if true; then\n\n  exit\nfi"],
                    "image": "registry.local:5000/a@sha256:00",
                    "ports": [{"containerPort": 80}],
                    "resources": {"limits": {"cpu": "100m"}},
                }],
                "podIPs": [{"ip": "10.0.0.1"}],
                "ready": true,
                "tolerations": [],
            },
        });
        assert_eq!(read_text(text), Some(expected));
    }

    #[test]
    fn of_managed_fields_who_and_when_is_kept() {
        let text = "kind: Pod\nmetadata:\n  managedFields:\n  - fieldsV1:\n      f:metadata:\n        .: {}\n    manager: kubelet\n  name: a\n";
        let expected =
            Some(json!({"kind": "Pod", "metadata": {"managedFields": [{"manager": "kubelet"}], "name": "a"}}));
        assert_eq!(read_text(text), expected);
        let listed = format!("kind: PodList\nitems:\n- {}", text.trim_end().replace('\n', "\n  "));
        let expected = expected.map(|pod| json!({"kind": "PodList", "items": [pod]}));
        assert_eq!(read_text(&listed), expected);
        // Elsewhere a member of this name is like any other.
        let text = "kind: ConfigMap\ndata:\n  fieldsV1:\n    a: b\n";
        assert_eq!(
            read_text(text),
            Some(json!({"kind": "ConfigMap", "data": {"fieldsV1": {"a": "b"}}}))
        );
    }

    #[test]
    fn schemas_are_left_out() {
        let text = "kind: CustomResourceDefinition\nspec:\n  versions:\n  - name: v1\n    schema:\n      openAPIV3Schema:\n        type: object\n    served: true\n";
        let expected = json!({
            "kind": "CustomResourceDefinition",
            "spec": {"versions": [{"name": "v1", "schema": {}, "served": true}]},
        });
        assert_eq!(read_text(text), Some(expected));
    }

    #[test]
    fn numbers_and_words_are_what_the_yaml_crate_makes_of_them() {
        for text in [
            "0",
            "7",
            "-1",
            "+1",
            "007",
            "1.5",
            "1e3",
            "1e999",
            "0x1f",
            "0o17",
            "0b1",
            "1_000",
            "12e03",
            "1234e5678",
            ".5",
            ".inf",
            "-.INF",
            "+infinity",
            ".nan",
            "nan",
            "Infinity",
            "true",
            "True",
            "TRUE",
            "yes",
            "null",
            "~",
            "nil",
            "1.2.3",
            "1.",
            "-",
            "--",
            "99999999999999999999",
            "340282366920938463463374607431768211456",
            "2024-10-24",
            "10Gi",
            "0.1Ki",
            "-v",
            "1-2",
            "0x",
            "e5",
            "1e",
            "..",
            "0o",
            "00",
            "0",
            "18446744073709551615",
            "-9223372036854775808",
        ] {
            let text = format!("a: {text}\nb: c\n");
            let by_crate = parse_value(&text).ok();
            if let Some(value) = read_text(&text) {
                assert_eq!(Some(value), by_crate, "{text}");
            }
        }
    }

    #[test]
    fn what_is_unusual_is_left_to_the_yaml_crate() {
        for text in [
            "a: b # why",
            "# why\na: b",
            "a: &x b\nc: *x",
            "a: {b: c}",
            "a: [b]",
            "a: >\n  b\nc: d",
            "a: b\n  c",
            "a: \"b\n  c\"",
            "a: b: c",
            "\"a\": b",
            "1: b",
            "true: b",
            "a: b\na: c",
            "a: b\n\tc: d",
            "a:\n  b: c\n d: e",
            "a: |2\n  b\nc: d",
            "a: |\n  b",
            "? a\n: b",
            "- - a",
            "-\n  a: b",
            "<<: {a: b}",
            "a: \"\\ud800\"",
            "a: 'b' c",
            "a: \u{2028}b",
            "a: b\n---\nc: d",
            "a: b\n...",
            "",
            "a",
        ] {
            assert_eq!(read_text(text), None, "{text}");
        }
    }

    #[test]
    fn a_document_that_nests_deeper_than_any_object_is_unusual() {
        let staircase: String = (0..100).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
        assert_eq!(read_text(&staircase), None);
    }

    /// What may stand behind a key or a dash.
    fn scalar() -> impl Strategy<Value = String> {
        prop_oneof![
            prop::sample::select(vec![
                "",
                "a",
                "{}",
                "[]",
                "null",
                "~",
                "true",
                "1",
                "01",
                "1.5",
                "-1",
                "1e5",
                "10.0.0.1",
                "\"\"",
                "''",
                "\"a\\nb\"",
                "'it''s'",
                "- a",
                "a: b",
                "a #b",
                "a:",
                "卷宗",
                "a  b ",
                "|",
                "|-",
                "|+",
                ">",
                "#",
                "\"a\\u00e9\"",
                "-",
                "--a",
                "-v=2",
                "*a",
                "&a b",
                "!t a",
                "=",
                "<<",
                "@a",
                "%a",
                "'a",
                "a'b",
                "http://a:80/b",
            ])
            .prop_map(str::to_owned),
            "[ -~]{0,8}",
        ]
    }

    /// A line at some indentation: usually a member or an item, sometimes neither.
    fn line() -> impl Strategy<Value = String> {
        let start = prop::sample::select(vec!["", "- ", "-   ", "- - ", ""]);
        let key = prop::sample::select(vec![
            "a: ",
            "b: ",
            "c: ",
            "d:",
            "a.b/c-d: ",
            "f: ",
            "g: ",
            "",
            "metadata: ",
            "1: ",
            "null: ",
        ]);
        (0_usize..7, start, key, scalar())
            .prop_map(|(indent, start, key, scalar)| format!("{}{start}{key}{scalar}", " ".repeat(indent)))
    }

    /// A document of nested members and lists, most of which is usual.
    fn tree() -> impl Strategy<Value = Vec<String>> {
        let leaf = scalar().prop_map(|scalar| vec![scalar]);
        let tree = leaf.prop_recursive(4, 24, 4, |inner| {
            let indent = |lines: &[String], first: &str, rest: usize| -> Vec<String> {
                let lines = lines.iter().enumerate();
                lines
                    .map(|(at, line)| {
                        if at == 0 {
                            format!("{first}{line}")
                        } else {
                            format!("{}{line}", " ".repeat(rest))
                        }
                    })
                    .collect()
            };
            let keys = ["a", "b", "c", "d", "metadata", "managedFields", "e/f.g-h"];
            prop_oneof![
                prop::collection::vec(inner.clone(), 1..4).prop_map(move |members| {
                    let members = members.iter().zip(keys);
                    members
                        .flat_map(|(lines, key)| match lines.as_slice() {
                            [one] => vec![format!("{key}: {one}")],
                            many => std::iter::once(format!("{key}:"))
                                .chain(many.iter().map(|line| format!("  {line}")))
                                .collect(),
                        })
                        .collect()
                }),
                prop::collection::vec(inner, 1..4)
                    .prop_map(move |items| items.iter().flat_map(|lines| indent(lines, "- ", 2)).collect()),
            ]
        });
        (
            tree,
            prop::collection::vec(
                (
                    0_usize..20,
                    prop::sample::select(vec!["", "  ", "    x", "  y: z", "\t"]),
                ),
                0..2,
            ),
        )
            .prop_map(|(mut lines, odd)| {
                for (at, line) in odd {
                    lines.insert(at.min(lines.len()), line.to_owned());
                }
                lines
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn what_is_read_is_what_the_yaml_crate_reads(lines in prop_oneof![tree(), prop::collection::vec(line(), 1..8)]) {
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            if let Some(value) = read(&lines, 60) {
                let text = lines.join("\n");
                let by_crate = parse_value(&text).map_err(|error| TestCaseError::fail(format!("{text}\n{}", error.message)))?;
                prop_assert_eq!(value, by_crate, "{}", text);
            }
        }
    }
}
