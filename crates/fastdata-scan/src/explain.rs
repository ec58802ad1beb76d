//! What a scan would read, and why it skips the rest.

use std::fmt;
use std::sync::Arc;

use fastdata_iceberg::{DeleteFile, DeleteKind};
use fastdata_kernels::predicate::Bound;
use futures::stream::{StreamExt, TryStreamExt};
use serde::Serialize;

use crate::Result;
use crate::context::Context;
use crate::plan::{PlanItem, plan};
use crate::read::{OpenFile, open_file};
use crate::source::Source;

/// Lines of files and manifests that the text form shows; a table may have thousands.
const NODES_SHOWN_MAX: usize = 60;
/// Footers read at once while explaining.
const FILES_AHEAD: usize = 16;

/// The plan of a scan, made from metadata, footers and delete files: no data page of a data file
/// is read.
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
        write_nodes(f, &self.nodes)?;
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

/// Runs of things skipped for one reason become two lines, long plans are cut off.
fn write_nodes(f: &mut fmt::Formatter<'_>, nodes: &[ExplainNode]) -> fmt::Result {
    let mut shown = 0;
    let mut rest = nodes;
    while let Some(node) = rest.first() {
        let alike = |other: &&ExplainNode| {
            other.kind == node.kind && other.skipped.is_some() && other.skipped == node.skipped
        };
        let run = rest.iter().take_while(alike).count().max(1);
        if shown >= NODES_SHOWN_MAX {
            return writeln!(f, "├─ … and {} more (all of them as JSON)", rest.len());
        }
        write_node(f, node, "│  ", "├─ ")?;
        if run > 1 {
            let reason = node.skipped.as_deref().unwrap_or_default();
            writeln!(f, "├─ … {} more skipped: {reason}", run - 1)?;
        }
        shown += 1;
        rest = rest.get(run..).unwrap_or_default();
    }
    Ok(())
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

/// Explains the scan of `source`: the same plan and the same pruning as a run.
pub(crate) async fn explain(context: Arc<Context>, source: Arc<Source>) -> Result<Explain> {
    let mut explain = Explain {
        schema: "fastdata.explain/1",
        source: source_text(&context, &source),
        columns: context
            .columns
            .output
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect(),
        filter: match &context.columns.filter {
            Bound::Constant(true) => None,
            filter => Some(filter.to_string()),
        },
        ..Explain::default()
    };
    let opening = context.clone();
    let mut steps = plan(context.clone(), source)?
        .map(move |item| {
            let context = opening.clone();
            async move {
                Ok::<_, crate::Error>(match item? {
                    PlanItem::File(file) => Step::Open(Box::new(open_file(context, *file).await?)),
                    other => Step::Other(Box::new(other)),
                })
            }
        })
        .buffered(FILES_AHEAD);
    while let Some(step) = steps.try_next().await? {
        match step {
            Step::Open(file) => explain.add_file(&context, &file)?,
            Step::Other(item) => explain.add_item(*item),
        }
    }
    Ok(explain)
}

enum Step {
    Open(Box<OpenFile>),
    Other(Box<PlanItem>),
}

fn source_text(context: &Context, source: &Source) -> String {
    match source {
        Source::Files(files) => match files.as_slice() {
            [only] => only.location.to_string(),
            files => format!("{} Parquet files", files.len()),
        },
        Source::Table(table) => {
            let snapshot = context
                .table
                .as_ref()
                .and_then(|table| table.view.snapshot.clone());
            match snapshot {
                Some(snapshot) => format!("{} at snapshot {}", table.root, snapshot.id),
                None => format!("{}, which has no snapshot", table.root),
            }
        }
    }
}

impl Explain {
    fn add_item(&mut self, item: PlanItem) {
        let node = match item {
            PlanItem::File(_) => return,
            PlanItem::SkippedManifest(path, reason) => ExplainNode {
                kind: "manifest",
                name: path,
                skipped: Some(reason.into()),
                ..Default::default()
            },
            PlanItem::SkippedFile(path, reason) => {
                self.files.skipped += 1;
                ExplainNode {
                    kind: "file",
                    name: path,
                    skipped: Some(reason.into()),
                    ..Default::default()
                }
            }
            PlanItem::Manifest(path) => ExplainNode {
                kind: "manifest",
                name: path,
                ..Default::default()
            },
            PlanItem::Delete(delete) => delete_node(&delete),
        };
        self.nodes.push(node);
    }

    fn add_file(&mut self, context: &Context, file: &OpenFile) -> Result<()> {
        let mut node = ExplainNode {
            kind: "file",
            name: file.file.location.to_string(),
            details: file_details(context, file),
            ..Default::default()
        };
        let row_groups = &file.pruned;
        self.row_groups.read += file.row_groups.len() as u64;
        self.row_groups.skipped += row_groups.row_groups_pruned as u64;
        self.pages.skipped += row_groups.pages_pruned as u64;
        self.pages.read += (row_groups.pages_total - row_groups.pages_pruned) as u64;
        for pruned in row_groups.report.iter().filter(|pruned| pruned.whole) {
            node.children.push(ExplainNode {
                kind: "row group",
                name: pruned.row_group.to_string(),
                skipped: Some(pruned.reason.clone()),
                ..Default::default()
            });
        }
        for plan in &file.row_groups {
            let bytes = file.bytes_wanted(plan, context.columns.returned)?;
            self.bytes_to_fetch += bytes;
            self.requests += file.requests(plan, context.columns.returned)?;
            let rows = plan
                .rows
                .as_ref()
                .map_or(plan.num_rows, |rows| rows.row_count() as u64);
            self.rows += rows;
            let mut details = vec![format!("{rows} rows"), Bytes(bytes).to_string()];
            details.extend(
                row_groups
                    .report
                    .iter()
                    .filter(|pruned| !pruned.whole && pruned.row_group == plan.row_group)
                    .map(|pruned| pruned.reason.clone()),
            );
            node.children.push(ExplainNode {
                kind: "row group",
                name: plan.row_group.to_string(),
                details,
                ..Default::default()
            });
        }
        match file.row_groups.is_empty() && !file.meta.row_groups().is_empty() {
            true => self.files.skipped += 1,
            false => self.files.read += 1,
        }
        self.nodes.push(node);
        Ok(())
    }
}

fn file_details(context: &Context, file: &OpenFile) -> Vec<String> {
    let mut details = Vec::new();
    if !file.file.partition.is_empty() {
        details.push(file.file.partition.clone());
    }
    if context.columns.filter != Bound::Constant(true) {
        details.push(match &file.filter {
            Bound::Constant(true) => "filter settled".into(),
            Bound::Constant(false) => "no row can match".into(),
            residual => format!("residual: {residual}"),
        });
    }
    if let Some(split) = &file.file.split {
        let counts = [
            (split.position_deletes.len(), "position delete file"),
            (split.equality_deletes.len(), "equality delete file"),
            (
                usize::from(split.deletion_vector.is_some()),
                "deletion vector",
            ),
        ];
        let named = counts.into_iter().filter(|(count, _)| *count > 0);
        details.extend(named.map(|(count, name)| match count {
            1 => format!("1 {name}"),
            count => format!("{count} {name}s"),
        }));
    }
    details
}

fn delete_node(delete: &DeleteFile) -> ExplainNode {
    let kind = match delete.kind {
        DeleteKind::Position => "positions",
        DeleteKind::Equality => "equality",
        DeleteKind::DeletionVector => "deletion vector",
    };
    ExplainNode {
        kind: "delete file",
        name: delete.path.clone(),
        details: vec![kind.into(), format!("{} rows", delete.record_count)],
        ..Default::default()
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_skipped_files_is_two_lines() {
        let file = |name: &str, skipped: Option<&str>| ExplainNode {
            kind: "file",
            name: name.into(),
            skipped: skipped.map(str::to_owned),
            ..ExplainNode::default()
        };
        let (x, y) = (Some("x"), Some("y"));
        let nodes = vec![
            file("a", x),
            file("b", x),
            file("c", x),
            file("d", y),
            file("e", None),
            file("f", None),
        ];
        let shown = Explain {
            nodes,
            ..Explain::default()
        }
        .to_string();
        let lines: Vec<&str> = shown
            .lines()
            .filter(|line| line.starts_with("├─ "))
            .skip(1)
            .collect();
        assert_eq!(
            lines,
            [
                "├─ file a  skipped: x",
                "├─ … 2 more skipped: x",
                "├─ file d  skipped: y",
                "├─ file e",
                "├─ file f",
            ]
        );
    }
}
