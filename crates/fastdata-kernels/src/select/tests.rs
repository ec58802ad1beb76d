//! Filter, take and concatenate against `arrow-select`, for every type.

use std::sync::Arc;

use arrow_array::builder::{
    BinaryViewBuilder, FixedSizeListBuilder, Int32Builder, Int64Builder, LargeListBuilder,
    ListBuilder, ListViewBuilder, MapBuilder, StringBuilder, StringViewBuilder,
};
use arrow_array::types::{Int8Type, Int32Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Decimal256Array, DictionaryArray,
    FixedSizeBinaryArray, Float16Array, Int8Array, Int16Array, Int32Array, Int64Array,
    IntervalMonthDayNanoArray, LargeStringArray, NullArray, RecordBatch, RunArray, StringArray,
    StructArray, TimestampMicrosecondArray, UInt32Array, UInt64Array, UnionArray,
};
use arrow_buffer::{BooleanBuffer, IntervalMonthDayNano, NullBuffer, ScalarBuffer, i256};
use arrow_schema::{DataType, Field, Fields, UnionFields};
use half::f16;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{
    ChunkedPositions, Mask, NullAs, Positions, concat, filter_array, filter_batch, filter_chunked,
    slice, take_array, take_batch, take_by_boolean, take_chunked,
};
use crate::ErrorKind;

