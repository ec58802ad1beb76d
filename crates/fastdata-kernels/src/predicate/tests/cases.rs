//! What predicates are bound to, settled to and evaluated to, case by case.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float32Array, Int8Array, RecordBatch, StringViewArray};
use arrow_schema::{DataType, Field, Fields, Schema};

use super::written::{compare, int, number, text};
use crate::ErrorKind;
use crate::predicate::{
    ColumnFacts, ColumnName, ColumnPath, CompareOp, Datum, Facts, Literal, Predicate, Presence,
    bind,
};

fn shown(predicate: &Predicate, schema: &Schema) -> String {
    match bind(predicate, schema) {
        Ok(bound) => bound.to_string(),
        Err(error) => format!("{:?}: {error}", error.kind()),
    }
}

/// One column `c` of `data_type`, one comparison, and what it is bound to.
#[track_caller]
fn check_bound(data_type: DataType, op: CompareOp, literal: Literal, expected: &str) {
    let schema = Schema::new(vec![Field::new("c", data_type, true)]);
    assert_eq!(shown(&compare("c", op, literal), &schema), expected);
}

#[test]
fn literals_become_the_exact_comparison() {
    use CompareOp::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    let int8 = || DataType::Int8;
    check_bound(int8(), Lt, number(15, 1), "c <= 1");
    check_bound(int8(), GtEq, number(15, 1), "c > 1");
    check_bound(int8(), Gt, number(-15, 1), "c > -2");
    check_bound(int8(), Eq, number(15, 1), "false");
    check_bound(int8(), NotEq, number(15, 1), "c is not null");
    check_bound(int8(), Eq, number(150, 1), "c = 15");
    check_bound(int8(), Lt, int(128), "c is not null");
    check_bound(int8(), LtEq, number(1275, 1), "c is not null");
    check_bound(int8(), Gt, int(-129), "c is not null");
    check_bound(int8(), GtEq, int(128), "false");
    check_bound(int8(), Eq, Literal::Null, "false");
    check_bound(int8(), Lt, Literal::Float(f64::NAN), "c is not null");
    check_bound(DataType::Int64, Eq, Literal::Float(1e3), "c = 1000");
    check_bound(
        DataType::UInt64,
        LtEq,
        int(u64::MAX.into()),
        "c <= 18446744073709551615",
    );
    check_bound(DataType::UInt64, GtEq, int(-1), "c is not null");
    check_bound(DataType::Int64, Lt, Literal::Float(1e300), "c is not null");
    check_bound(DataType::Int64, Gt, Literal::Float(1e-300), "c > 0");
    check_bound(DataType::Int64, Lt, Literal::Float(-1e-300), "c <= -1");
    let decimal = || DataType::Decimal128(10, 2);
    check_bound(decimal(), Lt, number(1_234, 3), "c <= 1.23");
    check_bound(decimal(), Eq, number(-5, 1), "c = -0.50");
    check_bound(decimal(), Eq, Literal::Float(0.1), "c = 0.10");
    check_bound(
        DataType::Decimal32(9, 2),
        Lt,
        int(i128::MAX),
        "c is not null",
    );
    check_bound(
        DataType::Decimal256(76, 0),
        Eq,
        int(i128::MAX),
        &format!("c = {}", i128::MAX),
    );
    check_bound(DataType::Decimal64(10, -2), GtEq, int(250), "c > 200");
    check_bound(
        DataType::Float32,
        Eq,
        number(1, 1),
        "c = 0.10000000149011612",
    );
    check_bound(
        DataType::Float32,
        Lt,
        Literal::Float(1e300),
        "c <= 340282346638528860000000000000000000000",
    );
    check_bound(DataType::Float64, Eq, text("nan"), "c = 'NaN'");
    check_bound(DataType::Float64, Gt, Literal::Float(-0.0), "c > 0");
    check_bound(DataType::Float16, Eq, int(70_000), "false");
}

