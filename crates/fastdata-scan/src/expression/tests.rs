//! What parses, what it means, and what is refused.

use super::*;

fn name(text: &str) -> ColumnName {
    ColumnName(text.split('.').map(str::to_owned).collect())
}

fn compare(column: &str, op: CompareOp, literal: Literal) -> Predicate {
    Predicate::Compare {
        column: name(column),
        op,
        literal,
    }
}

fn whole(unscaled: i128) -> Literal {
    Literal::Number { unscaled, scale: 0 }
}

#[track_caller]
fn check(text: &str, expected: Predicate) {
    assert_eq!(parse_filter(text).unwrap(), expected, "{text}");
}

#[test]
fn comparisons_keep_their_sides() {
    check("a = 1", compare("a", CompareOp::Eq, whole(1)));
    check("1 < a", compare("a", CompareOp::Gt, whole(1)));
    check("a <> -2", compare("a", CompareOp::NotEq, whole(-2)));
    check(
        "a >= 1.50",
        compare(
            "a",
            CompareOp::GtEq,
            Literal::Number {
                unscaled: 150,
                scale: 2,
            },
        ),
    );
    check(
        "a < 1e3",
        compare("a", CompareOp::Lt, Literal::Float(1000.0)),
    );
    check(
        "x.y > z",
        Predicate::CompareColumns {
            left: name("x.y"),
            op: CompareOp::Gt,
            right: name("z"),
        },
    );
}

#[test]
fn names_are_quoted_both_ways() {
    let odd = ColumnName::top("odd name");
    let expected = Predicate::IsNull {
        column: odd,
        negated: true,
    };
    check("\"odd name\" is not null", expected.clone());
    check("`odd name` is not null", expected);
}

#[test]
fn typed_literals_are_texts() {
    let text = Literal::String("2026-01-15".into());
    check(
        "d = date '2026-01-15'",
        compare("d", CompareOp::Eq, text.clone()),
    );
    check(
        "d = cast('2026-01-15' as date)",
        compare("d", CompareOp::Eq, text.clone()),
    );
    check(
        "d = '2026-01-15'::timestamp",
        compare("d", CompareOp::Eq, text),
    );
    check(
        "b = X'00fF'",
        compare("b", CompareOp::Eq, Literal::Binary(vec![0, 255])),
    );
}

#[test]
fn between_and_in_and_like() {
    check(
        "a not between 1 and 2",
        Predicate::Not(Box::new(Predicate::And(vec![
            compare("a", CompareOp::GtEq, whole(1)),
            compare("a", CompareOp::LtEq, whole(2)),
        ]))),
    );
    check(
        "a not in (1, null)",
        Predicate::In {
            column: name("a"),
            literals: vec![whole(1), Literal::Null],
            negated: true,
        },
    );
    check(
        "a like '10!%%' escape '!'",
        Predicate::Like {
            column: name("a"),
            pattern: "10!%%".into(),
            escape: Some('!'),
            negated: false,
            ignore_case: false,
        },
    );
}

#[test]
fn precedence_is_sqls() {
    let atom = |column: &str| Predicate::IsTrue(name(column));
    check(
        "a or b and not c",
        Predicate::Or(vec![
            atom("a"),
            Predicate::And(vec![atom("b"), Predicate::Not(Box::new(atom("c")))]),
        ]),
    );
}

#[track_caller]
fn refused(text: &str, kind: ErrorKind, needle: &str) {
    let error = parse_filter(text).unwrap_err();
    assert_eq!(error.kind(), kind, "{text}: {error}");
    assert!(error.to_string().contains(needle), "{text}: {error}");
}

#[test]
fn what_has_no_meaning_is_refused_by_name() {
    refused("a + 1 = 2", ErrorKind::Unsupported, "a + 1");
    refused("upper(a) = 'X'", ErrorKind::Unsupported, "upper(a)");
    refused("a in (select 1)", ErrorKind::Unsupported, "SELECT 1");
    refused("1 = 1", ErrorKind::InvalidArgument, "compares no column");
    refused("a =", ErrorKind::InvalidArgument, "does not parse");
    refused("a = 1 b", ErrorKind::InvalidArgument, "unexpected `b`");
    refused("a ~ 'x'", ErrorKind::Unsupported, "~");
    refused("42", ErrorKind::InvalidArgument, "not a condition");
}

#[test]
fn deep_nesting_is_an_error_not_an_overflow() {
    let deep = format!("{}a = 1{}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(parse_filter(&deep).is_err());
    let nots = format!("{}a", "not ".repeat(100_000));
    assert!(parse_filter(&nots).is_err());
}
