//! Evolution on hand-made files: what a column becomes, and what is refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::builder::{Int32Builder, ListBuilder, StructBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{
    Array, ArrayRef, Int32Array, Int64Array, StringArray, StructArray, new_null_array,
};
use arrow_schema::{DataType, Field, Fields, Schema, TimeUnit};

use super::*;
use crate::{Error, Result};

fn with_id(field: Field, id: i32) -> Field {
    field.with_metadata([("PARQUET:field_id".to_owned(), id.to_string())].into())
}

/// Constants by field id; null for everything optional.
struct Values(BTreeMap<i32, ArrayRef>);

impl Missing for Values {
    fn value(&self, field: &Field) -> Result<ArrayRef> {
        match field_id(field).and_then(|id| self.0.get(&id)) {
            Some(value) => Ok(value.clone()),
            None if field.is_nullable() => Ok(new_null_array(field.data_type(), 1)),
            None => Err(Error::corrupt(format!("`{}` is required", field.name()))),
        }
    }
}

fn plan(target: &Field, file: &Schema, values: Values) -> Result<(FieldPlan, Vec<Vec<usize>>)> {
    let mut leaves = Vec::new();
    let fields = file_fields(file);
    let (_, plan) = plan_field(target, &fields, MatchBy::Id, &values, &[], &mut leaves)?;
    Ok((plan, leaves))
}

fn none() -> Values {
    Values(BTreeMap::new())
}

#[test]
fn columns_meet_by_id_whatever_their_names_and_places() {
    let file = Schema::new(vec![
        with_id(Field::new("b", DataType::Int32, true), 2),
        with_id(Field::new("a", DataType::Int32, true), 1),
    ]);
    let renamed = with_id(Field::new("b", DataType::Int64, true), 1);
    let (plan, leaves) = plan(&renamed, &file, none()).unwrap();
    assert_eq!(leaves, [[1]]);
    let column = Arc::new(Int32Array::from(vec![Some(1), None])) as ArrayRef;
    let adapted = plan.adapt(&renamed, Some(column), 2).unwrap();
    assert_eq!(
        adapted.as_primitive::<Int64Type>(),
        &Int64Array::from(vec![Some(1), None])
    );
}

#[test]
fn two_columns_with_one_id_are_refused() {
    let file = Schema::new(vec![
        with_id(Field::new("a", DataType::Int32, true), 1),
        with_id(Field::new("b", DataType::Int32, true), 1),
    ]);
    let target = with_id(Field::new("a", DataType::Int32, true), 1);
    assert!(
        plan(&target, &file, none())
            .unwrap_err()
            .to_string()
            .contains("both claim")
    );
}

#[test]
fn an_absent_column_is_its_value_its_default_or_null() {
    let file = Schema::new(vec![with_id(Field::new("a", DataType::Int32, true), 1)]);
    let optional = with_id(Field::new("n", DataType::Utf8, true), 7);
    let (absent, leaves) = plan(&optional, &file, none()).unwrap();
    assert!(leaves.is_empty());
    assert_eq!(absent.adapt(&optional, None, 3).unwrap().null_count(), 3);
    let value = Arc::new(StringArray::from(vec!["x"])) as ArrayRef;
    let (given, _) = plan(&optional, &file, Values([(7, value)].into())).unwrap();
    let given = given.adapt(&optional, None, 2).unwrap();
    assert_eq!(given.as_string::<i32>(), &StringArray::from(vec!["x", "x"]));
    let required = with_id(Field::new("n", DataType::Utf8, false), 7);
    assert!(plan(&required, &file, none()).is_err());
}

fn file_struct() -> (Schema, StructArray) {
    let fields = Fields::from(vec![
        with_id(Field::new("x", DataType::Int32, true), 11),
        with_id(Field::new("y", DataType::Int32, true), 12),
    ]);
    let mut rows = StructBuilder::from_fields(fields.clone(), 3);
    for (x, live) in [(Some(1), true), (None, true), (None, false)] {
        rows.field_builder::<Int32Builder>(0)
            .unwrap()
            .append_option(x);
        rows.field_builder::<Int32Builder>(1)
            .unwrap()
            .append_option(x);
        rows.append(live);
    }
    (
        Schema::new(vec![with_id(
            Field::new("s", DataType::Struct(fields), true),
            10,
        )]),
        rows.finish(),
    )
}

#[test]
fn a_struct_is_rebuilt_from_its_children_and_keeps_its_nulls() {
    let (file, rows) = file_struct();
    let target = with_id(
        Field::new(
            "s",
            DataType::Struct(Fields::from(vec![
                with_id(Field::new("added", DataType::Int32, true), 13),
                with_id(Field::new("renamed", DataType::Int64, true), 12),
                with_id(Field::new("x", DataType::Int32, true), 11),
            ])),
            true,
        ),
        10,
    );
    let seven = Arc::new(Int32Array::from(vec![7])) as ArrayRef;
    let (plan, leaves) = plan(&target, &file, Values([(13, seven)].into())).unwrap();
    assert_eq!(leaves, [[0, 1], [0, 0]]);
    let adapted = plan.adapt(&target, Some(Arc::new(rows)), 3).unwrap();
    let adapted = adapted.as_struct();
    assert_eq!((adapted.is_null(1), adapted.is_null(2)), (false, true));
    assert_eq!(
        adapted.column(0).as_ref(),
        &Int32Array::from(vec![7, 7, 7]) as &dyn Array
    );
    assert_eq!(adapted.column(1).as_primitive::<Int64Type>().value(0), 1);
}

