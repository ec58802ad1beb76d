//! What a scan would read, and why it skips the rest.

use std::fmt;

use serde::Serialize;

/// The plan of a scan, made from metadata and footers alone: no data page is read.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Explain {
    /// Version of this record's layout.
    pub schema: &'static str,
    /// What is scanned: a table location with its snapshot, or files.
    pub source: String,
    /// Columns returned.
    pub columns: Vec<String>,
    /// The condition after binding, as SQL; `None` when there is none.
    pub filter: Option<String>,
    /// Manifests, files and row groups that are skipped or read, in reading order.
    pub nodes: Vec<ExplainNode>,
    /// Files read and skipped.
    pub files: Tally,
    /// Row groups of the files read: read and skipped.
    pub row_groups: Tally,
    /// Pages of the row groups read, as far as page indexes tell: read and skipped.
    pub pages: Tally,
    /// Bytes of column chunks that the scan would fetch.
    pub bytes_to_fetch: u64,
    /// Requests for them after nearby ranges are merged.
    pub requests: u64,
    /// Rows in what is read, before filter and deletes.
    pub rows: u64,
}

/// How many are read and how many skipped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub struct Tally {
    pub read: u64,
    pub skipped: u64,
}

/// One line of the tree.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ExplainNode {
    /// `manifest`, `file`, `row group`, `delete file`.
    pub kind: &'static str,
    /// Path, or number within the parent.
    pub name: String,
    /// Why it is skipped; `None` when it is read.
    pub skipped: Option<String>,
    /// Rows, bytes, residual and the like, as text for people.
    pub details: Vec<String>,
    /// What is inside.
    pub children: Vec<ExplainNode>,
}

impl fmt::Display for Explain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "scan {}", self.source)?;
        writeln!(f, "├─ columns: {}", self.columns.join(", "))?;
        if let Some(filter) = &self.filter {
            writeln!(f, "├─ filter: {filter}")?;
        }
        for node in &self.nodes {
            write_node(f, node, "│  ", "├─ ")?;
        }
        writeln!(
            f,
            "└─ to read: {} of {} files, {} of {} row groups, {} of {} pages known, {} rows, {} in {} requests",
            self.files.read,
            self.files.read + self.files.skipped,
            self.row_groups.read,
            self.row_groups.read + self.row_groups.skipped,
            self.pages.read,
            self.pages.read + self.pages.skipped,
            self.rows,
            Bytes(self.bytes_to_fetch),
            self.requests,
        )
    }
}

fn write_node(
    f: &mut fmt::Formatter<'_>,
    node: &ExplainNode,
    indent: &str,
    branch: &str,
) -> fmt::Result {
    write!(f, "{branch}{} {}", node.kind, node.name)?;
    if !node.details.is_empty() {
        write!(f, "  [{}]", node.details.join(", "))?;
    }
    match &node.skipped {
        Some(reason) => writeln!(f, "  skipped: {reason}")?,
        None => writeln!(f)?,
    }
    for (idx, child) in node.children.iter().enumerate() {
        let last = idx + 1 == node.children.len();
        let branch = format!("{indent}{}", if last { "└─ " } else { "├─ " });
        let indent = format!("{indent}{}", if last { "   " } else { "│  " });
        write_node(f, child, &indent, &branch)?;
    }
    Ok(())
}

/// A number of bytes in binary units, for people.
pub(crate) struct Bytes(pub(crate) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut value = self.0 as f64;
        for unit in ["B", "KiB", "MiB", "GiB"] {
            if value < 1024.0 {
                return match unit {
                    "B" => write!(f, "{} B", self.0),
                    _ => write!(f, "{value:.1} {unit}"),
                };
            }
            value /= 1024.0;
        }
        write!(f, "{value:.1} TiB")
    }
}