/// One array of every layout, `rows` long; `seed` decides the values.
fn arrays(rows: usize, null_share: f64, seed: u64) -> Vec<ArrayRef> {
    let mut rng = StdRng::seed_from_u64(seed);
    let ints: Vec<Option<i32>> = (0..rows)
        .map(|_| (!rng.random_bool(null_share)).then(|| rng.random()))
        .collect();
    let map = |f: &dyn Fn(i32) -> i64| ints.iter().map(|i| i.map(f)).collect::<Vec<_>>();
    let strings: Vec<Option<String>> = ints
        .iter()
        .map(|i| {
            i.map(|i| {
                "xyzé—0123456789"
                    .chars()
                    .cycle()
                    .take(i as u8 as usize % 45)
                    .collect()
            })
        })
        .collect();
    let valid: NullBuffer = ints.iter().map(Option::is_some).collect();
    let fixed = |width: i32| {
        let bytes = ints.iter().map(|i| {
            i.map(|i| {
                (0..width)
                    .map(|at| (i >> (at % 24)) as u8)
                    .collect::<Vec<u8>>()
            })
        });
        FixedSizeBinaryArray::try_from_sparse_iter_with_size(bytes, width).unwrap()
    };
    let mut views = StringViewBuilder::new().with_fixed_block_size(512);
    let mut binary_views = BinaryViewBuilder::new().with_fixed_block_size(64);
    let mut list = ListBuilder::new(Int32Builder::new());
    let mut large_list = LargeListBuilder::new(ListBuilder::new(StringBuilder::new()));
    let mut plain_list = ListBuilder::new(Int64Builder::new());
    let mut list_view = ListViewBuilder::new(Int32Builder::new());
    let mut fixed_list = FixedSizeListBuilder::new(Int32Builder::new(), 3);
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    for (int, string) in ints.iter().zip(&strings) {
        views.append_option(string.as_deref());
        binary_views.append_option(string.as_deref());
        let count = int.map_or(0, |int| int.unsigned_abs() % 5);
        for child in 0..count * 2 {
            plain_list
                .values()
                .append_value(i64::from(child) << 33 | i64::from(count));
        }
        plain_list.append(int.is_some());
        for child in 0..count {
            let child = int.filter(|_| child % 2 == 0);
            list.values().append_option(child);
            list_view.values().append_option(child);
            large_list
                .values()
                .values()
                .append_option(string.as_deref());
            large_list.values().append(child.is_some());
            maps.keys().append_value(format!("k{}", child.unwrap_or(0)));
            maps.values().append_option(child);
        }
        list.append(int.is_some());
        list_view.append(int.is_some());
        large_list.append(int.is_some());
        maps.append(int.is_some()).unwrap();
        for child in 0..3 {
            fixed_list
                .values()
                .append_option(int.filter(|int| (int >> child) % 3 != 0));
        }
        fixed_list.append(int.is_some());
    }
    let keys = |modulus: i64| map(&move |i| i64::from(i).rem_euclid(modulus));
    let small_keys: Int8Array = keys(3).into_iter().map(|k| k.map(|k| k as i8)).collect();
    let dictionary = DictionaryArray::<Int8Type>::new(
        small_keys,
        Arc::new(StringArray::from(vec![
            Some(format!("a{seed}")),
            None,
            Some("b".into()),
        ])),
    );
    let run_ends: Vec<i32> = (1..=rows as i32)
        .filter(|at| at % 3 == 0 || *at == rows as i32)
        .collect();
    let run_values: Int32Array = run_ends
        .iter()
        .map(|end| (end % 4 != 0).then_some(*end))
        .collect();
    let runs = (rows > 0)
        .then(|| RunArray::<Int32Type>::try_new(&Int32Array::from(run_ends), &run_values).unwrap());
    let int_array: ArrayRef = Arc::new(Int32Array::from(ints.clone()));
    let string_array: ArrayRef = Arc::new(StringArray::from(strings.clone()));
    let fields = Fields::from(vec![
        Field::new("i", DataType::Int32, true),
        Field::new("s", DataType::Utf8, true),
    ]);
    let children = vec![Arc::clone(&int_array), Arc::clone(&string_array)];
    let outer: NullBuffer = (0..rows).map(|row| row % 7 != 0).collect();
    let structs = StructArray::new(fields, children.clone(), Some(outer));
    let union_fields = UnionFields::from_fields([
        Field::new("i", DataType::Int32, true),
        Field::new("s", DataType::Utf8, true),
    ]);
    let tags: ScalarBuffer<i8> = (0..rows).map(|row| (row % 2) as i8).collect();
    let sparse = UnionArray::try_new(union_fields.clone(), tags.clone(), None, children.clone());
    let places: ScalarBuffer<i32> = (0..rows as i32).collect();
    let dense = UnionArray::try_new(union_fields, tags, Some(places), children);
    let mut all: Vec<ArrayRef> = vec![
        Arc::new(NullArray::new(rows)),
        Arc::new(
            ints.iter()
                .map(|i| i.map(|i| i % 2 == 0))
                .collect::<BooleanArray>(),
        ),
        Arc::new(
            ints.iter()
                .map(|i| i.map(|i| i as i8))
                .collect::<Int8Array>(),
        ),
        Arc::new(
            ints.iter()
                .map(|i| i.map(|i| i as i16))
                .collect::<Int16Array>(),
        ),
        Arc::new(
            ints.iter()
                .map(|i| i.map(|i| f16::from_bits(i as u16 & 0x7BFF)))
                .collect::<Float16Array>(),
        ),
        int_array,
        Arc::new(Int64Array::from(map(&|i| i64::from(i) << 20))),
        Arc::new(TimestampMicrosecondArray::from(map(&i64::from)).with_timezone("UTC")),
        Arc::new(
            ints.iter()
                .map(|i| i.map(|i| IntervalMonthDayNano::new(i, -i, i64::from(i) << 9)))
                .collect::<IntervalMonthDayNanoArray>(),
        ),
        Arc::new(
            ints.iter()
                .map(|i| i.map(|i| i256::from_parts(i as u128, i128::from(i))))
                .collect::<Decimal256Array>(),
        ),
        string_array,
        Arc::new(LargeStringArray::from(strings.clone())),
        Arc::new(BinaryArray::from_iter(strings.iter().map(|s| s.as_deref()))),
        Arc::new(views.finish()),
        Arc::new(binary_views.finish()),
        Arc::new(fixed(16)),
        Arc::new(fixed(7)),
        Arc::new(fixed(12)),
        Arc::new(dictionary),
        Arc::new(list.finish()),
        Arc::new(plain_list.finish()),
        Arc::new(large_list.finish()),
        Arc::new(list_view.finish()),
        Arc::new(fixed_list.finish()),
        Arc::new(maps.finish()),
        Arc::new(structs),
        Arc::new(sparse.unwrap()),
        Arc::new(dense.unwrap()),
        Arc::new(Int32Array::new(
            ScalarBuffer::from(vec![7; rows]),
            Some(valid),
        )),
    ];
    all.extend(runs.map(|runs| Arc::new(runs) as ArrayRef));
    all
}

/// Masks of every strategy: none, all, runs, few rows, words.
fn masks(rows: usize, rng: &mut StdRng) -> Vec<BooleanBuffer> {
    let shares = [0.0, 0.005, 0.1, 0.5, 0.9, 0.999, 1.0];
    let mut all: Vec<BooleanBuffer> = shares
        .iter()
        .map(|share| (0..rows).map(|_| rng.random_bool(*share)).collect())
        .collect();
    for run in [3, 70, 300] {
        let shift = rng.random_range(0..run);
        all.push((0..rows).map(|row| (row + shift) / run % 2 == 0).collect());
    }
    all
}