#[test]
fn strings_become_dates_times_and_uuids() {
    use CompareOp::{Eq, Gt, GtEq, Lt};
    use arrow_schema::TimeUnit::{Microsecond, Millisecond, Second};
    let zoned = || DataType::Timestamp(Microsecond, Some("UTC".into()));
    let local = || DataType::Timestamp(Millisecond, None);
    check_bound(DataType::Date32, Eq, text("2026-01-15"), "c = '2026-01-15'");
    check_bound(
        DataType::Date32,
        Lt,
        text("2026-01-15 12:00"),
        "c <= '2026-01-15'",
    );
    check_bound(
        DataType::Date64,
        GtEq,
        text("1969-12-31"),
        "c >= '1969-12-31'",
    );
    check_bound(
        zoned(),
        GtEq,
        text("2026-01-15"),
        "c >= '2026-01-15 00:00:00Z'",
    );
    check_bound(
        zoned(),
        Eq,
        text("2026-01-15T08:30:00.5"),
        "c = '2026-01-15 08:30:00.500Z'",
    );
    check_bound(
        zoned(),
        Eq,
        text("2026-01-15 08:30+02:00"),
        "c = '2026-01-15 06:30:00Z'",
    );
    check_bound(
        zoned(),
        Eq,
        text("2026-01-15 08:30:00 UTC"),
        "c = '2026-01-15 08:30:00Z'",
    );
    check_bound(
        local(),
        Gt,
        text("2026-01-15 08:30:00.0005"),
        "c > '2026-01-15 08:30:00'",
    );
    check_bound(
        local(),
        Eq,
        text("2026-01-15 08:30:00Z"),
        "c = '2026-01-15 08:30:00'",
    );
    check_bound(
        local(),
        Lt,
        text("-0044-03-15"),
        "c < '-0044-03-15 00:00:00'",
    );
    check_bound(
        DataType::Time32(Second),
        Lt,
        text("08:30:00.5"),
        "c <= '08:30:00'",
    );
    check_bound(
        DataType::Time64(Microsecond),
        Eq,
        text("08:30:00.000001"),
        "c = '08:30:00.000001'",
    );
    let uuid = "550e8400-e29b-41d4-a716-446655440000";
    let hex = "c = X'550e8400e29b41d4a716446655440000'";
    check_bound(DataType::FixedSizeBinary(16), Eq, text(uuid), hex);
    check_bound(
        DataType::FixedSizeBinary(16),
        Eq,
        text(&uuid.replace('-', "")),
        hex,
    );
    check_bound(DataType::BinaryView, Eq, text("ab"), "c = X'6162'");
    check_bound(
        DataType::Binary,
        Eq,
        Literal::Binary(vec![0, 255]),
        "c = X'00ff'",
    );
    for wrong in [
        "2026-02-30",
        "2026-1-1",
        "15.01.2026",
        "2026-01-15 25:00",
        "2026-01-15 08",
        "",
        "+026-01-01",
    ] {
        let schema = Schema::new(vec![Field::new("c", zoned(), true)]);
        let error = bind(&compare("c", Eq, text(wrong)), &schema).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{wrong}");
    }
}

#[test]
fn wrong_pairs_name_both_types() {
    use CompareOp::Eq;
    let refused = |data_type: DataType, literal: Literal, words: [&str; 2]| {
        let schema = Schema::new(vec![Field::new("c", data_type, true)]);
        let error = bind(&compare("c", Eq, literal), &schema).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        for word in words {
            assert!(error.to_string().contains(word), "{error}");
        }
    };
    refused(DataType::Int64, text("5"), ["Int64", "string '5'"]);
    refused(DataType::Utf8, int(5), ["Utf8", "number 5"]);
    refused(DataType::Boolean, int(1), ["Boolean", "number 1"]);
    refused(
        DataType::Int32,
        Literal::Boolean(true),
        ["Int32", "boolean true"],
    );
    refused(
        DataType::FixedSizeBinary(16),
        text("x"),
        ["FixedSizeBinary(16)", "string 'x'"],
    );
    let list = DataType::List(Arc::new(Field::new("item", DataType::Int32, true)));
    refused(list.clone(), int(1), ["List", "is [not] null"]);
    let schema = Schema::new(vec![Field::new("c", list, true)]);
    let is_null = Predicate::IsNull {
        column: ColumnName::top("c"),
        negated: false,
    };
    assert_eq!(shown(&is_null, &schema), "c is null");
}

