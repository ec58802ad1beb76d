//! Names: which keys a pattern means, and which local path a key becomes.

use std::path::{Path, PathBuf};

use crate::{Error, Location, Result};

/// The longest name of a file.
const NAME_BYTES_MAX: usize = 255;

/// Whether somebody who writes this means a pattern.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// The folder below which everything lies that a pattern can mean.
pub(super) fn folder_of_pattern(pattern: &Location) -> Location {
    let key = pattern.key();
    let first = key.find(['*', '?', '[']).unwrap_or(key.len());
    let end = key[..first].rfind('/').unwrap_or(0);
    pattern.with_key(&key[..end])
}

/// Whether `text` is what `pattern` means: `*` and `?` stay inside of a segment, `**` does not,
/// `[a-z]` is one of several characters.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    // Whether the rest of the pattern matches the text from each position on; filled from the end,
    // so that no pattern takes more than pattern × text steps.
    let mut rest = vec![false; text.len() + 1];
    rest[text.len()] = true;
    let mut at = pattern.len();
    while at > 0 {
        let mut now = vec![false; text.len() + 1];
        let is_double = at >= 2 && pattern[at - 1] == '*' && pattern[at - 2] == '*';
        if pattern[at - 1] == '*' {
            for position in (0..=text.len()).rev() {
                let goes_on = position < text.len()
                    && (is_double || text[position] != '/')
                    && now[position + 1];
                now[position] = rest[position] || goes_on;
            }
            at -= if is_double { 2 } else { 1 };
        } else {
            let open = match pattern[at - 1] {
                ']' => pattern[..at - 1].iter().rposition(|char| *char == '['),
                _ => None,
            };
            for position in 0..text.len() {
                let fits = match (open, pattern[at - 1]) {
                    (Some(open), _) => is_one_of(&pattern[open + 1..at - 1], text[position]),
                    (None, '?') => text[position] != '/',
                    (None, char) => text[position] == char,
                };
                now[position] = fits && rest[position + 1];
            }
            at = open.unwrap_or(at - 1);
        }
        rest = now;
    }
    rest[0]
}

fn is_one_of(set: &[char], char: char) -> bool {
    let (is_not, set) = match set.split_first() {
        Some(('!' | '^', set)) => (true, set),
        _ => (false, set),
    };
    let mut found = false;
    let mut rest = set;
    while let Some((&first, behind)) = rest.split_first() {
        rest = behind;
        if let ['-', last, ..] = *behind {
            found |= (first..=last).contains(&char);
            rest = &behind[2..];
        } else {
            found |= first == char;
        }
    }
    found != is_not && char != '/'
}

/// Why an object cannot become the file that its key says.
pub(super) fn refusal(object: &Location, why: &str) -> Error {
    Error::invalid(format!("{object} cannot be a file here: {why}"))
}

/// The path below `folder` for a key's part below what was asked for.
///
/// # Errors
/// When it is no path, or one that leads elsewhere.
pub(super) fn path_below(folder: &Path, object: &Location, relative: &str) -> Result<PathBuf> {
    let refused = |why: &str| Err(refusal(object, why));
    let mut path = folder.to_path_buf();
    let relative = relative.strip_suffix('/').unwrap_or(relative);
    for segment in relative.split('/') {
        match segment {
            "" => return refused("its key has an empty segment"),
            "." | ".." => return refused("its key has a segment of dots"),
            _ if segment.len() > NAME_BYTES_MAX => {
                return refused("a segment of its key is too long");
            }
            _ if segment.contains('\0') => return refused("its key holds a zero byte"),
            _ => path.push(segment),
        }
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("a/*.parquet", "a/b.parquet", true),
            ("a/*.parquet", "a/b/c.parquet", false),
            ("a/**.parquet", "a/b/c.parquet", true),
            ("a/**/c", "a/b/d/c", true),
            ("a/?", "a/b", true),
            ("a/?", "a//", false),
            ("a/[b-d]x", "a/cx", true),
            ("a/[!b-d]x", "a/cx", false),
            ("a/[!b-d]x", "a/ex", true),
            ("a]b", "a]b", true),
            ("", "", true),
            ("*", "", true),
            ("**", "a/b", true),
            ("a*b*c*d*e*f*g", &"a".repeat(2000), false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
        let pattern = Location::parse("s3://b/x/y-*/z").unwrap();
        assert_eq!(folder_of_pattern(&pattern).to_string(), "s3://b/x");
        let pattern = Location::parse("s3://b/*").unwrap();
        assert_eq!(folder_of_pattern(&pattern).to_string(), "s3://b/");
    }

    #[test]
    fn no_key_leads_out_of_the_folder() {
        let object = Location::parse("s3://b/k").unwrap();
        let path = |relative: &str| path_below(Path::new("/t"), &object, relative);
        assert_eq!(path("a/b c").unwrap(), Path::new("/t/a/b c"));
        assert_eq!(path("a/").unwrap(), Path::new("/t/a"));
        for relative in [
            "",
            "/",
            "/etc/x",
            "../x",
            "a/../../x",
            "a//b",
            ".",
            "a/.",
            "x\0y",
        ] {
            path(relative).unwrap_err();
        }
        path(&"x".repeat(256)).unwrap_err();
    }
}