#[track_caller]
fn check_same(got: &dyn Array, expected: &dyn Array, what: &str) {
    got.to_data()
        .validate_full()
        .unwrap_or_else(|e| panic!("{what}: {e}"));
    assert_eq!(got.data_type(), expected.data_type(), "{what}");
    // Arrow's equality of unions and runs does not look at these.
    let nulls = |array: &dyn Array| array.logical_nulls().filter(|nulls| nulls.null_count() > 0);
    assert_eq!(nulls(got), nulls(expected), "{what} of {}", got.data_type());
    // Without the values: they would fill the screen.
    assert!(
        got.to_data() == expected.to_data(),
        "{what} of {}",
        got.data_type()
    );
}

#[test]
fn filter_agrees_with_arrow_select() {
    let mut rng = StdRng::seed_from_u64(3);
    for (rows, null_share) in [
        (0, 0.0),
        (1, 0.0),
        (63, 0.1),
        (64, 1.0),
        (130, 0.5),
        (1_000, 0.1),
        (5_000, 0.0),
    ] {
        for array in arrays(rows + 70, null_share, 1) {
            for bits in masks(rows, &mut rng) {
                // Arrays and masks that begin anywhere.
                let offset = rng.random_range(0..=64);
                let array = array.slice(offset, rows);
                let shifted: BooleanBuffer = std::iter::repeat_n(true, offset)
                    .chain(bits.iter())
                    .collect();
                let mask = Mask::new(shifted.slice(offset, rows));
                let got = filter_array(&array, &mask).unwrap();
                let filter = BooleanArray::new(bits, None);
                let expected = arrow_select::filter::filter(&array, &filter).unwrap();
                check_same(
                    &got,
                    &expected,
                    &format!("{rows} rows, mask of {}", mask.count()),
                );
            }
        }
    }
}

#[test]
fn chunks_become_one_array() {
    let mut rng = StdRng::seed_from_u64(5);
    let lens = [100, 0, 1, 777, 64];
    let chunks: Vec<Vec<ArrayRef>> = lens
        .iter()
        .enumerate()
        .map(|(at, rows)| arrays(rows + 3, [0.0, 0.3][at % 2], at as u64))
        .collect();
    for kind in 0..chunks[0].len() {
        let columns: Vec<ArrayRef> = chunks
            .iter()
            .zip(lens)
            .map(|(arrays, rows)| arrays[kind].slice(2, rows))
            .collect();
        let columns: Vec<&dyn Array> = columns.iter().map(|column| column.as_ref()).collect();
        let all = concat(&columns).unwrap();
        let expected = arrow_select::concat::concat(&columns).unwrap();
        // Dictionaries may come together with their values in another order.
        let plain = |array: &ArrayRef| match array.data_type() {
            DataType::Dictionary(_, values) => arrow_cast::cast(array, values).unwrap(),
            _ => Arc::clone(array),
        };
        check_same(&plain(&all), &plain(&expected), "concat");
        for turn in 0..10 {
            let bits: Vec<BooleanBuffer> = lens
                .iter()
                .map(|rows| masks(*rows, &mut rng).swap_remove(turn))
                .collect();
            let masks: Vec<Mask> = bits.iter().map(|bits| Mask::new(bits.clone())).collect();
            let got = filter_chunked(&columns, &masks).unwrap();
            let filter: BooleanBuffer = bits.iter().flat_map(|bits| bits.iter()).collect();
            let expected =
                arrow_select::filter::filter(&expected, &BooleanArray::new(filter, None)).unwrap();
            check_same(&plain(&got), &plain(&expected), "filter of chunks");
        }
        for (count, null_share) in [(0, 0.0), (1, 0.0), (300, 0.0), (40, 0.3)] {
            check_take_of_chunks(&columns, &plain, count, null_share, &mut rng);
        }
    }
}

