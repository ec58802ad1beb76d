//! Patterns of `like`: parsed once, matched by the cheapest means that their shape allows.

use memchr::memmem::Finder;

use crate::{Error, Result};

/// A pattern cut at its `%`: the first segment is anchored at the start, the last at the end, those
/// between are searched from the left. One segment alone must match the whole.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    segments: Vec<Segment>,
    ignore_case: bool,
}

/// Characters in a row; `None` is `_`.
#[derive(Debug, Clone)]
struct Segment {
    tokens: Vec<Token>,
    /// Characters that it matches: always the same number.
    char_count: usize,
    /// For a segment without `_`.
    finder: Option<Finder<'static>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Text(String),
    AnyChar,
}

impl Pattern {
    /// Reads `pattern`. `escape` takes the meaning from a following `%`, `_` or itself.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` when the escape stands before anything else or at the end.
    pub(super) fn parse(pattern: &str, escape: Option<char>) -> Result<Pattern> {
        let mut segments = vec![Vec::new()];
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            let literal = if Some(c) == escape {
                match chars.next() {
                    Some(next) if next == '%' || next == '_' || Some(next) == escape => next,
                    _ => {
                        return Err(Error::invalid(format!(
                            "pattern '{}': the escape character may stand only before %, _ or itself",
                            pattern.escape_debug()
                        )));
                    }
                }
            } else if c == '%' {
                segments.push(Vec::new());
                continue;
            } else if c == '_' {
                push(&mut segments, None);
                continue;
            } else {
                c
            };
            push(&mut segments, Some(literal));
        }
        let last = segments.len() - 1;
        let segments = segments
            .into_iter()
            .enumerate()
            // `%%` is `%`.
            .filter(|(at, tokens)| *at == 0 || *at == last || !tokens.is_empty())
            .map(|(_, tokens)| Segment::new(tokens))
            .collect();
        Ok(Pattern {
            segments,
            ignore_case: false,
        })
    }

    /// The same pattern for `ilike`: both sides are lower-cased character by character.
    pub(super) fn ignoring_case(self) -> Pattern {
        let lower = |token: Token| match token {
            Token::Text(text) => Token::Text(text.chars().flat_map(char::to_lowercase).collect()),
            Token::AnyChar => Token::AnyChar,
        };
        let segments = self
            .segments
            .into_iter()
            .map(|segment| Segment::new(segment.tokens.into_iter().map(lower).collect()))
            .collect();
        Pattern {
            segments,
            ignore_case: true,
        }
    }

    /// True for `%`: every string matches.
    pub(super) fn is_anything(&self) -> bool {
        self.segments.len() > 1
            && self
                .segments
                .iter()
                .all(|segment| segment.tokens.is_empty())
    }

    /// The one string that matches, for a pattern without wildcards.
    pub(super) fn as_literal(&self) -> Option<&str> {
        match self.segments.as_slice() {
            [segment] => segment.as_text(),
            _ => None,
        }
    }

    /// What every match begins with; empty when the pattern begins with a wildcard.
    pub(super) fn prefix(&self) -> &str {
        match self
            .segments
            .first()
            .and_then(|segment| segment.tokens.first())
        {
            Some(Token::Text(text)) => text,
            _ => "",
        }
    }

    /// True for `abc%`: every string that begins with [`Pattern::prefix`] matches.
    pub(super) fn is_prefix(&self) -> bool {
        match self.segments.as_slice() {
            [first, last] => first.as_text().is_some() && last.tokens.is_empty(),
            _ => false,
        }
    }

    /// Whether the UTF-8 `text` matches; `scratch` is reused between calls.
    pub(super) fn matches(&self, text: &[u8], scratch: &mut Vec<u8>) -> bool {
        if !self.ignore_case {
            return self.matches_exactly(text);
        }
        scratch.clear();
        match std::str::from_utf8(text) {
            Ok(text) if !text.is_ascii() => {
                let mut encoded = [0; 4];
                for c in text.chars().flat_map(char::to_lowercase) {
                    scratch.extend_from_slice(c.encode_utf8(&mut encoded).as_bytes());
                }
            }
            _ => scratch.extend(text.iter().map(u8::to_ascii_lowercase)),
        }
        self.matches_exactly(scratch)
    }

    fn matches_exactly(&self, text: &[u8]) -> bool {
        let (first, rest) = match self.segments.as_slice() {
            [] => return text.is_empty(),
            [only] => return only.match_at_start(text) == Some(text.len()),
            [first, rest @ ..] => (first, rest),
        };
        let Some((last, middle)) = rest.split_last() else {
            return false;
        };
        let Some(start) = first.match_at_start(text) else {
            return false;
        };
        let mut text = &text[start..];
        let Some(end) = last.match_at_end(text) else {
            return false;
        };
        text = &text[..end];
        for segment in middle {
            match segment.find(text) {
                Some(end) => text = &text[end..],
                None => return false,
            }
        }
        true
    }
}

fn push(segments: &mut [Vec<Token>], literal: Option<char>) {
    let Some(tokens) = segments.last_mut() else {
        return;
    };
    match (literal, tokens.last_mut()) {
        (Some(c), Some(Token::Text(text))) => text.push(c),
        (Some(c), _) => tokens.push(Token::Text(c.into())),
        (None, _) => tokens.push(Token::AnyChar),
    }
}

