//! Lists of columns: `a,b.c,"odd, name"`.

use crate::failure::Failure;

/// Splits at commas outside double quotes. Quotes around a whole name are taken off, and a doubled
/// quote inside them is one.
pub(super) fn parse(text: &str) -> Result<Vec<String>, Failure> {
    let mut columns = Vec::new();
    let mut rest = text.trim();
    loop {
        let (column, after) = one(rest).ok_or_else(|| {
            Failure::usage(format!("--columns {text}: write names separated by commas"))
        })?;
        columns.push(column);
        match after.trim_start().strip_prefix(',') {
            Some(after) => rest = after.trim_start(),
            None => return Ok(columns),
        }
    }
}

/// The first name of `text` and what follows it, a comma or nothing.
fn one(text: &str) -> Option<(String, &str)> {
    let (column, after) = match text.strip_prefix('"') {
        Some(inside) => quoted(inside)?,
        None => {
            let (name, after) = text.split_at(text.find(',').unwrap_or(text.len()));
            (name.trim_end().to_owned(), after)
        }
    };
    let ended = after.trim_start().is_empty() || after.trim_start().starts_with(',');
    (ended && !column.is_empty()).then_some((column, after))
}

fn quoted(inside: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = inside;
    loop {
        let (before, after) = rest.split_once('"')?;
        name.push_str(before);
        match after.strip_prefix('"') {
            Some(after) => {
                name.push('"');
                rest = after;
            }
            None => return Some((name, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(parse(text).unwrap(), expected);
    }

    #[test]
    fn splits_names() {
        check("a", &["a"]);
        check("a, b.c ,d e", &["a", "b.c", "d e"]);
        check(r#""a,b","say ""hi""",c"#, &["a,b", r#"say "hi""#, "c"]);
        for wrong in ["", "a,,b", "a,", r#""a"#, r#""a"b"#] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
