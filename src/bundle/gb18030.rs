//! Text of Chinese Windows: GBK and its superset GB18030, which Notepad ("ANSI"), `cmd` redirections and zip tools write there.

use std::borrow::Cow;

use encoding_rs::{DecoderResult, GB18030};

/// True for bytes that are no UTF-8 and are Chinese text in GBK or GB18030. The bytes may end in the middle of a character.
///
/// Nearly any bytes are *some* characters of GBK, Latin-1 among them. So nearly all must be those of GB 2312, which are all that people
/// write: both bytes from A1 on, the first up to F7 (GB 2312-80; WHATWG Encoding Standard, §11.2 "gb18030").
pub(crate) fn is_gb18030(bytes: &[u8]) -> bool {
    let is_utf8 = match std::str::from_utf8(bytes) {
        Ok(_) => true,
        // Cut in the middle of a character.
        Err(error) => error.error_len().is_none(),
    };
    if is_utf8 {
        return false;
    }
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    let decoder = &mut GB18030.new_decoder_without_bom_handling();
    let (result, _) = decoder.decode_to_string_without_replacement(bytes, &mut text, false);
    if matches!(result, DecoderResult::Malformed(..)) {
        return false;
    }
    let mut rest = bytes.iter();
    let (mut common, mut all) = (0_usize, 0_usize);
    while let Some(first) = rest.next() {
        if *first < 0x80 {
            continue;
        }
        let Some(second) = rest.next() else { break };
        // Four bytes are what GBK has no character for, such as the brackets of a token that stands for a secret: they tell nothing.
        if second.is_ascii_digit() {
            rest.nth(1);
            continue;
        }
        all += 1;
        common += usize::from((0xA1..=0xF7).contains(first) && *second >= 0xA1);
    }
    all > 0 && common * 10 >= all * 9
}

/// The name of a member of an archive, which carries no mark of its encoding.
pub(crate) fn name(bytes: &[u8]) -> Cow<'_, str> {
    if is_gb18030(bytes) {
        return GB18030.decode_without_bom_handling(bytes).0;
    }
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_of_windows_is_told_from_everything_else() {
        let gbk = |text: &str| GB18030.encode(text).0.into_owned();
        assert!(is_gb18030(&gbk("节点 node-1 状态：NotReady")));
        assert!(is_gb18030(&gbk("节点日志")[..7]), "cut in a character");
        assert!(is_gb18030(&gbk("姓名,密码\n张三,‹password-1›\n李四,‹password-2›\n")));
        assert_eq!(name(&gbk("日志/容器列表.txt")), "日志/容器列表.txt");
        for other in [
            "节点日志".as_bytes(),
            b"plain",
            b"r\xE9sum\xE9 de l'incident",
            b"error: \xFF\xFEbad",
        ] {
            assert!(!is_gb18030(other), "{other:?}");
        }
        assert_eq!(name("节点/日志.txt".as_bytes()), "节点/日志.txt");
        assert_eq!(name(b"r\xE9sum\xE9.txt"), "r\u{FFFD}sum\u{FFFD}.txt");
    }
}