impl Segment {
    fn new(tokens: Vec<Token>) -> Segment {
        let char_count = tokens
            .iter()
            .map(|token| match token {
                Token::Text(text) => text.chars().count(),
                Token::AnyChar => 1,
            })
            .sum();
        let finder = match tokens.as_slice() {
            [Token::Text(text)] => Some(Finder::new(text.as_bytes()).into_owned()),
            _ => None,
        };
        Segment {
            tokens,
            char_count,
            finder,
        }
    }

    fn as_text(&self) -> Option<&str> {
        match self.tokens.as_slice() {
            [] => Some(""),
            [Token::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Bytes that it takes from the start of `text`, if it matches there.
    fn match_at_start(&self, text: &[u8]) -> Option<usize> {
        let mut at = 0;
        for token in &self.tokens {
            let rest = &text[at..];
            at += match token {
                Token::Text(wanted) if rest.starts_with(wanted.as_bytes()) => wanted.len(),
                Token::AnyChar if !rest.is_empty() => first_char_len(rest),
                _ => return None,
            };
        }
        Some(at)
    }

    /// Where it begins, if it matches up to the end of `text`.
    fn match_at_end(&self, text: &[u8]) -> Option<usize> {
        if let Some(wanted) = self.as_text() {
            return text
                .ends_with(wanted.as_bytes())
                .then(|| text.len() - wanted.len());
        }
        let starts = text
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, byte)| is_char_start(**byte));
        let (at, _) = starts
            .take(self.char_count)
            .nth(self.char_count.checked_sub(1)?)?;
        (self.match_at_start(&text[at..]) == Some(text.len() - at)).then_some(at)
    }

    /// The end of the leftmost match.
    fn find(&self, text: &[u8]) -> Option<usize> {
        if let Some(finder) = &self.finder {
            return finder.find(text).map(|at| at + finder.needle().len());
        }
        let mut at = 0;
        loop {
            if let Some(len) = self.match_at_start(&text[at..]) {
                return Some(at + len);
            }
            if at == text.len() {
                return None;
            }
            at += first_char_len(&text[at..]);
        }
    }
}

fn is_char_start(byte: u8) -> bool {
    byte & 0xC0 != 0x80
}

/// Length of the first character of a non-empty text.
fn first_char_len(text: &[u8]) -> usize {
    1 + text[1..]
        .iter()
        .take_while(|byte| !is_char_start(**byte))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `%` and `_` by the book: all ways to split.
    fn naive(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('%', rest)) => (0..=text.len()).any(|at| naive(rest, &text[at..])),
            Some(('_', rest)) => !text.is_empty() && naive(rest, &text[1..]),
            Some((c, rest)) => text.first() == Some(c) && naive(rest, &text[1..]),
        }
    }

    #[test]
    fn every_short_pattern_matches_like_the_definition() {
        let alphabet = ['a', 'é', '%', '_'];
        let texts = words(&['a', 'é', 'b'], 4);
        for pattern in words(&alphabet, 4) {
            let parsed = Pattern::parse(&pattern, None).unwrap();
            let chars: Vec<char> = pattern.chars().collect();
            for text in &texts {
                let expected = naive(&chars, &text.chars().collect::<Vec<_>>());
                let got = parsed.matches(text.as_bytes(), &mut Vec::new());
                assert_eq!(got, expected, "{text:?} like {pattern:?}");
                if expected {
                    assert!(
                        text.starts_with(parsed.prefix()),
                        "{text:?} like {pattern:?}"
                    );
                    assert!(parsed.as_literal().is_none_or(|only| only == text));
                }
                if parsed.is_prefix() {
                    assert_eq!(expected, text.starts_with(parsed.prefix()));
                }
                assert!(!parsed.is_anything() || expected);
            }
        }
    }

    fn words(alphabet: &[char], len_max: usize) -> Vec<String> {
        let mut all = vec![String::new()];
        let mut last = all.clone();
        for _ in 0..len_max {
            last = last
                .iter()
                .flat_map(|word| alphabet.iter().map(move |c| format!("{word}{c}")))
                .collect();
            all.extend(last.iter().cloned());
        }
        all
    }

    #[test]
    fn escapes_take_the_meaning_away() {
        let matches = |pattern: &str, text: &str| {
            Pattern::parse(pattern, Some('!'))
                .unwrap()
                .matches(text.as_bytes(), &mut Vec::new())
        };
        assert!(matches("10!%", "10%"));
        assert!(!matches("10!%", "100"));
        assert!(matches("a!_b!!%", "a_b!c"));
        assert!(Pattern::parse("a!", Some('!')).is_err());
        assert!(Pattern::parse("a!b", Some('!')).is_err());
    }

    #[test]
    fn case_is_ignored_beyond_ascii() {
        let matches = |pattern: &str, text: &str| {
            let pattern = Pattern::parse(pattern, None).unwrap().ignoring_case();
            pattern.matches(text.as_bytes(), &mut Vec::new())
        };
        assert!(matches("ÄB%", "äbc"));
        assert!(matches("%σ", "ΟΔΟΣ"));
        assert!(!matches("Ä", "a"));
    }
}
