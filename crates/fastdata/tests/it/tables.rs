//! Every query in `testdata/expected` gives the rows that the table's writer gave.

use std::path::{Path, PathBuf};

use fastdata::{CancelToken, ErrorKind, Scan, ScanRequest, SnapshotSelector};
use serde_json::Value;

use crate::canonical;

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata")
}

/// How a scan is cut into tasks must not show in its rows.
struct Cut {
    threads: usize,
    batch_rows: usize,
    max_memory_bytes: u64,
    /// Whether the rows come as one batch of contiguous columns.
    contiguous: bool,
}

const ORDINARY: Cut = Cut {
    threads: 0,
    batch_rows: 128 * 1024,
    max_memory_bytes: 1 << 30,
    contiguous: true,
};
const SMALL: Cut = Cut {
    threads: 1,
    batch_rows: 7,
    max_memory_bytes: 32 << 20,
    contiguous: false,
};

fn request(table: &str, query: &Value, cut: &Cut) -> ScanRequest {
    let below = query["below"].as_str().unwrap_or_default();
    let folder = testdata().join("tables").join(table).join(below);
    let columns = query["columns"]
        .as_array()
        .map(|names| names.iter().map(|name| text(name).to_owned()).collect());
    let snapshot = if let Some(id) = query["snapshot_id"].as_i64() {
        SnapshotSelector::Id(id)
    } else if let Some(name) = query["ref"].as_str() {
        SnapshotSelector::Ref(name.into())
    } else if let Some(time) = query["as_of"].as_str() {
        let format = "%Y-%m-%dT%H:%M:%S%.f";
        let time = chrono::NaiveDateTime::parse_from_str(time, format).unwrap();
        SnapshotSelector::AsOfMs(time.and_utc().timestamp_millis())
    } else {
        SnapshotSelector::Current
    };
    ScanRequest {
        sources: vec![folder.to_str().unwrap().into()],
        columns,
        filter: query["where"].as_str().map(Into::into),
        snapshot,
        threads: cut.threads,
        batch_rows: cut.batch_rows,
        max_memory_bytes: cut.max_memory_bytes,
        ..ScanRequest::default()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// The rows as sorted JSON texts, or why there are none.
fn answer(table: &str, query: &Value, cut: &Cut) -> Result<Vec<String>, fastdata::Error> {
    let scan = Scan::open(request(table, query, cut), CancelToken::default())?;
    let mut rows = Vec::new();
    if cut.contiguous {
        let collected = scan.collect_contiguous()?;
        assert_eq!(collected.batches.len(), 1, "all rows are in one batch");
        rows.extend(canonical::rows(&collected.batches[0]));
        rows.sort_unstable();
        return Ok(rows);
    }
    for batch in scan.batches()? {
        rows.extend(canonical::rows(&batch?));
    }
    rows.sort_unstable();
    Ok(rows)
}

/// What is wrong with the answer, if anything.
fn fault(table: &str, query: &Value, cut: &Cut) -> Option<String> {
    let answer = answer(table, query, cut);
    let expected_kind = match query["exit"].as_i64().or(query["may_refuse"].as_i64()) {
        Some(6) => Some(ErrorKind::Corrupt),
        Some(9) => Some(ErrorKind::Unsupported),
        _ => None,
    };
    let rows = match answer {
        Ok(rows) => rows,
        Err(error) if Some(error.kind()) == expected_kind => return None,
        Err(error) => return Some(format!("{:?}: {error}", error.kind())),
    };
    let Some(wanted) = query["rows"].as_array() else {
        return Some(format!("{} rows where an error is due", rows.len()));
    };
    let mut wanted: Vec<String> = wanted.iter().map(Value::to_string).collect();
    wanted.sort_unstable();
    if rows == wanted {
        return None;
    }
    let extra = rows.iter().find(|row| !wanted.contains(row));
    let missing = wanted.iter().find(|row| !rows.contains(row));
    Some(format!(
        "{} rows for {}; not expected: {extra:?}; missing: {missing:?}",
        rows.len(),
        wanted.len()
    ))
}

fn check(chosen: impl Fn(&str) -> bool) {
    let mut faults = Vec::new();
    let mut asked = 0;
    for entry in std::fs::read_dir(testdata().join("expected")).unwrap() {
        let document = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let document: Value = serde_json::from_str(&document).unwrap();
        let table = text(&document["table"]);
        if !chosen(table) {
            continue;
        }
        for query in document["queries"].as_array().unwrap() {
            for cut in [&ORDINARY, &SMALL] {
                asked += 1;
                if let Some(fault) = fault(table, query, cut) {
                    faults.push(format!("{table}, {}: {fault}", query["name"]));
                }
            }
        }
    }
    assert!(asked > 0, "no table was chosen");
    faults.sort_unstable();
    faults.dedup();
    assert!(
        faults.is_empty(),
        "{} faults of {asked}:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

#[test]
fn deletes() {
    let prefixes = [
        "mor_",
        "cow_",
        "dv_",
        "eq_",
        "compacted",
        "v3_",
        "deleted_",
        "emptied",
    ];
    check(|table| prefixes.iter().any(|prefix| table.starts_with(prefix)));
}

#[test]
fn partitions() {
    check(|table| table.starts_with("partition_"));
}

#[test]
fn evolution() {
    let prefixes = [
        "evolution_",
        "migrated_",
        "initial_",
        "v1_",
        "case_",
        "required_",
    ];
    check(|table| prefixes.iter().any(|prefix| table.starts_with(prefix)));
}

#[test]
fn random_tables() {
    check(|table| table.starts_with("random_"));
}

#[test]
fn everything_else() {
    let elsewhere = [
        "mor_",
        "cow_",
        "dv_",
        "eq_",
        "compacted",
        "v3_",
        "deleted_",
        "emptied",
        "partition_",
        "evolution_",
        "migrated_",
        "initial_",
        "v1_",
        "case_",
        "required_",
        "random_",
    ];
    check(|table| !elsewhere.iter().any(|prefix| table.starts_with(prefix)));
}
