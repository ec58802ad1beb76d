//! The little XML that S3 speaks: flat elements, found by name.

/// The text of the first element `name` in `xml`.
pub(super) fn text(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    Some(unescape(rest.split_once("</")?.0))
}

/// The insides of all elements `name` in `xml`, in order.
pub(super) fn elements<'a>(xml: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (start, end) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = xml;
    std::iter::from_fn(move || {
        let (_, behind) = rest.split_once(&start)?;
        let (inside, behind) = behind.split_once(&end)?;
        rest = behind;
        Some(inside)
    })
}

/// Named and numbered characters as they are meant.
pub(super) fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('&') {
        plain.push_str(before);
        let Some((name, after)) = behind.split_once(';').filter(|(name, _)| name.len() < 9) else {
            plain.push('&');
            rest = behind;
            continue;
        };
        let char = match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => {
                let number = name.strip_prefix('#').and_then(|number| {
                    match number.strip_prefix(['x', 'X']) {
                        Some(hex) => u32::from_str_radix(hex, 16).ok(),
                        None => number.parse().ok(),
                    }
                });
                number.and_then(char::from_u32)
            }
        };
        match char {
            Some(char) => plain.push(char),
            None => plain.extend(['&'].into_iter().chain(name.chars()).chain([';'])),
        }
        rest = after;
    }
    plain.push_str(rest);
    plain
}

/// `text` as XML wants it.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Percent-decodes a key of a listing that was asked for with `encoding-type=url`, where some
/// servers write spaces as `+` and none writes a plus so. `None` when it is not UTF-8.
pub(super) fn url_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        rest = behind;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = behind.get(..2).and_then(|two| str::from_utf8(two).ok());
                match digits.and_then(|two| u8::from_str_radix(two, 16).ok()) {
                    Some(byte) => {
                        bytes.push(byte);
                        rest = &behind[2..];
                    }
                    None => bytes.push(b'%'),
                }
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_and_unescapes() {
        let xml = "<a><Key>x&amp;&lt;&#x41;&#66;&nope;&</Key></a><a><Key>z</Key></a><a>";
        let keys: Vec<_> = elements(xml, "a")
            .filter_map(|one| text(one, "Key"))
            .collect();
        assert_eq!(keys, ["x&<AB&nope;&", "z"]);
        assert_eq!(text(xml, "Other"), None);
        assert_eq!(unescape(&escape("<a&\"b>")), "<a&\"b>");
    }

    #[test]
    fn decodes_keys() {
        assert_eq!(
            url_decode("a%20b+c%2Bd%252F%C3%BC%zz").unwrap(),
            "a b c+d%2Fü%zz"
        );
        assert_eq!(url_decode("%FF"), None);
    }
}
