//! Aligned columns for people.

use std::io::IsTerminal;

use arrow_array::{Array, RecordBatch};
use arrow_schema::SchemaRef;
use unicode_width::UnicodeWidthStr;

use super::json::Encodings;
use super::text::Printer;
use super::{Flow, Output, Sink, zone};
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
        let columns = schema.fields().iter();
        let grid = Grid::new(
            columns
                .map(|field| (field.name().clone(), field.data_type().is_numeric()))
                .collect(),
        );
        Self {
            sink,
            grid,
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
            add_rows(&mut self.grid, &shown)?;
        }
        Ok(Flow::More)
    }

    fn finish(mut self: Box<Self>) -> Result<(), Failure> {
        let (mut text, hidden) = self.grid.render(terminal_columns());
        text += &footer(self.rows, self.rows_shown, self.grid.headers.len(), hidden);
        match self.sink.put(text.as_bytes())? {
            Flow::More => self.sink.commit(),
            Flow::Stop => Ok(()),
        }
    }
}

fn add_rows(grid: &mut Grid, batch: &RecordBatch) -> Result<(), Failure> {
    let batch = zone::as_offsets(batch)?;
    let schema = batch.schema();
    let encodings = Encodings::default();
    let columns = schema.fields().iter().zip(batch.columns());
    let mut printers = columns
        .map(|(field, column)| Printer::new(field, column, &encodings))
        .collect::<Result<Vec<_>, _>>()?;
    for row in 0..batch.num_rows() {
        let mut cells = Vec::with_capacity(printers.len());
        for (idx, printer) in printers.iter_mut().enumerate() {
            let mut cell = String::new();
            match batch.column(idx).is_null(row) {
                true => cell.push_str("NULL"),
                false => printer.print(row, &schema.fields()[idx], &mut cell)?,
            }
            cells.push(cell);
        }
        grid.add(cells);
    }
    encodings.check()
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

/// Cells longer than this are cut.
const CELL_WIDTH_MAX: usize = 60;

/// Rows of cells under headers.
#[derive(Debug)]
pub(crate) struct Grid {
    headers: Vec<String>,
    right_aligned: Vec<bool>,
    rows: Vec<Vec<String>>,
}

impl Grid {
    /// A grid of columns: header, and whether its cells are numbers.
    pub(crate) fn new(columns: Vec<(String, bool)>) -> Self {
        let (headers, right_aligned) = columns
            .into_iter()
            .map(|(name, number)| (tame(&name), number))
            .unzip();
        Self {
            headers,
            right_aligned,
            rows: Vec::new(),
        }
    }

    /// Adds a row, one cell per column.
    pub(crate) fn add(&mut self, cells: Vec<String>) {
        self.rows
            .push(cells.iter().map(|cell| tame(cell)).collect());
    }

    /// The grid as lines no wider than `width_max`, and how many columns did not fit.
    pub(crate) fn render(&self, width_max: Option<usize>) -> (String, usize) {
        let widths: Vec<usize> = (0..self.headers.len())
            .map(|column| self.width(column))
            .collect();
        let mut total = 0;
        let fitting = widths.iter().take_while(|width| {
            total += *width + 3;
            width_max.is_none_or(|max| total <= max + 1)
        });
        // One column is shown however narrow the terminal.
        let shown = fitting.count().max(1).min(widths.len());
        let mut text = String::new();
        self.line(&mut text, &self.headers, &widths[..shown]);
        let rule = widths[..shown]
            .iter()
            .map(|width| "─".repeat(width + 2))
            .collect::<Vec<_>>();
        text += &rule.join("┼");
        text.push('\n');
        for row in &self.rows {
            self.line(&mut text, row, &widths[..shown]);
        }
        (text, widths.len() - shown)
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().map(|row| row[column].width());
        cells
            .chain([self.headers[column].width()])
            .max()
            .unwrap_or(0)
    }

    fn line(&self, text: &mut String, cells: &[String], widths: &[usize]) {
        for (idx, (cell, width)) in cells.iter().zip(widths).enumerate() {
            let padding = " ".repeat(width - cell.width().min(*width));
            text.push_str(if idx > 0 { "│ " } else { " " });
            match self.right_aligned[idx] {
                true => text.extend([padding.as_str(), cell]),
                false => text.extend([cell, padding.as_str()]),
            }
            text.push(' ');
        }
        let end = text.trim_end_matches(' ').len();
        text.truncate(end);
        text.push('\n');
    }
}

/// A cell on one line: control characters are shown and not obeyed, and long text is cut.
fn tame(cell: &str) -> String {
    let mut tamed = String::with_capacity(cell.len().min(CELL_WIDTH_MAX * 4));
    for (idx, char) in cell.chars().enumerate() {
        if idx >= CELL_WIDTH_MAX {
            tamed.push('…');
            break;
        }
        match char.is_control() {
            true => tamed.extend(char.escape_default()),
            false => tamed.push(char),
        }
    }
    tamed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        let mut grid = Grid::new(vec![("id".into(), true), ("name".into(), false)]);
        grid.add(vec!["1".into(), "Zoë".into()]);
        grid.add(vec!["234".into(), "a\u{1b}[2J\nb".into()]);
        grid
    }

    #[test]
    fn aligns_and_tames() {
        let (text, hidden) = grid().render(None);
        assert_eq!(hidden, 0);
        let expected = "  id │ name\n─────┼───────────────\n   1 │ Zoë\n 234 │ a\\u{1b}[2J\\nb\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn leaves_out_what_does_not_fit() {
        let (text, hidden) = grid().render(Some(8));
        assert_eq!(
            (text.lines().next(), hidden),
            Some("  id").map(|line| (Some(line), 1)).unwrap()
        );
    }

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
