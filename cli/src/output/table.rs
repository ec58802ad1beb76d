//! Aligned columns for people.

use std::io::IsTerminal;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use fastdata::text::Grid;

use super::{Flow, Output, Sink};
use crate::failure::Failure;

/// Writer of a table: keeps the rows it shows and counts the others.
pub(super) struct Table {
    sink: Sink,
    grid: Grid,
    rows_shown: u64,
    rows: u64,
}

impl Table {
    pub(super) fn new(sink: Sink, schema: &SchemaRef, rows_shown: u64) -> Self {
        Self {
            sink,
            grid: Grid::of_schema(schema),
            rows_shown,
            rows: 0,
        }
    }
}

impl Output for Table {
    fn write(&mut self, batch: &RecordBatch) -> Result<Flow, Failure> {
        let left = usize::try_from(self.rows_shown.saturating_sub(self.rows)).unwrap_or(usize::MAX);
        self.rows += batch.num_rows() as u64;
        let shown = batch.slice(0, batch.num_rows().min(left));
        if shown.num_rows() > 0 {
            self.grid.add_rows(&shown)?;
        }
        Ok(Flow::More)
    }

    fn finish(mut self: Box<Self>) -> Result<(), Failure> {
        let (mut text, hidden) = self.grid.render(terminal_columns());
        text += &footer(
            self.rows,
            self.rows_shown,
            self.grid.width_columns(),
            hidden,
        );
        match self.sink.put(text.as_bytes())? {
            Flow::More => self.sink.commit(),
            Flow::Stop => Ok(()),
        }
    }
}

fn footer(rows: u64, rows_shown: u64, columns: usize, hidden: usize) -> String {
    let mut footer = match rows > rows_shown {
        true => format!("{} rows ({rows_shown} shown)", grouped(rows)),
        false => format!("{} row{}", grouped(rows), if rows == 1 { "" } else { "s" }),
    };
    footer += &format!(" · {columns} column{}", if columns == 1 { "" } else { "s" });
    if hidden > 0 {
        footer += &format!(" ({} shown; -c chooses)", columns - hidden);
    }
    footer + "\n"
}

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (idx, digit) in digits.chars().enumerate() {
        if idx > 0 && (digits.len() - idx).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How wide the terminal is; `None` when stdout is none, and nothing is left out.
pub(crate) fn terminal_columns() -> Option<usize> {
    let terminal = std::io::stdout().is_terminal();
    let size = terminal_size::terminal_size().filter(|_| terminal)?;
    Some(usize::from(size.0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_digits() {
        assert_eq!(
            [0, 999, 1000, 1234567].map(grouped),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(footer(1, 40, 2, 0), "1 row · 2 columns\n");
        assert_eq!(
            footer(1000, 40, 3, 1),
            "1,000 rows (40 shown) · 3 columns (2 shown; -c chooses)\n"
        );
    }
}
