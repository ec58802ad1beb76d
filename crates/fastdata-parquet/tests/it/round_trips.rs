//! Random files, written by the `parquet` crate and read by it: the oracle of our decoders.

use arrow_array::{Array, ArrayRef, RecordBatch};
use fastdata_parquet::{ReadOptions, RowRanges, StringLayout};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::{reading, writing};

fn check(seed: u64) {
    let file = writing::random_file(seed);
    let expected = reading::oracle(&file).expect("the crate reads what it wrote");
    let mut rng = StdRng::seed_from_u64(seed ^ 0x5eed);
    let layout = [
        StringLayout::View,
        StringLayout::Offsets,
        StringLayout::LargeOffsets,
    ];
    let options = ReadOptions {
        strings: layout[rng.random_range(0..3)],
        ..ReadOptions::default()
    };
    let window = [1 + rng.random_range(0..50), 1000, 1 << 20][rng.random_range(0..3)];
    let (meta, groups) = reading::columns(&file, &options, window).unwrap();
    for (group, arrays) in groups.iter().enumerate() {
        let rows = &meta.row_groups()[group];
        for (index, array) in arrays.iter().enumerate() {
            let field = meta.schema().field(index);
            assert_eq!(array.data_type(), field.data_type());
            let theirs = |batch: &RecordBatch| {
                let (first, len) = (rows.first_row as usize, rows.num_rows as usize);
                let theirs = batch.column(index).slice(first, len);
                arrow_cast::cast(&theirs, field.data_type())
            };
            // A null fixed-size list has null items, which a cast to lists of no nulls refuses.
            let theirs = theirs(&expected)
                .or_else(|_| theirs(&reading::native_oracle(&file).unwrap()))
                .unwrap();
            assert_same(
                array,
                &theirs,
                &format!("seed {seed}, {field:?}, row group {group}"),
            );
        }
    }
    check_selected(&mut rng, &file, &meta, &groups);
}

/// Rows spread at random, few or many, or runs of rows: different ways through a decoder.
fn random_mask(rng: &mut StdRng, len: usize) -> Vec<bool> {
    let clustered = rng.random_bool(0.5);
    let share = match clustered {
        true => 0.005,
        false => [0.003, 0.012, 0.2, 0.9][rng.random_range(0..4)],
    };
    let mut survives = rng.random_bool(0.5);
    let bit = |_| {
        let drawn = rng.random_bool(share);
        survives ^= drawn;
        if clustered { survives } else { drawn }
    };
    (0..len).map(bit).collect()
}

/// Selected rows read window by window, as a scan does it, are the same rows.
fn check_windows(
    rng: &mut StdRng,
    reader: &fastdata_parquet::ColumnReader,
    rows: &RowRanges,
    expected: &ArrayRef,
) {
    let step = rng.random_range(1..=reader.num_rows().max(1)).max(16);
    let mut parts = vec![expected.slice(0, 0)];
    for from in (0..reader.num_rows()).step_by(step) {
        let window = from..reader.num_rows().min(from + step);
        let wanted = rows.within(window.clone());
        parts.push(reader.read_selected_in(window, &wanted).unwrap());
    }
    let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
    let got = arrow_select::concat::concat(&parts).unwrap();
    let what = format!("windows of {step} rows of {}", reader.field());
    assert_same(&got, expected, &what);
}

/// Random rows, read alone, are the same rows of the whole; windows in any order too.
fn check_selected(
    rng: &mut StdRng,
    file: &bytes::Bytes,
    meta: &fastdata_parquet::FileMeta,
    groups: &[Vec<ArrayRef>],
) {
    for field in meta.project_all().unwrap() {
        for (group, arrays) in groups.iter().enumerate().take(3) {
            let whole = &arrays[field.index()];
            let reader = reading::open_column(meta, file, group, &field, None).unwrap();
            let mask = random_mask(rng, whole.len());
            let rows = RowRanges::from_mask(&mask.clone().into(), 0);
            let got = reader.read_selected(&rows).unwrap();
            let expected = arrow_select::filter::filter(whole, &mask.into()).unwrap();
            assert_same(
                &got,
                &expected,
                &format!("selected rows of {}", field.field()),
            );
            check_windows(rng, &reader, &rows, &expected);
            for _ in 0..3 {
                let from = rng.random_range(0..=whole.len());
                let to = rng.random_range(from..=whole.len());
                let got = reader.read(from..to).unwrap();
                assert_same(
                    &got,
                    &whole.slice(from, to - from),
                    &format!("{field:?} {from}..{to}"),
                );
            }
        }
    }
}

#[track_caller]
pub(crate) fn assert_same(ours: &ArrayRef, theirs: &ArrayRef, what: &str) {
    ours.to_data().validate_full().unwrap();
    if ours != theirs {
        let first = (0..ours.len()).find(|&row| ours.slice(row, 1) != theirs.slice(row, 1));
        let row = first.unwrap_or(0);
        panic!(
            "{what}, row {row}: {:?} is not {:?}",
            ours.slice(row, 1),
            theirs.slice(row, 1)
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn random_files_read_as_the_parquet_crate_reads_them(seed in any::<u64>()) {
        check(seed);
    }
}
