//! Which files a crontab line or a shell script names: enough of the shell's grammar (POSIX.1-2017, XCU chapter 2) to follow
//! variables, quotes and substitutions, and nothing is ever run.

use std::collections::BTreeMap;

/// Most names taken from one text, longest value of a variable, deepest nesting of substitutions: a text is hostile like any other input.
const MAX_NAMES: usize = 512;
const MAX_VALUE: usize = 4096;
const MAX_DEPTH: usize = 4;

/// The names that stand in a text, in the order of first sight.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    /// Absolute paths. What only running the text would tell (`$(date +%F)`, an unset variable) is a `*`.
    pub(crate) paths: Vec<String>,
    /// Words without a slash: one of them may be a program.
    pub(crate) words: Vec<String>,
}

/// Collects the names of a crontab, a unit or a script.
pub(crate) fn named(text: &str) -> Named {
    let mut reader = Reader::default();
    for line in text.replace("\\\n", " ").lines() {
        reader.line(line, 0);
    }
    reader.found
}

#[derive(Default)]
struct Reader {
    variables: BTreeMap<String, String>,
    found: Named,
}

impl Reader {
    fn line(&mut self, line: &str, depth: usize) {
        let line = line.trim_start();
        if line.starts_with('#') && !line.starts_with("#!") {
            return;
        }
        let expanded = self.expand(line, depth);
        self.assign(&expanded);
        for word in expanded.split(|c: char| c.is_whitespace() || ";|&()<>\"'`=,:{}[]@!#".contains(c)) {
            self.take(word);
        }
    }

    fn take(&mut self, word: &str) {
        let names = if word.starts_with('/') {
            &mut self.found.paths
        } else {
            &mut self.found.words
        };
        let plain = word.len() > 1 && word.len() < MAX_VALUE && !word.contains('\0');
        let local = word.starts_with('/') || !word.contains(['/', '*']);
        if plain && local && names.len() < MAX_NAMES && !names.iter().any(|name| name == word) {
            names.push(word.into());
        }
    }

    /// Remembers `NAME=value` at the beginning of a (expanded) line, also after `export`, `readonly`, `local` or `declare`.
    fn assign(&mut self, line: &str) {
        let mut rest = line;
        for keyword in ["export ", "readonly ", "local ", "declare ", "Environment="] {
            rest = rest.strip_prefix(keyword).unwrap_or(rest).trim_start();
        }
        let Some((name, value)) = rest.split_once('=') else {
            return;
        };
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return;
        }
        let value = value.trim();
        let value = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value.get(1..).unwrap_or("").split(quote).next().unwrap_or(""),
            _ => value.split([' ', '\t', ';', '&']).next().unwrap_or(""),
        };
        if value.len() < MAX_VALUE && self.variables.len() < MAX_NAMES {
            self.variables.insert(name.into(), value.into());
        }
    }

    /// Puts in the values of variables; the commands of substitutions are read as lines of their own.
    fn expand(&mut self, line: &str, depth: usize) -> String {
        let mut out = String::with_capacity(line.len());
        let mut rest = line;
        let mut literal = false;
        while let Some(c) = rest.chars().next() {
            let after = rest.get(c.len_utf8()..).unwrap_or("");
            if out.len() > 16 * MAX_VALUE {
                break;
            }
            match c {
                '\'' => {
                    literal = !literal;
                    out.push(c);
                    rest = after;
                }
                '\\' if !literal => {
                    let escaped = after.chars().next();
                    out.extend(escaped);
                    rest = after.get(escaped.map_or(0, char::len_utf8)..).unwrap_or("");
                }
                '`' if !literal => {
                    let (inner, behind) = after.split_once('`').unwrap_or((after, ""));
                    self.substitute(inner, depth);
                    out.push('*');
                    rest = behind;
                }
                '$' if !literal => rest = self.dollar(after, &mut out, depth),
                _ => {
                    out.push(c);
                    rest = after;
                }
            }
        }
        out
    }

    /// Expands what follows a dollar sign and returns the text behind it.
    fn dollar<'t>(&mut self, text: &'t str, out: &mut String, depth: usize) -> &'t str {
        if let Some(inside) = text.strip_prefix('(') {
            let end = closing(inside);
            self.substitute(inside.get(..end).unwrap_or(""), depth);
            out.push('*');
            return inside.get(end + 1..).unwrap_or("");
        }
        if let Some(inside) = text.strip_prefix('{') {
            let (expression, behind) = inside.split_once('}').unwrap_or((inside, ""));
            let end = name_end(expression);
            let (name, operator) = expression.split_at(end);
            match (
                self.variables.get(name),
                operator.strip_prefix(":-").or_else(|| operator.strip_prefix('-')),
            ) {
                (Some(value), _) => out.push_str(value),
                (None, Some(default)) => out.push_str(default),
                (None, None) => out.push('*'),
            }
            return behind;
        }
        let (name, behind) = text.split_at(name_end(text));
        match self.variables.get(name) {
            Some(value) => out.push_str(value),
            None => out.push('*'),
        }
        behind
    }

    fn substitute(&mut self, command: &str, depth: usize) {
        if depth < MAX_DEPTH {
            self.line(command, depth + 1);
        }
    }
}

fn name_end(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(text.len())
}

/// The place of the parenthesis that closes one that was opened just before `text`.
fn closing(text: &str) -> usize {
    let mut open = 0usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' => open += 1,
            ')' if open == 0 => return at,
            ')' => open -= 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        named(text).paths
    }

    #[test]
    fn a_line_of_a_crontab_names_its_script_and_its_log() {
        assert_eq!(
            paths("0 2 * * * root /opt/scripts/docker-clean.sh >>/var/log/docker-clean.log 2>&1"),
            ["/opt/scripts/docker-clean.sh", "/var/log/docker-clean.log"]
        );
    }

    #[test]
    fn variables_quotes_and_dates_are_followed() {
        let script = "#!/bin/bash\nDIR=/var/log/clean\nexport LOG=\"${DIR}/$(date '+%F').log\"\ndocker prune >> $LOG\n";
        assert_eq!(paths(script), ["/bin/bash", "/var/log/clean", "/var/log/clean/*.log"]);
    }

    #[test]
    fn defaults_of_unset_variables_count() {
        assert_eq!(paths("LOG=${LOG:-/var/log/x.log}"), ["/var/log/x.log"]);
    }

    #[test]
    fn commands_inside_substitutions_are_read_too() {
        assert_eq!(
            paths("n=$(/opt/count.sh $(cat /opt/list))"),
            ["/opt/list", "/opt/count.sh"]
        );
    }

    #[test]
    fn a_comment_names_nothing() {
        assert_eq!(paths("# 0 2 * * * root /opt/old.sh"), Vec::<String>::new());
    }

    #[test]
    fn a_program_without_a_path_is_a_word() {
        assert!(
            named("@daily root docker-clean.sh --all")
                .words
                .iter()
                .any(|word| word == "docker-clean.sh")
        );
    }

    #[test]
    fn doubling_variables_and_deep_nesting_end() {
        let bomb: String = (0..200).map(|_| "A=$A$A/xxxxxxxxxxxxxxxx\n").collect();
        named(&bomb);
        named(&"$(".repeat(100_000));
        named(&"`".repeat(100_000));
        named("a=${x:-é}é\\");
    }
}
