//! Parts of nested columns.

use std::sync::Arc;

use arrow_array::builder::{Int64Builder, MapBuilder, StringBuilder};
use arrow_array::{Array, ArrayRef, Int32Array, Int64Array, RecordBatch, StructArray};
use arrow_schema::{DataType, Field, Fields, Schema};
use bytes::Bytes;
use fastdata_parquet::ReadOptions;
use parquet::file::properties::WriterProperties;

use crate::{reading, writing};

fn file() -> Bytes {
    let inner = Fields::from(vec![
        Field::new("x", DataType::Int32, true),
        Field::new("y", DataType::Int64, true),
    ]);
    let x: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), None, Some(3)]));
    let y: ArrayRef = Arc::new(Int64Array::from(vec![10, 20, 30]));
    let inner_array = Arc::new(StructArray::new(inner.clone(), vec![x, y.clone()], None));
    let outer = Fields::from(vec![
        Field::new("a", DataType::Struct(inner), true),
        Field::new("b", DataType::Int64, true),
    ]);
    let nulls = vec![true, true, false].into();
    let outer_array = StructArray::new(outer.clone(), vec![inner_array, y.clone()], Some(nulls));
    let mut map = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    for value in 0..3 {
        map.keys().append_value("k");
        map.values().append_value(value);
        map.append(true).unwrap();
    }
    let map = map.finish();
    let schema = Schema::new(vec![
        Field::new("s", DataType::Struct(outer), true),
        Field::new("n", DataType::Int64, false),
        Field::new("m", map.data_type().clone(), true),
    ]);
    let columns: Vec<ArrayRef> = vec![Arc::new(outer_array), y, Arc::new(map)];
    let batch = RecordBatch::try_new(Arc::new(schema), columns).unwrap();
    writing::write(&batch, WriterProperties::new())
}

#[test]
fn children_are_read_without_their_siblings() {
    let file = file();
    let meta = reading::open(&file, &ReadOptions::default()).unwrap();
    let fields = meta.project(&[vec![1], vec![0, 0, 1]]).unwrap();
    assert_eq!(
        fields.iter().map(|field| field.index()).collect::<Vec<_>>(),
        [1, 0]
    );
    assert_eq!(fields[1].leaves(), [1]);
    let y = Fields::from(vec![Field::new("y", DataType::Int64, true)]);
    let a = Fields::from(vec![Field::new("a", DataType::Struct(y), true)]);
    assert_eq!(fields[1].field().data_type(), &DataType::Struct(a));
    let reader = reading::open_column(&meta, &file, 0, &fields[1], None).unwrap();
    let array = reader.read(0..3).unwrap();
    assert_eq!(array.data_type(), fields[1].field().data_type());
    assert!(array.is_null(2) && array.is_valid(1));
}

#[test]
fn a_map_keeps_its_keys() {
    let file = file();
    let meta = reading::open(&file, &ReadOptions::default()).unwrap();
    for path in [vec![2, 0], vec![2, 1], vec![2]] {
        let field = &meta.project(&[path]).unwrap()[0];
        assert_eq!(field.leaves(), [4, 5]);
        assert_eq!(field.field().as_ref(), meta.schema().field(2));
        let reader = reading::open_column(&meta, &file, 0, field, None).unwrap();
        assert_eq!(reader.read(0..3).unwrap().len(), 3);
    }
}

#[test]
fn paths_to_nowhere_are_refused() {
    let meta = reading::open(&file(), &ReadOptions::default()).unwrap();
    for path in [vec![], vec![9], vec![1, 0], vec![0, 2], vec![0, 0, 0, 0]] {
        let error = meta.project(std::slice::from_ref(&path)).unwrap_err();
        assert_eq!(
            error.kind(),
            fastdata_parquet::ErrorKind::InvalidArgument,
            "{path:?}"
        );
    }
}
