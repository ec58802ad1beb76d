//! Aligned columns for people.

use arrow_array::{Array, RecordBatch};
use arrow_schema::Schema;
use unicode_width::UnicodeWidthStr;

use super::json::Encodings;
use super::printer::Printer;
use super::zone::in_utc;
use crate::Result;

/// Cells longer than this are cut.
const CELL_WIDTH_MAX: usize = 60;

/// Rows of cells under headers.
#[derive(Debug)]
pub struct Grid {
    headers: Vec<String>,
    right_aligned: Vec<bool>,
    rows: Vec<Vec<String>>,
}

impl Grid {
    /// A grid of columns: header, and whether its cells are numbers.
    pub fn new(columns: Vec<(String, bool)>) -> Self {
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

    /// A grid with the columns of `schema`; numbers stand at the right.
    pub fn of_schema(schema: &Schema) -> Self {
        let columns = schema.fields().iter();
        Self::new(
            columns
                .map(|field| (field.name().clone(), field.data_type().is_numeric()))
                .collect(),
        )
    }

    /// Columns.
    pub fn width_columns(&self) -> usize {
        self.headers.len()
    }

    /// Adds every row of `batch`.
    ///
    /// # Errors
    ///
    /// `Unsupported` for types and values that have no text.
    pub fn add_rows(&mut self, batch: &RecordBatch) -> Result<()> {
        for cells in cells(batch)? {
            self.add(cells);
        }
        Ok(())
    }

    /// Adds a row, one cell per column.
    pub fn add(&mut self, cells: Vec<String>) {
        self.rows
            .push(cells.iter().map(|cell| tame(cell)).collect());
    }

    /// The grid as lines no wider than `width_max`, and how many columns did not fit.
    pub fn render(&self, width_max: Option<usize>) -> (String, usize) {
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

/// The values of `batch` as text, row by row; null is `NULL`.
///
/// # Errors
///
/// `Unsupported` for types and values that have no text.
pub fn cells(batch: &RecordBatch) -> Result<Vec<Vec<String>>> {
    let batch = in_utc(batch)?;
    let schema = batch.schema();
    let encodings = Encodings::default();
    let columns = schema.fields().iter().zip(batch.columns());
    let mut printers = columns
        .map(|(field, column)| Printer::new(field, column, &encodings))
        .collect::<Result<Vec<_>>>()?;
    let mut rows = Vec::with_capacity(batch.num_rows());
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
        rows.push(cells);
    }
    drop(printers);
    encodings.check()?;
    Ok(rows)
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
}
