//! A scan cut into balanced groups, one for each of several processes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use fastdata_scan::{CancelToken, FilePart, PlannedFile, Scan, ScanRequest};
use serde::{Deserialize, Serialize};

use crate::portable::PortableRequest;
use crate::{DataFrame, Error, Result};

/// What groups have about the same amount of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupBy {
    /// Rows, as the table or the footers tell; filter and deletes not counted.
    Rows,
    /// Bytes of the files.
    Bytes,
}

/// Some of the files and row groups of a scan: small, and the same rows wherever and whenever it is
/// read. It carries no secrets; whoever reads it needs their own access.
#[derive(Debug, Clone)]
pub struct Group {
    request: ScanRequest,
    cancel: CancelToken,
    rows: u64,
    size_bytes: u64,
}

impl Group {
    /// Rows before filter and deletes.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Compressed bytes of the files and row groups.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// What the group reads.
    pub fn parts(&self) -> &[FilePart] {
        self.request.parts.as_deref().unwrap_or_default()
    }

    /// What is asked of the scan.
    pub fn request(&self) -> &ScanRequest {
        &self.request
    }

    /// The same group, ended by `cancel`.
    #[must_use]
    pub fn with_cancel(mut self, cancel: CancelToken) -> Self {
        self.cancel = cancel;
        self
    }

    /// A scan of the group's rows.
    ///
    /// # Errors
    ///
    /// As [`Scan::open`]; `NotFound` when a file of the group is gone.
    pub fn scan(&self) -> Result<Scan> {
        Scan::open(self.request.clone(), self.cancel.clone())
    }

    /// The group's rows.
    ///
    /// # Errors
    ///
    /// As [`Group::scan`] and [`Scan::collect`].
    pub fn read(&self) -> Result<DataFrame> {
        DataFrame::collect(&self.scan()?)
    }

    /// The group as JSON: without credentials.
    pub fn to_json(&self) -> Result<String> {
        let record = Record {
            schema: RECORD_SCHEMA.to_owned(),
            rows: self.rows,
            size_bytes: self.size_bytes,
            request: PortableRequest::of(&self.request),
        };
        serde_json::to_string(&record)
            .map_err(|cause| Error::invalid("a group that JSON cannot hold").with_source(cause))
    }

    /// The group that `json` holds. Credentials and what else is private come from this process's
    /// environment.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` when it is none of ours.
    pub fn from_json(json: &str) -> Result<Self> {
        let record: Record = serde_json::from_str(json)
            .map_err(|cause| Error::invalid("no group of a table").with_source(cause))?;
        if record.schema != RECORD_SCHEMA {
            return Err(Error::unsupported(format!(
                "a group of layout {}; this version reads {RECORD_SCHEMA}",
                record.schema
            )));
        }
        Ok(Self {
            request: record.request.into_request(),
            cancel: CancelToken::default(),
            rows: record.rows,
            size_bytes: record.size_bytes,
        })
    }
}

const RECORD_SCHEMA: &str = "fastdata.group/1";

/// What travels of a group.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    schema: String,
    rows: u64,
    size_bytes: u64,
    request: PortableRequest,
}

/// Cuts `scan`, which `request` asked for, into `count` groups. Some are empty when there is less
/// to share out.
pub(crate) fn groups(
    scan: &Scan,
    request: &ScanRequest,
    count: usize,
    by: GroupBy,
) -> Result<Vec<Group>> {
    if count == 0 {
        return Err(Error::invalid("0 groups"));
    }
    if request.limit_rows.is_some() {
        return Err(Error::invalid(
            "a scan with a limit of rows cannot be cut into groups",
        ));
    }
    let mut files = scan.files(u64::MAX)?;
    let total_bytes: u64 = files.iter().map(|file| file.size_bytes).sum();
    // A file that is more than its share is cut between row groups, which its footer names.
    let share_bytes = total_bytes / count as u64;
    let large = |file: &PlannedFile| file.row_groups.is_empty() && file.size_bytes > share_bytes;
    if files.iter().any(large) {
        files = scan.files(share_bytes)?;
    }
    let mut pinned = request.clone();
    if let Some(metadata_file) = scan.metadata_file() {
        // The tasks read the table as it is now, whatever is committed meanwhile.
        pinned.sources = vec![metadata_file];
    }
    let groups = balance(&pieces(&files, count, by), count, by);
    Ok(groups
        .into_iter()
        .map(|pieces| Group {
            rows: pieces.iter().map(|piece| piece.rows).sum(),
            size_bytes: pieces.iter().map(|piece| piece.size_bytes).sum(),
            request: ScanRequest {
                parts: Some(parts(&files, &pieces)),
                ..pinned.clone()
            },
            cancel: CancelToken::default(),
        })
        .collect())
}

/// A file or one of its row groups.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    file: usize,
    row_group: Option<usize>,
    rows: u64,
    size_bytes: u64,
}

impl Piece {
    fn weight(&self, by: GroupBy) -> u64 {
        match by {
            GroupBy::Rows => self.rows,
            GroupBy::Bytes => self.size_bytes,
        }
    }
}

