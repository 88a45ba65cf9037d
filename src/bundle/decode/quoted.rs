//! Quoted scalars of YAML that begin and end on one line.

use super::block_yaml::Unusual;

/// The value of a scalar in double quotes (YAML 1.1 §5.6 lists the escapes; the ones that go-yaml writes are known here).
pub(super) fn double_quoted(text: &str) -> Result<String, Unusual> {
    let inner = text.strip_prefix('"').ok_or(Unusual)?;
    let mut value = String::new();
    let mut rest = inner;
    loop {
        let at = memchr::memchr2(b'"', b'\\', rest.as_bytes()).ok_or(Unusual)?;
        let (before, from) = rest.split_at_checked(at).ok_or(Unusual)?;
        value.push_str(before);
        let mut after = from.chars();
        if after.next() == Some('"') {
            return if after.as_str().is_empty() {
                Ok(value)
            } else {
                Err(Unusual)
            };
        }
        value.push(match after.next() {
            Some('n') => '\n',
            Some('t') => '\t',
            Some('r') => '\r',
            Some(same @ ('"' | '\\')) => same,
            Some('u') => {
                let (digits, behind) = after.as_str().split_at_checked(4).ok_or(Unusual)?;
                after = behind.chars();
                hexadecimal(digits)?
            }
            _ => return Err(Unusual),
        });
        rest = after.as_str();
    }
}

fn hexadecimal(digits: &str) -> Result<char, Unusual> {
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Unusual);
    }
    let code = u32::from_str_radix(digits, 16).map_err(|_| Unusual)?;
    char::from_u32(code).ok_or(Unusual)
}

/// The value of a scalar in single quotes, in which a quote is written twice.
pub(super) fn single_quoted(text: &str) -> Result<String, Unusual> {
    let inner = text
        .strip_prefix('\'')
        .and_then(|text| text.strip_suffix('\''))
        .ok_or(Unusual)?;
    let mut value = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((before, after)) = rest.split_once('\'') {
        value.push_str(before);
        value.push('\'');
        rest = after.strip_prefix('\'').ok_or(Unusual)?;
    }
    value.push_str(rest);
    Ok(value)
}
