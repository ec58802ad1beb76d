//! Just enough of Rust's syntax: blanks out comments and literals, finds functions and test modules.
//!
//! A full parser would know more, but would also be this tool's only large dependency.

/// The source with every comment, string and character literal replaced by spaces; line breaks and
/// byte positions stay.
pub(super) fn mask(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut masked = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if bytes.get(at + 1) == Some(&b'/') => find(bytes, at, b"\n"),
            b'/' if bytes.get(at + 1) == Some(&b'*') => block_comment_end(bytes, at),
            b'"' => string_end(bytes, at),
            b'r' if starts_word(bytes, at) => match raw_string_end(bytes, at) {
                Some(end) => end,
                None => at,
            },
            b'\'' => char_end(bytes, at),
            _ => at,
        };
        for byte in &mut masked[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end.max(at + 1);
    }
    // Whole literals and comments were blanked, so no character is left in halves.
    String::from_utf8(masked).unwrap_or_default()
}

/// Position after the next `needle` behind `from`, exclusive of a line break.
fn find(bytes: &[u8], from: usize, needle: &[u8]) -> usize {
    let found = bytes[from..]
        .windows(needle.len())
        .position(|window| window == needle);
    found.map_or(bytes.len(), |offset| from + offset)
}

fn block_comment_end(bytes: &[u8], from: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = from;
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    bytes.len()
}

fn string_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Whether an identifier could begin at `at`; `br"…"` counts, because `b` alone does nothing.
fn starts_word(bytes: &[u8], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).and_then(|idx| bytes.get(idx)).copied();
    let is_word =
        |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    !is_word(before(1)) || (before(1) == Some(b'b') && !is_word(before(2)))
}

fn raw_string_end(bytes: &[u8], from: usize) -> Option<usize> {
    let hashes = bytes[from + 1..]
        .iter()
        .take_while(|&&byte| byte == b'#')
        .count();
    let open = from + 1 + hashes;
    if bytes.get(open) != Some(&b'"') {
        return None;
    }
    let close = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
    Some((find(bytes, open + 1, &close) + close.len()).min(bytes.len()))
}

/// The end of a character literal, or `from` when this is a lifetime.
fn char_end(bytes: &[u8], from: usize) -> usize {
    if bytes.get(from + 1) == Some(&b'\\') {
        return (find(bytes, from + 3, b"'") + 1).min(bytes.len());
    }
    let closes = (2..=5).find(|&offset| bytes.get(from + offset) == Some(&b'\''));
    match closes {
        // `'a'` or one character of several bytes; `<'a, 'b>` has a quote at distance too.
        Some(2) => from + 3,
        Some(offset) if !bytes[from + 1].is_ascii() => from + offset + 1,
        _ => from,
    }
}

/// A function: its name, the line of its `fn` (from 1) and its length to the closing brace.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) lines: usize,
}

/// Every function with a body, nested ones too.
pub(super) fn functions(masked: &str) -> Vec<Function> {
    let mut found = Vec::new();
    for at in words(masked, "fn") {
        let rest = &masked[at + 2..];
        let name: String = rest
            .trim_start()
            .chars()
            .take_while(|char| char.is_alphanumeric() || *char == '_')
            .collect();
        // `fn(u8) -> u8` is a type.
        if name.is_empty() {
            continue;
        }
        if let Some(end) = body_end(masked, at) {
            let line = line_of(masked, at);
            found.push(Function {
                name,
                line,
                lines: line_of(masked, end) - line + 1,
            });
        }
    }
    found
}

/// Positions of `word` as a whole word.
pub(super) fn words<'a>(masked: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let bytes = masked.as_bytes();
    let is_word =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    masked
        .match_indices(word)
        .map(|(at, _)| at)
        .filter(move |&at| {
            let before = at.checked_sub(1).and_then(|idx| bytes.get(idx));
            !is_word(before) && !is_word(bytes.get(at + word.len()))
        })
}

/// Line of a byte position, from 1.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at]
        .iter()
        .filter(|&&byte| byte == b'\n')
        .count()
        + 1
}

/// Position of the brace that closes the item which begins at `from`; `None` when it has no body.
/// A `;` inside brackets, as in `[u8; 4]`, ends nothing.
fn body_end(masked: &str, from: usize) -> Option<usize> {
    let (mut braces, mut brackets) = (0_usize, 0_usize);
    for (offset, byte) in masked.as_bytes()[from..].iter().enumerate() {
        match byte {
            b'(' | b'[' => brackets += 1,
            b')' | b']' => brackets = brackets.saturating_sub(1),
            b';' if braces == 0 && brackets == 0 => return None,
            b'{' => braces += 1,
            b'}' if braces <= 1 => return Some(from + offset),
            b'}' => braces -= 1,
            _ => {}
        }
    }
    None
}

/// The masked source with `#[cfg(test)]` items blanked out as well.
pub(super) fn without_tests(masked: &str) -> String {
    let mut kept = masked.as_bytes().to_vec();
    for (at, _) in masked.match_indices("#[cfg(test)]") {
        let end = body_end(masked, at).map_or_else(
            || {
                masked[at..]
                    .find(';')
                    .map_or(masked.len(), |offset| at + offset + 1)
            },
            |end| end + 1,
        );
        for byte in &mut kept[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }
    String::from_utf8(kept).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_comments_and_literals() {
        let source = "let a = \"fn x() {\"; // fn y() {\nlet b = r#\"}\"#; let c = '{'; let d: &'static str = br\"{\";";
        let masked = mask(source);
        assert_eq!(masked.len(), source.len());
        assert!(!masked.contains(['{', '}', '"']));
        assert!(masked.contains("'static"));
        assert_eq!(mask("/* a /* b */ c */x").trim(), "x");
        assert_eq!(mask(r"let q = '\''; y").trim_end(), r"let q =     ; y");
        assert_eq!(mask("'ü' x").trim(), "x");
    }

    #[test]
    fn measures_functions() {
        let masked = mask(
            "fn a() -> [u8; 2] {\n    let f: fn(u8) = |_| {};\n}\ntrait T {\n    fn b(&self);\n}\n",
        );
        assert_eq!(
            functions(&masked),
            [Function {
                name: "a".into(),
                line: 1,
                lines: 3
            }]
        );
    }

    #[test]
    fn leaves_tests_out() {
        let masked = mask(
            "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n#[cfg(test)]\nmod more;\nfn c() {}\n",
        );
        let names: Vec<_> = functions(&without_tests(&masked))
            .into_iter()
            .map(|f| f.name)
            .collect();
        assert_eq!(names, ["a", "c"]);
    }
}
