//! Rows selected of nested columns, of which only the pages that hold them are given.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, Fields, Schema};
use bytes::Bytes;
use fastdata_kernels::predicate::{CompareOp, Predicate, bind};
use fastdata_parquet::{ErrorKind, FieldProjection, FileMeta, ReadOptions, RowRanges};
use parquet::basic::Compression;
use parquet::file::metadata::{ParquetMetaDataReader, ParquetMetaDataWriter};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::pruning::{compare, number, prune};
use crate::round_trips::assert_same;
use crate::{reading, writing};

const ROWS: usize = 400;

fn nested_fields() -> Vec<Field> {
    let field = |name: &str, data_type| Field::new(name, data_type, true);
    let inner = field(
        "c",
        DataType::Struct(Fields::from(vec![field("d", DataType::Int64)])),
    );
    let leaves = Fields::from(vec![
        field("a", DataType::Int32),
        Field::new("b", DataType::Utf8, false),
        inner,
    ]);
    let items = |data_type| DataType::List(Arc::new(field("item", data_type)));
    let entries = Fields::from(vec![
        Field::new("key", DataType::Utf8, false),
        field("value", DataType::Float64),
    ]);
    let entries = Field::new("entries", DataType::Struct(entries), false);
    vec![
        field("struct", DataType::Struct(leaves.clone())),
        field("list", items(DataType::Int32)),
        field("structs", items(DataType::Struct(leaves))),
        field("map", DataType::Map(Arc::new(entries), false)),
    ]
}

/// Ascending numbers beside nested columns, in row groups of a few pages of a few rows.
fn file(rng: &mut StdRng) -> Bytes {
    let mut fields = vec![Field::new("number", DataType::Int64, false)];
    fields.extend(nested_fields());
    let mut arrays: Vec<ArrayRef> = vec![Arc::new(Int64Array::from_iter_values(0..ROWS as i64))];
    arrays.extend(
        nested_fields()
            .iter()
            .map(|field| writing::random_array(rng, field, ROWS)),
    );
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
    let version = if rng.random_bool(0.5) {
        WriterVersion::PARQUET_1_0
    } else {
        WriterVersion::PARQUET_2_0
    };
    let properties = WriterProperties::builder()
        .set_writer_version(version)
        .set_compression(Compression::SNAPPY)
        .set_dictionary_enabled(rng.random_bool(0.5))
        .set_data_page_size_limit([40, 1 << 20][rng.random_range(0..2)])
        .set_data_page_row_count_limit(rng.random_range(2..12))
        .set_write_batch_size(rng.random_range(1..6))
        .set_max_row_group_row_count(Some(rng.random_range(15..90)))
        .set_statistics_enabled(EnabledStatistics::Page)
        .build();
    writing::write(&batch, properties)
}

/// Whole fields and single children of them.
fn projections(meta: &FileMeta) -> Vec<FieldProjection> {
    let mut fields = meta.project_all().unwrap();
    for path in [
        vec![1, 0],
        vec![1, 2, 0],
        vec![3, 0, 0],
        vec![3, 0, 2],
        vec![4, 1],
    ] {
        fields.extend(meta.project(&[path]).unwrap());
    }
    fields
}

fn random_rows(rng: &mut StdRng, rows: usize) -> Vec<bool> {
    let share = [0.02, 0.3, 0.9][rng.random_range(0..3)];
    let mut mask: Vec<bool> = (0..rows).map(|_| rng.random_bool(share)).collect();
    mask[rng.random_range(0..rows)] = true;
    mask
}

/// Rows to look for, so that most pages of most row groups are pruned and their indexes kept.
fn few_numbers(rng: &mut StdRng) -> Predicate {
    let equals = (0..rng.random_range(2..20)).map(|_| {
        let wanted = rng.random_range(0..ROWS as i128);
        compare("number", CompareOp::Eq, number(wanted))
    });
    Predicate::Or(equals.collect())
}