#[test]
fn names_are_found_exactly_then_in_any_case() {
    let inner = Fields::from(vec![Field::new("City", DataType::Utf8, true)]);
    let schema = Schema::new(vec![
        Field::new("Score", DataType::Int32, true)
            .with_metadata(HashMap::from([("PARQUET:field_id".into(), "7".into())])),
        Field::new("id", DataType::Int32, true),
        Field::new("ID", DataType::Int32, true),
        Field::new("home", DataType::Struct(inner), true),
        Field::new("a.b", DataType::Int32, true),
    ]);
    let named = |parts: &[&str]| Predicate::IsNull {
        column: ColumnName(parts.iter().map(|part| (*part).to_owned()).collect()),
        negated: false,
    };
    assert_eq!(shown(&named(&["score"]), &schema), "Score is null");
    assert_eq!(shown(&named(&["id"]), &schema), "id is null");
    assert_eq!(
        shown(&named(&["HOME", "city"]), &schema),
        "home.City is null"
    );
    assert_eq!(shown(&named(&["a", "b"]), &schema), "a.b is null");
    assert!(shown(&named(&["Id"]), &schema).contains("ambiguous: id, ID"));
    assert!(shown(&named(&["scor"]), &schema).contains("near names: Score"));
    assert!(shown(&named(&["home", "cty"]), &schema).contains("near names: City"));
    assert!(shown(&named(&["score", "x"]), &schema).contains("has no field x"));
    assert!(
        shown(&named(&["nothing"]), &schema).starts_with("InvalidArgument: there is no column")
    );
    let bound = bind(&named(&["score"]), &schema).unwrap();
    assert_eq!(bound.columns()[0].field_id, Some(7));
    let moved = bound.remap(&|column| {
        Some(ColumnPath {
            indices: vec![3],
            ..column.clone()
        })
    });
    assert_eq!(moved.unwrap().columns()[0].indices, [3]);
    assert_eq!(bound.remap(&|_| None), None);
}

#[test]
fn explain_reads_as_sql() {
    let schema = Schema::new(vec![
        Field::new("a", DataType::Int32, true),
        Field::new("odd name", DataType::Utf8, true),
    ]);
    let name = || ColumnName::top("odd name");
    let like = Predicate::Like {
        column: name(),
        pattern: "it's%".into(),
        escape: None,
        negated: false,
        ignore_case: false,
    };
    let listed = Predicate::In {
        column: ColumnName::top("a"),
        literals: vec![int(3), int(1)],
        negated: true,
    };
    let whole = Predicate::Not(Box::new(Predicate::And(vec![
        Predicate::Or(vec![like, compare("a", CompareOp::Lt, int(5))]),
        listed,
    ])));
    assert_eq!(
        shown(&whole, &schema),
        "(\"odd name\" not like 'it''s%' and a >= 5) or a in (1, 3)"
    );
}

