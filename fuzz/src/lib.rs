//! What each fuzz target does with arbitrary bytes: decode them and use what comes out.
//!
//! Errors are fine; a panic, a hang or memory beyond the bounds that the runner sets is a find.
//! The functions are apart from their libFuzzer entries so that tests feed them the seeds.

mod blob;
mod finds;
mod pickle;
mod seeds;
mod table;

use bytes::Bytes;
use fastdata_iceberg::{
    ManifestContent, ManifestFile, NameMapping, SnapshotSelector, TableMetadata,
};
use fastdata_parquet::{
    ColumnReader, FileMeta, FooterReader, FooterStep, ReadOptions, RowRanges, chunk_ranges,
};

pub use blob::{blob_body, blob_head};
pub use finds::{prepare, uncaught};
pub use pickle::pickle;
pub use seeds::{files, write};

/// The bytes as a whole Parquet file: footer, then every column.
pub fn footer(data: &[u8]) {
    let file = Bytes::copy_from_slice(data);
    if let Some(meta) = read_footer(&file) {
        read_columns(&meta, &file);
    }
}

fn read_footer(file: &Bytes) -> Option<FileMeta> {
    let mut reader = FooterReader::new(file.len() as u64, &ReadOptions::default());
    let mut range = reader.first_range();
    loop {
        let tail = file.slice(range.start as usize..range.end as usize);
        match reader.decode(range.start, tail).ok()? {
            FooterStep::Ready(meta) => return Some(meta),
            FooterStep::Need(again, wanted) => (reader, range) = (again, wanted),
        }
    }
}

/// Rows asked for at most: a footer may claim any number.
const ROWS_MAX: usize = 10_000;

fn read_columns(meta: &FileMeta, file: &Bytes) {
    let Ok(fields) = meta.project_all() else {
        return;
    };
    for row_group in 0..meta.row_groups().len().min(4) {
        for field in &fields {
            let Ok(ranges) = chunk_ranges(meta, row_group, field, None) else {
                continue;
            };
            let pieces = ranges.into_iter().filter_map(|range| {
                let (start, end) = (
                    usize::try_from(range.start).ok()?,
                    usize::try_from(range.end).ok()?,
                );
                let inside = start <= end && end <= file.len();
                inside.then(|| (range, file.slice(start..end)))
            });
            if let Ok(column) = ColumnReader::open(meta, row_group, field, pieces.collect()) {
                let rows = 0..column.num_rows().min(ROWS_MAX);
                let few = rows
                    .clone()
                    .step_by(RowRanges::WORTH_PICKING)
                    .map(|row| row..row + 1);
                let _ = column.read_selected_in(rows.clone(), &RowRanges::from_ranges(few));
                let _ = column.read(rows);
            }
        }
    }
}

/// The bytes as the column chunks of one of the seed files, which the first byte chooses.
pub fn page(data: &[u8]) {
    let Some((choice, data)) = data.split_first() else {
        return;
    };
    let files = seeds::files();
    let (_, sound) = &files[usize::from(*choice) % files.len()];
    let Some(meta) = read_footer(sound) else {
        return;
    };
    let mut file = sound.to_vec();
    // Everything between the magic and the footer; what the input lacks stays as it was.
    let footer_bytes = file.last_chunk::<8>().map_or(0, |tail| {
        u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]])
    });
    let end = file.len().saturating_sub(8 + footer_bytes as usize);
    for (byte, replaced) in file[4..end].iter_mut().zip(data) {
        *byte = *replaced;
    }
    read_columns(&meta, &Bytes::from(file));
}

/// The bytes as a data manifest and as a delete manifest of a table with every kind of column.
pub fn manifest(data: &[u8]) {
    let bytes = Bytes::copy_from_slice(data);
    let planner = table::planner();
    let deletes = ManifestFile::unlisted(ManifestContent::Deletes);
    let deletes = planner
        .read_delete_manifest(&deletes, bytes.clone())
        .unwrap_or_default();
    let Ok(index) = planner.index_deletes(deletes) else {
        return;
    };
    let manifest = ManifestFile::unlisted(ManifestContent::Data);
    let _ = planner.read_data_manifest(&manifest, bytes, &index);
}

/// The bytes as a manifest list.
pub fn manifest_list(data: &[u8]) {
    let _ = table::planner().read_manifest_list(Bytes::copy_from_slice(data));
}

/// The bytes as a table's metadata file.
pub fn metadata(data: &[u8]) {
    let limits = fastdata_iceberg::Limits::default();
    let Ok(metadata) = TableMetadata::parse(data, &limits) else {
        return;
    };
    let _ = NameMapping::of_table(&metadata, &limits);
    let _ = metadata
        .current_schema()
        .to_arrow(fastdata_iceberg::StringLayout::View);
    let _ = metadata.resolve(&SnapshotSelector::Current);
    let _ = metadata.resolve(&SnapshotSelector::AsOfMs(0));
}

/// The bytes as the text of a filter, parsed and bound.
pub fn predicate(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(predicate) = fastdata_scan::parse_filter(text) {
        let _ = fastdata_kernels::predicate::bind(&predicate, &table::arrow_schema());
    }
}