#[test]
fn selected_rows_are_those_of_a_full_read() {
    let mut parts_read = 0;
    for seed in 0..60 {
        let rng = &mut StdRng::seed_from_u64(seed);
        let file = file(rng);
        let options = ReadOptions::default();
        let plain = reading::open(&file, &options).unwrap();
        let meta = reading::open(&file, &options).unwrap();
        let bound = bind(&few_numbers(rng), meta.schema()).unwrap();
        let outcome = prune(&file, &meta, &bound);
        for plan in &outcome.plans {
            let group = plan.row_group;
            let rows = plan.num_rows as usize;
            let mut masks = vec![random_rows(rng, rows), random_rows(rng, rows)];
            if let Some(rows_left) = &plan.rows {
                parts_read += 1;
                let left = |row: usize| rows_left.touches(&(row..row + 1));
                masks.push((0..rows).map(left).collect());
            }
            for field in projections(&meta) {
                let full = reading::open_column(&plain, &file, group, &field, None).unwrap();
                let full = full.read(0..rows).unwrap();
                for mask in &masks {
                    let wanted = RowRanges::from_mask(&mask.clone().into(), 0);
                    let mask = BooleanArray::from(mask.clone());
                    let expected = arrow_select::filter::filter(&full, &mask).unwrap();
                    let what = format!("seed {seed}, {} of row group {group}", field.field());
                    for given in [None, Some(&wanted)] {
                        let reader =
                            reading::open_column(&meta, &file, group, &field, given).unwrap();
                        assert_same(&reader.read_selected(&wanted).unwrap(), &expected, &what);
                    }
                }
            }
        }
    }
    assert!(parts_read > 100, "only {parts_read} row groups in part");
}

#[test]
fn rows_of_pages_that_were_not_given_are_refused() {
    let rng = &mut StdRng::seed_from_u64(7);
    let (file, options) = (file(rng), ReadOptions::default());
    let meta = reading::open(&file, &options).unwrap();
    let bound = bind(&compare("number", CompareOp::Eq, number(0)), meta.schema()).unwrap();
    let outcome = prune(&file, &meta, &bound);
    let rows = outcome.plans[0].rows.as_ref().unwrap();
    let all = outcome.plans[0].num_rows as usize;
    for field in &meta.project_all().unwrap()[1..] {
        let reader = reading::open_column(&meta, &file, 0, field, Some(rows)).unwrap();
        let error = reader.read(0..all).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error:?}");
        assert_eq!(reader.read_selected(rows).unwrap().len(), rows.row_count());
    }
}

/// The file with a footer that claims `rows` rows of its only row group.
fn claiming(file: &Bytes, rows: i64) -> Bytes {
    let meta = ParquetMetaDataReader::new().parse_and_finish(file).unwrap();
    let group = meta.row_group(0).clone().into_builder();
    let group = group.set_num_rows(rows).build().unwrap();
    let meta = meta.into_builder().set_row_groups(vec![group]).build();
    let tail = file.len() - 8;
    let footer_bytes = u32::from_le_bytes(file[tail..tail + 4].try_into().unwrap());
    let mut claiming = file[..tail - footer_bytes as usize].to_vec();
    ParquetMetaDataWriter::new(&mut claiming, &meta)
        .finish()
        .unwrap();
    Bytes::from(claiming)
}

#[test]
fn a_column_of_other_rows_than_its_row_group_is_corrupt() {
    let rng = &mut StdRng::seed_from_u64(1);
    let fields = nested_fields();
    let arrays = fields
        .iter()
        .map(|field| writing::random_array(rng, field, 20))
        .collect();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        let properties = WriterProperties::builder().set_writer_version(version);
        let file = writing::write(&batch, properties.build());
        assert!(reading::batch(&claiming(&file, 20), &ReadOptions::default(), 6).is_ok());
        for claimed in [12, 19, 21, 30] {
            let file = claiming(&file, claimed);
            let meta = reading::open(&file, &ReadOptions::default()).unwrap();
            for field in meta.project_all().unwrap() {
                // Windows that end with the row group, and some that do not.
                for window in [4, 5, 12, 19, 21, 30, 100] {
                    let rows = claimed as usize;
                    let result =
                        reading::open_column(&meta, &file, 0, &field, None).and_then(|reader| {
                            (0..rows).step_by(window).try_for_each(|from| {
                                reader.read(from..(from + window).min(rows)).map(drop)
                            })
                        });
                    let error = result.expect_err("other rows than claimed");
                    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error:?}");
                }
            }
        }
    }
}
