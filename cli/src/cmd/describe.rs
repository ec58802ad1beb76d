//! `fastdata describe`: snapshots, partitions, sizes and delete files of a source.

use std::fmt::Write;

use fastdata::{CancelToken, Description, SnapshotDescription};

use super::{print, to_json};
use crate::config::DescribeConfig;
use crate::failure::Failure;
use crate::output::{Grid, grouped, terminal_columns};
use crate::statistics::size;

pub(crate) fn run(config: DescribeConfig, cancel: &CancelToken) -> Result<(), Failure> {
    let description = fastdata::describe(&config.request, cancel)?;
    match config.json {
        true => print(&to_json(&description)?),
        false => print(&as_text(&description)),
    }
}

fn as_text(description: &Description) -> String {
    let mut text = summary(description);
    let columns = description.columns.iter();
    let rows = columns.map(|(name, r#type)| vec![name.clone(), r#type.clone()]);
    section(&mut text, &["column", "type"], rows.collect());
    let rows = description
        .snapshots
        .iter()
        .map(|snapshot| snapshot_row(snapshot, description));
    section(
        &mut text,
        &["snapshot", "parent", "committed", "operation", ""],
        rows.collect(),
    );
    let references = description.references.iter();
    let rows = references.map(|reference| {
        vec![
            reference.name.clone(),
            reference.kind.clone(),
            reference.snapshot_id.to_string(),
        ]
    });
    section(
        &mut text,
        &["reference", "kind", "snapshot"],
        rows.collect(),
    );
    text
}

fn summary(description: &Description) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<13} {value}");
    };
    line(description.kind, &description.location);
    if let Some(file) = &description.metadata_file {
        line("metadata", file);
    }
    if let Some(version) = description.format_version {
        line("format", &format!("version {version}"));
    }
    if let Some(uuid) = &description.table_uuid {
        line("uuid", uuid);
    }
    if !description.partition_spec.is_empty() {
        line(
            "partitioned",
            &format!("by {}", description.partition_spec.join(", ")),
        );
    }
    for spec in &description.older_partition_specs {
        line("", &format!("before: {spec}"));
    }
    line(
        "data",
        &format!(
            "{} rows in {} files, {}",
            grouped(description.data_rows),
            grouped(description.data_files),
            size(description.data_bytes as f64),
        ),
    );
    let deletes = [
        (description.position_delete_files, "position-delete files"),
        (description.equality_delete_files, "equality-delete files"),
        (description.deletion_vectors, "deletion vectors"),
    ];
    let deletes: Vec<_> = deletes
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", grouped(*count)))
        .collect();
    if !deletes.is_empty() {
        line("deletes", &deletes.join(", "));
    }
    text
}

fn snapshot_row(snapshot: &SnapshotDescription, description: &Description) -> Vec<String> {
    let read = description.snapshot_id == Some(snapshot.snapshot_id);
    vec![
        snapshot.snapshot_id.to_string(),
        snapshot
            .parent_id
            .map_or_else(String::new, |id| id.to_string()),
        instant(snapshot.timestamp_ms),
        snapshot.operation.clone().unwrap_or_default(),
        if read { "read by scan" } else { "" }.to_owned(),
    ]
}

fn section(text: &mut String, headers: &[&str], rows: Vec<Vec<String>>) {
    if rows.is_empty() {
        return;
    }
    let mut grid = Grid::new(
        headers
            .iter()
            .map(|name| ((*name).to_owned(), false))
            .collect(),
    );
    for row in rows {
        grid.add(row);
    }
    text.push('\n');
    text.push_str(&grid.render(terminal_columns()).0);
}

/// Milliseconds since the epoch as RFC 3339, or the number itself when no calendar holds it.
fn instant(ms: i64) -> String {
    let time = arrow_array::temporal_conversions::timestamp_ms_to_datetime(ms);
    time.map_or_else(
        || ms.to_string(),
        |time| format!("{}Z", time.format("%Y-%m-%dT%H:%M:%S%.3f")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_instants() {
        assert_eq!(instant(1_768_465_800_250), "2026-01-15T08:30:00.250Z");
        assert_eq!(instant(i64::MAX), i64::MAX.to_string());
    }

    #[test]
    fn leaves_out_what_there_is_not() {
        let text = as_text(&Description {
            kind: "parquet files",
            ..Description::default()
        });
        assert_eq!(text.lines().count(), 2, "{text}");
        let table = Description {
            snapshots: vec![SnapshotDescription {
                snapshot_id: 7,
                ..SnapshotDescription::default()
            }],
            snapshot_id: Some(7),
            position_delete_files: 1,
            ..Description::default()
        };
        let text = as_text(&table);
        assert!(text.contains("1 position-delete files"), "{text}");
        assert!(text.contains("read by scan"), "{text}");
    }
}