fn check_take_of_chunks(
    columns: &[&dyn Array],
    plain: &dyn Fn(&ArrayRef) -> ArrayRef,
    count: usize,
    null_share: f64,
    rng: &mut StdRng,
) {
    let lens: Vec<usize> = columns.iter().map(|column| column.len()).collect();
    let rows: usize = lens.iter().sum();
    let mut picked: Vec<Option<u32>> = (0..count)
        .map(|_| (!rng.random_bool(null_share)).then(|| rng.random_range(0..rows as u32)))
        .collect();
    let whole = arrow_select::concat::concat(columns).unwrap();
    // In any order, and as they stand, where nothing is brought into order.
    for _ in 0..2 {
        let indices = UInt32Array::from(picked.clone());
        let positions = Positions::new(&indices, rows).unwrap();
        let positions = ChunkedPositions::new(&positions, &lens).unwrap();
        assert_eq!(positions.len(), count);
        let got = take_chunked(columns, &positions);
        if indices.null_count() > 0
            && let DataType::Union(..) | DataType::RunEndEncoded(..) = whole.data_type()
        {
            assert_eq!(got.unwrap_err().kind(), ErrorKind::Unsupported);
        } else {
            let expected = arrow_select::take::take(&whole, &indices, None).unwrap();
            check_same(&plain(&got.unwrap()), &plain(&expected), "take of chunks");
        }
        picked.sort_unstable();
    }
}

#[test]
fn take_agrees_with_arrow_select() {
    let mut rng = StdRng::seed_from_u64(9);
    for rows in [1, 64, 500] {
        for array in arrays(rows, 0.2, 2) {
            for (count, null_share) in [(0, 0.0), (1, 0.0), (70, 0.0), (300, 0.2), (64, 1.0)] {
                let picked: Vec<Option<u32>> = (0..count)
                    .map(|_| {
                        (!rng.random_bool(null_share)).then(|| rng.random_range(0..rows as u32))
                    })
                    .collect();
                let narrow = UInt32Array::from(picked.clone());
                let wide: UInt64Array = picked.iter().map(|row| row.map(u64::from)).collect();
                let signed: Int64Array = picked.iter().map(|row| row.map(i64::from)).collect();
                let expected = arrow_select::take::take(&array, &narrow, None).unwrap();
                for indices in [&narrow as &dyn Array, &wide, &signed] {
                    let positions = Positions::new(indices, rows).unwrap();
                    let got = take_array(&array, &positions);
                    if narrow.null_count() > 0
                        && let DataType::Union(..) | DataType::RunEndEncoded(..) = array.data_type()
                    {
                        assert_eq!(got.unwrap_err().kind(), ErrorKind::Unsupported);
                        continue;
                    }
                    let got = got.unwrap();
                    check_same(&got, &expected, &format!("{count} of {rows} rows"));
                }
            }
        }
    }
}

/// More rows than a segment: several parts, threads, pooled memory.
#[test]
fn large_columns_are_cut_and_joined_right() {
    check_large_columns();
}

#[test]
fn large_columns_are_cut_and_joined_right_on_several_threads() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build();
    pool.unwrap().install(check_large_columns);
}

fn check_large_columns() {
    let rows = 300_000;
    let mut rng = StdRng::seed_from_u64(13);
    let chosen = [1, 6, 10, 13, 18, 19, 20, 25];
    let arrays = arrays(rows, 0.1, 4);
    for kind in chosen {
        let array = &arrays[kind];
        for bits in masks(rows, &mut rng) {
            let mask = Mask::new(bits.clone());
            let got = filter_array(array, &mask).unwrap();
            let filter = BooleanArray::new(bits, None);
            let expected = arrow_select::filter::filter(array, &filter).unwrap();
            assert_eq!(
                &got,
                &expected,
                "{} with {} rows",
                array.data_type(),
                mask.count()
            );
        }
        let picked: UInt32Array = (0..rows)
            .map(|_| Some(rng.random_range(0..rows as u32)))
            .collect();
        let got = take_array(array, &Positions::new(&picked, rows).unwrap()).unwrap();
        assert_eq!(
            &got,
            &arrow_select::take::take(array, &picked, None).unwrap()
        );
        let (left, right) = (array.slice(0, 150_001), array.slice(150_001, 149_999));
        assert_eq!(&concat(&[&left, &right]).unwrap(), array);
    }
}

