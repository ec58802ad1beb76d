//! Text into HTML, and numbers as people read them.

use std::fmt::Write;

use chrono::DateTime;

/// Text as HTML shows it: nothing in it can become markup.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            '\n' | '\t' => out.push(char),
            // Terminal codes, and marks that turn the direction of what follows.
            control if control.is_control() => out.push('\u{fffd}'),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}

/// The first characters of a text.
pub(super) fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// `1.5 MB`.
pub(super) fn size(bytes: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = units[0];
    for larger in units.iter().skip(1) {
        if value < 1000.0 {
            break;
        }
        value /= 1000.0;
        unit = larger;
    }
    match unit {
        "B" => format!("{bytes} B"),
        unit => format!("{value:.1} {unit}"),
    }
}

/// `1 h 02 min`, `3 min 04 s`, `5.6 s`, `7 ms`.
pub(super) fn duration(ms: i64) -> String {
    match ms {
        ..1000 => format!("{ms} ms"),
        1000..60_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        60_000..3_600_000 => format!("{} min {:02} s", ms / 60_000, ms % 60_000 / 1000),
        _ => format!("{} h {:02} min", ms / 3_600_000, ms % 3_600_000 / 60_000),
    }
}

/// A moment in UTC.
pub(super) fn moment(ms: i64) -> String {
    match DateTime::from_timestamp_millis(ms) {
        Some(time) => time.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        None => "?".to_owned(),
    }
}

/// A table with a head; cells are HTML already.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut out = "<div class=\"wide\"><table><thead><tr>".to_owned();
    for cell in head {
        // Writing into a string cannot fail.
        let _ = write!(out, "<th>{cell}</th>");
    }
    out += "</tr></thead><tbody>";
    for row in rows {
        out += "<tr>";
        for cell in row {
            let _ = write!(out, "<td>{cell}</td>");
        }
        out += "</tr>";
    }
    out + "</tbody></table></div>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_becomes_markup() {
        assert_eq!(
            escaped("<a b=\"c\">'&\u{1b}[31m\u{202e}"),
            "&lt;a b=&quot;c&quot;&gt;&#39;&amp;\u{fffd}[31m\u{fffd}"
        );
    }

    #[test]
    fn numbers_for_people() {
        let sizes = [0, 999, 1000, 1_500_000].map(size);
        assert_eq!(sizes, ["0 B", "999 B", "1.0 kB", "1.5 MB"]);
        let durations = [7, 5600, 184_000, 3_720_000].map(duration);
        assert_eq!(durations, ["7 ms", "5.6 s", "3 min 04 s", "1 h 02 min"]);
        assert_eq!(moment(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(cut("\u{e4}\u{f6}\u{fc}", 2), "\u{e4}\u{f6}…");
    }
}