#[test]
fn a_struct_of_which_no_child_is_left_still_knows_its_nulls() {
    let (file, rows) = file_struct();
    let only_new = Fields::from(vec![with_id(
        Field::new("added", DataType::Int32, true),
        13,
    )]);
    let target = with_id(Field::new("s", DataType::Struct(only_new), true), 10);
    let (plan, leaves) = plan(&target, &file, none()).unwrap();
    assert_eq!(leaves, [[0, 0]]);
    assert!(!leaf_keeps_statistics(&plan));
    let delivered = StructArray::new(
        Fields::from(vec![with_id(Field::new("x", DataType::Int32, true), 11)]),
        vec![rows.column(0).clone()],
        rows.nulls().cloned(),
    );
    let adapted = plan.adapt(&target, Some(Arc::new(delivered)), 3).unwrap();
    assert_eq!(adapted.null_count(), 1);
    let extracted = extract_child(adapted, &[0]).unwrap();
    assert_eq!(extracted.null_count(), 3);
}

/// A null list, an empty list, a null element and a null struct are four different things.
#[test]
fn nulls_in_and_around_lists_stay_apart() {
    let (file, _) = file_struct();
    let element =
        |fields: Fields| with_id(Field::new("element", DataType::Struct(fields), true), 21);
    let DataType::Struct(inner) = file.field(0).data_type().clone() else {
        panic!("a struct")
    };
    let file_element = element(inner.clone());
    let list = with_id(
        Field::new("l", DataType::List(Arc::new(file_element.clone())), true),
        20,
    );
    let file = Schema::new(vec![list]);
    let mut rows =
        ListBuilder::new(StructBuilder::from_fields(inner, 4)).with_field(Arc::new(file_element));
    rows.append_null();
    rows.append(true);
    for (x, live) in [(Some(1), true), (None, true), (None, false)] {
        let values = rows.values();
        values
            .field_builder::<Int32Builder>(0)
            .unwrap()
            .append_option(x);
        values
            .field_builder::<Int32Builder>(1)
            .unwrap()
            .append_option(x);
        values.append(live);
    }
    rows.append(true);
    let wider = Fields::from(vec![with_id(Field::new("x", DataType::Int64, true), 11)]);
    let target = with_id(
        Field::new("l", DataType::List(Arc::new(element(wider))), true),
        20,
    );
    let (plan, leaves) = plan(&target, &file, none()).unwrap();
    assert_eq!(leaves, [[0, 0, 0]]);
    let rows = rows.finish();
    let delivered_struct = rows.values().as_struct();
    let delivered = arrow_array::ListArray::new(
        Arc::new(element(Fields::from(vec![with_id(
            Field::new("x", DataType::Int32, true),
            11,
        )]))),
        rows.offsets().clone(),
        Arc::new(StructArray::new(
            Fields::from(vec![with_id(Field::new("x", DataType::Int32, true), 11)]),
            vec![delivered_struct.column(0).clone()],
            delivered_struct.nulls().cloned(),
        )),
        rows.nulls().cloned(),
    );
    let adapted = plan.adapt(&target, Some(Arc::new(delivered)), 3).unwrap();
    let adapted = adapted.as_list::<i32>();
    assert_eq!((adapted.is_null(0), adapted.is_null(1)), (true, false));
    assert_eq!((adapted.value_length(1), adapted.value_length(2)), (0, 3));
    let elements = adapted.value(2);
    let elements = elements.as_struct();
    assert_eq!((elements.is_null(1), elements.is_null(2)), (false, true));
    assert_eq!(
        elements.column(0).as_primitive::<Int64Type>(),
        &Int64Array::from(vec![Some(1), None, None])
    );
}

#[test]
fn conversions_are_exact_or_refused() {
    use convert::Conversion;
    let micros = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let cases = [
        (DataType::Int32, DataType::Int64, true),
        (DataType::Int64, DataType::Int32, false),
        (DataType::UInt32, DataType::Int32, false),
        (DataType::Float32, DataType::Float64, true),
        (DataType::Int32, DataType::Float64, false),
        (
            DataType::Decimal128(9, 2),
            DataType::Decimal128(12, 2),
            true,
        ),
        (
            DataType::Decimal128(9, 2),
            DataType::Decimal128(12, 3),
            false,
        ),
        (
            DataType::Timestamp(TimeUnit::Millisecond, None),
            micros.clone(),
            true,
        ),
        (
            DataType::Timestamp(TimeUnit::Nanosecond, None),
            micros.clone(),
            true,
        ),
        (DataType::Utf8, DataType::Int32, false),
        (DataType::Boolean, DataType::Int32, false),
    ];
    for (from, to, expected) in cases {
        assert_eq!(
            Conversion::between(&from, &to).is_some(),
            expected,
            "{from} to {to}"
        );
    }
    let nanos = arrow_array::TimestampNanosecondArray::from(vec![1999, -1]);
    let floored = Conversion::between(nanos.data_type(), &micros).unwrap();
    assert!(!floored.keeps_statistics());
    let floored = floored.apply(Arc::new(nanos)).unwrap();
    let floored = floored.as_primitive::<arrow_array::types::TimestampMicrosecondType>();
    assert_eq!(floored.values().as_ref(), [1, -1]);
}