#[test]
fn few_long_views_let_go_of_their_buffers() {
    let mut builder = StringViewBuilder::new();
    (0..20_000).for_each(|row| builder.append_value(format!("a string of some length {row:06}")));
    let array = builder.finish();
    let held = |array: &dyn Array| {
        array
            .to_data()
            .buffers()
            .iter()
            .skip(1)
            .map(|buffer| buffer.len())
            .sum::<usize>()
    };
    let few = Mask::new((0..20_000).map(|row| row % 100 == 0).collect());
    let kept = filter_array(&array, &few).unwrap();
    assert_eq!(held(&kept), 200 * 30);
    // While the source lives on, a tenth is not worth the copy.
    let tenth = Mask::new((0..20_000).map(|row| row % 10 == 0).collect());
    assert_eq!(held(&filter_array(&array, &tenth).unwrap()), 2_000 * 30);
    let shared = filter_chunked(&[&array], &[tenth]).unwrap();
    assert_eq!(held(&shared), held(&array));
    let kept = filter_chunked(&[&array], &[few]).unwrap();
    assert_eq!(held(&kept), 200 * 30);
    let many = Mask::new((0..20_000).map(|row| row % 2 == 0).collect());
    assert_eq!(held(&filter_array(&array, &many).unwrap()), held(&array));
}

#[test]
fn batches_nulls_and_ranges() {
    let batch = RecordBatch::try_from_iter([
        ("a", Arc::new(Int32Array::from(vec![1, 2, 3])) as ArrayRef),
        (
            "b",
            Arc::new(StringArray::from(vec!["x", "y", "z"])) as ArrayRef,
        ),
    ])
    .unwrap();
    let keep = BooleanArray::from(vec![Some(true), None, Some(false)]);
    let sql = filter_batch(&batch, &Mask::from_boolean(&keep, NullAs::False)).unwrap();
    assert_eq!(sql, batch.slice(0, 1));
    let lenient = filter_batch(&batch, &Mask::from_boolean(&keep, NullAs::True)).unwrap();
    assert_eq!(lenient, batch.slice(0, 2));
    let column = take_by_boolean(batch.column(0), &keep, NullAs::False).unwrap();
    assert_eq!(&column, sql.column(0));
    let last = Positions::new(&Int8Array::from(vec![2]), 3).unwrap();
    assert_eq!(take_batch(&batch, &last).unwrap(), batch.slice(2, 1));
    assert_eq!(slice(batch.column(0), 1, 2).unwrap().len(), 2);
    let no_columns = batch.project(&[]).unwrap();
    let kept = filter_batch(&no_columns, &Mask::from_boolean(&keep, NullAs::True)).unwrap();
    assert_eq!(kept.num_rows(), 2);
}

#[test]
fn wrong_requests_are_refused() {
    #[track_caller]
    fn refused<T: std::fmt::Debug>(result: crate::Result<T>, words: &str) {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.to_string().contains(words), "{error}");
    }
    let three = Int32Array::from(vec![1, 2, 3]);
    refused(filter_array(&three, &Mask::all(4)), "mask of 4 rows");
    refused(filter_chunked(&[&three], &[]), "0 masks for 1 chunks");
    refused(concat(&[]), "no chunks");
    refused(concat(&[&three, &Int8Array::from(vec![1])]), "two types");
    refused(slice(&three, 2, 2), "2 rows from row 2");
    refused(slice(&three, usize::MAX, 2), "rows from row");
    refused(
        Positions::new(&Int32Array::from(vec![0, 3]), 3),
        "position 3",
    );
    refused(
        Positions::new(&Int32Array::from(vec![-1]), 3),
        "position -1",
    );
    refused(
        Positions::new(&UInt64Array::from(vec![None, Some(u64::MAX)]), 3),
        "outside of 0..3",
    );
    refused(
        Positions::new(&StringArray::from(vec!["0"]), 3),
        "integers, not Utf8",
    );
    let four = Positions::new(&Int32Array::from(vec![3]), 4).unwrap();
    refused(take_array(&three, &four), "column of 3 rows");
    refused(ChunkedPositions::new(&four, &[1, 2]), "chunks of 3 rows");
    let chunked = ChunkedPositions::new(&four, &[1, 3]).unwrap();
    refused(take_chunked(&[&three], &chunked), "other chunks");
    let nulls = Positions::new(&Int32Array::from(vec![None::<i32>]), 0).unwrap();
    let empty = Int32Array::from(Vec::<i32>::new());
    assert_eq!(take_array(&empty, &nulls).unwrap().null_count(), 1);
    let chunked = ChunkedPositions::new(&nulls, &[0, 0]).unwrap();
    let taken = take_chunked(&[&empty, &empty], &chunked).unwrap();
    assert_eq!((taken.len(), taken.null_count()), (1, 1));
}