fn pieces(files: &[PlannedFile], count: usize, by: GroupBy) -> Vec<Piece> {
    let whole = |(index, file): (usize, &PlannedFile)| Piece {
        file: index,
        row_group: None,
        rows: file.rows,
        size_bytes: file.size_bytes,
    };
    let all: Vec<Piece> = files.iter().enumerate().map(whole).collect();
    let total: u64 = all.iter().map(|piece| piece.weight(by)).sum();
    // Half a share: whole files that are smaller are even enough.
    let cut_above = total / (2 * count as u64);
    let mut pieces = Vec::new();
    for piece in all {
        let row_groups = &files[piece.file].row_groups;
        if row_groups.len() < 2 || piece.weight(by) <= cut_above {
            pieces.push(piece);
            continue;
        }
        pieces.extend(row_groups.iter().enumerate().map(|(index, size)| Piece {
            file: piece.file,
            row_group: Some(index),
            rows: size.rows,
            size_bytes: size.size_bytes,
        }));
    }
    pieces
}

/// The heaviest piece first, each to the lightest group; the order of the plan within a group.
fn balance(pieces: &[Piece], count: usize, by: GroupBy) -> Vec<Vec<Piece>> {
    let mut order: Vec<usize> = (0..pieces.len()).collect();
    order.sort_by_key(|index| (Reverse(pieces[*index].weight(by)), *index));
    let mut lightest: BinaryHeap<Reverse<(u64, usize)>> =
        (0..count).map(|group| Reverse((0, group))).collect();
    let mut groups = vec![Vec::new(); count];
    for index in order {
        let Some(Reverse((weight, group))) = lightest.pop() else {
            break;
        };
        groups[group].push(index);
        lightest.push(Reverse((weight + pieces[index].weight(by), group)));
    }
    groups
        .into_iter()
        .map(|mut indices: Vec<usize>| {
            indices.sort_unstable();
            indices
                .into_iter()
                .map(|index| pieces[index].clone())
                .collect()
        })
        .collect()
}

/// Row groups that follow each other become one range.
fn parts(files: &[PlannedFile], pieces: &[Piece]) -> Vec<FilePart> {
    let mut parts: Vec<FilePart> = Vec::new();
    for piece in pieces {
        let path = &files[piece.file].path;
        let range = piece.row_group.map(|index| index..index + 1);
        if let (Some(last), Some(range)) = (parts.last_mut(), &range)
            && last.path == *path
            && let Some(before) = &mut last.row_groups
            && before.end == range.start
        {
            before.end = range.end;
            continue;
        }
        parts.push(FilePart {
            path: path.clone(),
            row_groups: range,
        });
    }
    parts
}

#[cfg(test)]
mod tests {
    use fastdata_scan::RowGroupSize;
    use fastdata_store::StoreConfig;

    use super::*;

    fn file(name: &str, row_groups: &[u64]) -> PlannedFile {
        PlannedFile {
            path: name.to_owned(),
            partition: String::new(),
            size_bytes: row_groups.iter().sum(),
            rows: row_groups.iter().sum(),
            delete_files: 0,
            row_groups: row_groups
                .iter()
                .map(|rows| RowGroupSize {
                    rows: *rows,
                    size_bytes: *rows,
                })
                .collect(),
        }
    }

    #[test]
    fn groups_are_even_and_hold_everything_once() {
        let files = [file("a", &[50; 20]), file("b", &[10]), file("c", &[30, 30])];
        let pieces = pieces(&files, 4, GroupBy::Rows);
        let groups = balance(&pieces, 4, GroupBy::Rows);
        let weights: Vec<u64> = groups
            .iter()
            .map(|group| group.iter().map(|piece| piece.rows).sum())
            .collect();
        assert_eq!(weights.iter().sum::<u64>(), 1070);
        assert!(
            weights.iter().all(|weight| (240..=300).contains(weight)),
            "{weights:?}"
        );
        let mut seen: Vec<(usize, Option<usize>)> = groups
            .iter()
            .flatten()
            .map(|piece| (piece.file, piece.row_group))
            .collect();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), pieces.len());
    }

    #[test]
    fn neighbours_are_one_range() {
        let files = [file("a", &[1, 1, 1, 1])];
        let piece = |row_group| Piece {
            file: 0,
            row_group: Some(row_group),
            rows: 1,
            size_bytes: 1,
        };
        let parts = parts(&files, &[piece(0), piece(1), piece(3)]);
        let ranges: Vec<_> = parts.into_iter().map(|part| part.row_groups).collect();
        assert_eq!(ranges, [Some(0..2), Some(3..4)]);
    }

    #[test]
    fn secrets_stay_behind() {
        let group = Group {
            request: ScanRequest {
                sources: vec!["s3://bucket/table".to_owned()],
                parts: Some(Vec::new()),
                store: StoreConfig {
                    access_key_id: Some("canary-id".to_owned()),
                    secret_access_key: Some("canary".into()),
                    session_token: Some("canary-token".into()),
                    endpoint_url: Some("http://127.0.0.1:1".to_owned()),
                    ..StoreConfig::default()
                },
                ..ScanRequest::default()
            },
            cancel: CancelToken::default(),
            rows: 3,
            size_bytes: 4,
        };
        let json = group.to_json().unwrap();
        assert!(!json.contains("canary"), "{json}");
        let again = Group::from_json(&json).unwrap();
        assert_eq!(again.to_json().unwrap(), json);
        assert!(Group::from_json("{}").is_err());
    }
}
