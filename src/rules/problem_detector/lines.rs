//! An expression over several lines, taken apart at its line breaks, because logs are searched a line at a time.

use regex_syntax::ast::parse::Parser;
use regex_syntax::ast::{Ast, Visitor, visit};

/// The expressions of the lines that an expression spans, in their order: each but the last has to reach the end of its line, each but
/// the first begins it. The last has to reach its line's end too, as node-problem-detector has it.
///
/// # Errors
/// It is no expression, or has a line break where it cannot be taken apart.
pub(super) fn lines_of(pattern: &str) -> Result<Vec<String>, String> {
    let ast = Parser::new().parse(pattern).map_err(|error| error.to_string())?;
    let parts: &[Ast] = match &ast {
        Ast::Concat(concat) => &concat.asts,
        _ => std::slice::from_ref(&ast),
    };
    let mut lines = Vec::new();
    let mut start = 0;
    // Flags hold for all that follows.
    let mut flags = String::new();
    let mut prefix = String::new();
    for part in parts {
        let span = part.span();
        match part {
            Ast::Literal(literal) if literal.c == '\n' => {
                let line = pattern.get(start..span.start.offset).unwrap_or("");
                lines.push(format!(r"{prefix}{line}\z"));
                start = span.end.offset;
                prefix = format!(r"{flags}\A");
            }
            Ast::Flags(set) => flags.push_str(pattern.get(set.span.start.offset..set.span.end.offset).unwrap_or("")),
            inner if visit(inner, LineBreaks(false)).unwrap_or(false) => {
                return Err(
                    "it has a line break inside a group or a choice, and logs are searched a line at a time".to_owned(),
                );
            }
            _ => {}
        }
    }
    lines.push(format!(r"{prefix}{}\z", pattern.get(start..).unwrap_or("")));
    Ok(lines)
}

/// Whether a literal line break is in an expression.
struct LineBreaks(bool);

impl Visitor for LineBreaks {
    type Output = bool;
    type Err = ();

    fn finish(self) -> Result<bool, ()> {
        Ok(self.0)
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), ()> {
        self.0 |= matches!(ast, Ast::Literal(literal) if literal.c == '\n');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::lines_of;

    #[test]
    fn an_expression_is_taken_apart_at_its_line_breaks() {
        assert_eq!(lines_of(r"a \d+").unwrap(), [r"a \d+\z"]);
        assert_eq!(lines_of("one (.+)\\ntwo").unwrap(), [r"one (.+)\z", r"\Atwo\z"]);
        assert_eq!(lines_of("(?i)one\ntwo").unwrap(), [r"(?i)one\z", r"(?i)\Atwo\z"]);
        assert_eq!(lines_of(r"msg=([^\n]*)").unwrap(), [r"msg=([^\n]*)\z"]);
        assert!(lines_of(r"a(?:b\nc)?").unwrap_err().contains("line break"));
        assert!(lines_of("(").is_err());
    }
}
