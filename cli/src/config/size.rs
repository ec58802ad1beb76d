//! Sizes in bytes as people write them.

/// `500`, `10MB`, `1.5GiB`, `2g`: letters alone and `i` mean binary units, `B` after a letter alone
/// decimal ones.
pub(super) fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    let split = text
        .find(|char: char| !char.is_ascii_digit() && char != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit = unit.trim().to_ascii_lowercase();
    let exponent = |letter: Option<char>| "kmgtp".find(letter?).map(|idx| idx as i32 + 1);
    let factor = match unit.as_str() {
        "" | "b" => 1.0,
        unit => {
            let exponent = exponent(unit.chars().next())?;
            match &unit[1..] {
                "" | "i" | "ib" => 1024_f64.powi(exponent),
                "b" => 1000_f64.powi(exponent),
                _ => return None,
            }
        }
    };
    let bytes = number.parse::<f64>().ok()? * factor;
    // Past 2^53 the product is no longer exact; no machine has that much.
    (bytes >= 1.0 && bytes < 2_f64.powi(53)).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sizes() {
        for (text, expected) in [
            ("500", 500),
            ("10MB", 10_000_000),
            ("10mib", 10 << 20),
            ("2g", 2 << 30),
            ("1.5 GiB", 3 << 29),
            ("64 KiB", 64 << 10),
        ] {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
        for wrong in ["", "GiB", "-1", "1x", "1kbb", "0", "1e3", "99999999P"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
