//! In which languages reports are written.

use crate::model::Lang;

/// Languages from `--lang`: `zh`, `en`, both, or `auto`, which follows the locale of the environment.
pub(super) fn languages(wanted: &str, environment: impl Fn(&str) -> Option<String>) -> Result<Vec<Lang>, String> {
    let mut chosen = Vec::new();
    for name in wanted.split(',') {
        let lang = match name.trim().to_ascii_lowercase().as_str() {
            "zh" | "zh-cn" => Lang::Zh,
            "en" => Lang::En,
            "auto" => from_locale(&environment),
            other => {
                return Err(format!(
                    "unknown language {other:?} in --lang; use zh, en, zh,en or auto"
                ));
            }
        };
        if !chosen.contains(&lang) {
            chosen.push(lang);
        }
    }
    Ok(chosen)
}

/// The language of the locale that the program runs in.
pub(super) fn of_environment() -> Lang {
    from_locale(&|name: &str| std::env::var(name).ok())
}

/// POSIX: LC_ALL wins over LC_MESSAGES, which wins over LANG; an empty one counts as unset.
fn from_locale(environment: &impl Fn(&str) -> Option<String>) -> Lang {
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .filter_map(environment)
        .find(|value| !value.is_empty());
    match locale {
        Some(locale) if locale.to_ascii_lowercase().starts_with("zh") => Lang::Zh,
        _ => Lang::En,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_decides_in_posix_order() {
        let with = |pairs: &'static [(&str, &str)]| {
            move |name: &str| {
                pairs
                    .iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| (*value).to_owned())
            }
        };
        assert_eq!(languages("auto", with(&[("LANG", "zh_CN.UTF-8")])).unwrap(), [Lang::Zh]);
        assert_eq!(
            languages("auto", with(&[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "C")])).unwrap(),
            [Lang::En]
        );
        assert_eq!(
            languages("auto", with(&[("LC_ALL", ""), ("LC_MESSAGES", "zh_TW")])).unwrap(),
            [Lang::Zh]
        );
        assert_eq!(languages("zh,en,zh", with(&[])).unwrap(), [Lang::Zh, Lang::En]);
        assert!(languages("fr", with(&[])).unwrap_err().contains("\"fr\""));
    }
}