#[test]
fn facts_settle_what_they_should() {
    struct Fixed(ColumnFacts);
    impl Facts for Fixed {
        fn column(&self, _: &ColumnPath) -> Option<ColumnFacts> {
            Some(self.0.clone())
        }
        fn excludes(&self, _: &ColumnPath, value: &Datum) -> bool {
            *value == Datum::Int(15)
        }
    }
    let facts = |min: Datum, max: Datum, nulls: Presence, nans: Presence| {
        Fixed(ColumnFacts {
            min: Some(min),
            max: Some(max),
            nulls,
            nans,
        })
    };
    let schema = Schema::new(vec![
        Field::new("i", DataType::Int32, true),
        Field::new("f", DataType::Float64, true),
        Field::new("s", DataType::Utf8, true),
    ]);
    let settled = |predicate: &Predicate, facts: &Fixed| {
        bind(predicate, &schema).unwrap().settle(facts).to_string()
    };
    use CompareOp::{Eq, Gt, GtEq, Lt, NotEq};
    use Presence::{All, Maybe, None};
    let ints = |nulls| facts(Datum::Int(10), Datum::Int(20), nulls, None);
    assert_eq!(settled(&compare("i", Lt, int(10)), &ints(None)), "false");
    assert_eq!(settled(&compare("i", GtEq, int(10)), &ints(None)), "true");
    assert_eq!(
        settled(&compare("i", GtEq, int(10)), &ints(Maybe)),
        "i >= 10"
    );
    assert_eq!(settled(&compare("i", GtEq, int(10)), &ints(All)), "false");
    assert_eq!(settled(&compare("i", Eq, int(15)), &ints(None)), "false");
    assert_eq!(
        settled(&compare("i", NotEq, int(15)), &ints(Maybe)),
        "i is not null"
    );
    let listed = |negated| Predicate::In {
        column: ColumnName::top("i"),
        literals: [5, 11, 15, 25].map(int).to_vec(),
        negated,
    };
    assert_eq!(settled(&listed(false), &ints(None)), "i = 11");
    assert_eq!(settled(&listed(true), &ints(None)), "i != 11");
    let nonsense = facts(Datum::Int(20), Datum::Int(10), None, None);
    assert_eq!(settled(&compare("i", Eq, int(99)), &nonsense), "i = 99");
    let floats = |nans| facts(Datum::Float(1.0), Datum::Float(2.0), None, nans);
    assert_eq!(settled(&compare("f", Gt, int(5)), &floats(None)), "false");
    assert_eq!(settled(&compare("f", Gt, int(5)), &floats(Maybe)), "f > 5");
    assert_eq!(settled(&compare("f", Lt, int(5)), &floats(Maybe)), "f < 5");
    assert_eq!(settled(&compare("f", Lt, int(1)), &floats(Maybe)), "false");
    assert_eq!(
        settled(&compare("f", Eq, text("NaN")), &floats(None)),
        "false"
    );
    assert_eq!(
        settled(&compare("f", Lt, text("NaN")), &floats(None)),
        "true"
    );
    let strings = facts(
        Datum::String("abd".into()),
        Datum::String("abz".into()),
        None,
        None,
    );
    let like = |pattern: &str, negated| Predicate::Like {
        column: ColumnName::top("s"),
        pattern: pattern.into(),
        escape: Option::None,
        negated,
        ignore_case: false,
    };
    assert_eq!(settled(&like("abc%", false), &strings), "false");
    assert_eq!(settled(&like("ab%", false), &strings), "true");
    assert_eq!(settled(&like("ab%", true), &strings), "false");
    assert_eq!(settled(&like("b%x", true), &strings), "true");
    assert_eq!(settled(&like("abe%", false), &strings), "s like 'abe%'");
}

/// A batch whose columns are of other layouts and units than those the predicate was bound to.
#[test]
fn batches_of_other_layouts_are_understood() {
    let schema = Schema::new(vec![
        Field::new("i", DataType::Int64, true),
        Field::new("f", DataType::Float64, true),
        Field::new("s", DataType::Utf8, true),
    ]);
    let batch = RecordBatch::try_from_iter([
        ("i", Arc::new(Int8Array::from(vec![1, 2, 127])) as ArrayRef),
        (
            "f",
            Arc::new(Float32Array::from(vec![0.1, 0.2, f32::NAN])) as ArrayRef,
        ),
        (
            "s",
            Arc::new(StringViewArray::from(vec!["a", "b", "c"])) as ArrayRef,
        ),
    ])
    .unwrap();
    let kept = |predicate: Predicate| -> Vec<bool> {
        bind(&predicate, &schema)
            .unwrap()
            .evaluate(&batch)
            .unwrap()
            .iter()
            .collect()
    };
    assert_eq!(kept(compare("i", CompareOp::Lt, int(1_000))), [true; 3]);
    assert_eq!(
        kept(compare("i", CompareOp::GtEq, int(2))),
        [false, true, true]
    );
    // 0.1 as a float of 32 bits is greater than 0.1 as one of 64.
    assert_eq!(kept(compare("f", CompareOp::Gt, number(1, 1))), [true; 3]);
    assert_eq!(
        kept(compare("f", CompareOp::LtEq, number(1, 1))),
        [false; 3]
    );
    assert_eq!(
        kept(compare("s", CompareOp::Eq, text("b"))),
        [false, true, false]
    );
    let wrong = bind(&compare("s", CompareOp::Eq, text("b")), &schema)
        .unwrap()
        .remap(&|column| {
            Some(ColumnPath {
                indices: vec![0],
                ..column.clone()
            })
        });
    let error = wrong.unwrap().evaluate(&batch).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}
