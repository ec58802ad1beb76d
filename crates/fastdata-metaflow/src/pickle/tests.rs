//! Pickles of every protocol, hostile ones, and what serde makes of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::*;
use crate::ErrorKind;

#[track_caller]
fn shows(pickle: &[u8], expected: &str) {
    match read(pickle) {
        Ok(value) => assert_eq!(value.to_string(), expected),
        Err(error) => assert_eq!(format!("{error:?}"), expected),
    }
}

#[track_caller]
fn refused(pickle: &[u8], kind: ErrorKind) {
    match read(pickle) {
        Ok(value) => panic!("read as {}", value.preview(200)),
        Err(error) => assert_eq!(error.kind(), kind, "{error:?}"),
    }
}

#[test]
fn old_protocols() {
    // What CPython's `pickle.dumps([1, 1.5, 'é', None, True, (2,), {'a': 1 << 70}], 0)` writes.
    shows(
        b"(lp0\nI1\naF1.5\naV\xe9\np1\naNaI01\na(I2\ntp2\na(dp3\nVa\np4\nL1180591620717411303424L\nsa.",
        "[1, 1.5, '\u{e9}', None, True, (2,), {'a': 1180591620717411303424}]",
    );
    shows(b"S'it\\'s \\x41\\n'\np0\n.", "'it\\'s A\\n'");
    shows(b"V\\u20ac \\U0001F600\n.", "'\u{20ac} \u{1f600}'");
    shows(b"(lp0\nI2147483648\naI-5\na.", "[2147483648, -5]");
    shows(
        b"ccollections\nOrderedDict\n((lp0\n(S'a'\nI1\nlatR.",
        "OrderedDict({'a': 1})",
    );
    // A class of Python 2, and bytes of protocol 2.
    shows(b"(i__main__\nA\n(dS'x'\nI1\nsb.", "__main__.A() {'x': 1}");
    shows(
        b"\x80\x02c_codecs\nencode\nX\x02\0\0\0\xc3\xbfX\x06\0\0\0latin1\x86R.",
        "b'\\xff'",
    );
    shows(b"\x80\x02c__builtin__\nset\n]K\x01a\x85R.", "{1}");
}

#[test]
fn new_protocols() {
    shows(b"\x80\x04\x95\x02\0\0\0\0\0\0\0\x8f.", "set()");
    shows(b"\x80\x04(K\x01K\x02\x91.", "frozenset({1, 2})");
    shows(b"\x80\x05\x96\x02\0\0\0\0\0\0\0ab.", "b'ab'");
    shows(
        b"\x80\x04\x8a\x08\0\0\0\0\0\0\0\x80.",
        "-9223372036854775808",
    );
    shows(
        b"\x80\x04\x8a\x09\0\0\0\0\0\0\0\x80\0.",
        "9223372036854775808",
    );
    shows(b"\x80\x04\x8a\0.", "0");
    // A list that holds itself, shown as Python does.
    shows(b"\x80\x04]\x94h\0a.", "[[...]]");
    shows(
        b"\x80\x04\x8c\x08datetime\x8c\x08datetime\x93C\x0a\x07\xe4\x01\x02\x03\x04\x05\0\0\x06\x85R.",
        "datetime(2020-01-02T03:04:05.000006)",
    );
    shows(
        b"\x80\x04\x8c\x07pathlib\x8c\x0dPurePosixPath\x93\x8c\x01/\x8c\x01a\x8c\x01b\x87R.",
        "PurePosixPath('/a/b')",
    );
    shows(
        b"\x80\x04\x8c\x08__main__\x8c\x0cForeachFrame\x93(\x8c\x04work\x8c\x02xsK\x03K\x01\x8c\x012t\x81.",
        "__main__.ForeachFrame('work', 'xs', 3, 1, '2')",
    );
}

#[test]
fn nothing_runs() {
    shows(b"cos\nsystem\n(S'true'\ntR.", "os.system('true')");
    shows(b"c__builtin__\neval\n(S'1'\ntR.", "eval('1')");
    // The result of a call is called.
    shows(b"cbuiltins\ngetattr\n(S'a'\ntR(tR.", "call(getattr('a'))");
    shows(b"cos\nsystem\n.", "<os.system>");
}

#[test]
fn broken_ones() {
    for pickle in [
        b"".as_slice(),
        b".",
        b"N",
        b"\x80\x04",
        b"K",
        b"h\0.",
        b"t.",
        b"(.",
        b"Na.",
        b"NNs.",
        b"(NNN}u.",
        b"}(Nu.",
        b"cos\n.",
        b"Fx\n.",
        b"Ix\n.",
        b"S'\n.",
        b"S'\\x4'\n.",
        b"\x8b\xff\xff\xff\xff.",
        b"B\xff\xff\xff\xff.",
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\xff.",
        b"\xff.",
        b"(N(o.",
    ] {
        refused(pickle, ErrorKind::Corrupt);
    }
    refused(b"\x80\x06N.", ErrorKind::Unsupported);
    refused(b"\x97.", ErrorKind::Unsupported);
    refused(b"P1\n.", ErrorKind::Unsupported);
    refused(b"\x82\x01.", ErrorKind::Unsupported);
}

#[test]
fn endless_ones() {
    let deep = [vec![b']'; 100_000], vec![b'a'; 99_999], vec![b'.']].concat();
    refused(&deep, ErrorKind::LimitExceeded);
    // Each list holds the one before ten times: ten billion values.
    let mut laughs = b"]q\0(".to_vec();
    laughs.extend([b'N'; 10]);
    laughs.push(b'e');
    for round in 0..10_u8 {
        laughs.extend(b"0]");
        laughs.extend([b'q', round + 1, b'(']);
        laughs.extend([b'h', round].repeat(10));
        laughs.push(b'e');
    }
    laughs.push(b'.');
    refused(&laughs, ErrorKind::LimitExceeded);
    // One long text, named again and again.
    let mut echo = b"]q\0(X\0\0\x10\0".to_vec();
    echo.extend(vec![b'x'; 1 << 20]);
    echo.extend(b"q\x01");
    echo.extend(b"h\x01".repeat(1000));
    echo.extend(b"e.");
    refused(&echo, ErrorKind::LimitExceeded);
    // One long tuple as the arguments of many calls.
    let mut calls = b"(".to_vec();
    calls.extend(b"N".repeat(100_000));
    calls.extend(b"tq\0cos\nsystem\nq\x01](");
    calls.extend(b"h\x01h\0R".repeat(100_000));
    calls.extend(b"e.");
    refused(&calls, ErrorKind::LimitExceeded);
}

#[test]
fn every_cut_and_every_flip() {
    let value = to_value(&sample()).unwrap();
    let pickle = write(&value);
    for len in 0..pickle.len() {
        refused(&pickle[..len], ErrorKind::Corrupt);
    }
    for at in 0..pickle.len() {
        for bit in 0..8 {
            let mut flipped = pickle.clone();
            flipped[at] ^= 1 << bit;
            if let Ok(value) = read(&flipped) {
                assert!(value.preview(10_000).chars().count() <= 10_001);
                let _ = value.to_json();
                let _ = from_value::<Sample>(value);
            }
        }
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Sample {
    name: String,
    score: f64,
    tags: Vec<Option<u8>>,
    kind: Kind,
    others: Vec<Kind>,
    pair: (i128, u64),
    by_name: BTreeMap<String, bool>,
    by_number: BTreeMap<i64, char>,
    nothing: (),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Kind {
    Plain,
    One(i32),
    Two(u16, String),
    Named { a: bool },
}

fn sample() -> Sample {
    Sample {
        name: "gr\u{fc}n".to_owned(),
        score: -0.25,
        tags: vec![Some(3), None, Some(255)],
        kind: Kind::Plain,
        others: vec![
            Kind::One(-7),
            Kind::Two(65_535, String::new()),
            Kind::Named { a: true },
        ],
        pair: (i128::MIN, u64::MAX),
        by_name: [("a".to_owned(), true), ("b".to_owned(), false)].into(),
        by_number: [(-1, 'x'), (1 << 40, '\u{20ac}')].into(),
        nothing: (),
    }
}

#[test]
fn serde_there_and_back() {
    let pickle = to_vec(&sample()).unwrap();
    assert_eq!(from_slice::<Sample>(&pickle).unwrap(), sample());
    let value = read(&pickle).unwrap();
    assert_eq!(write(&value), pickle);
    assert_eq!(from_slice::<Vec<u8>>(b"C\x02ab.").unwrap(), b"ab");
    let error = from_slice::<Vec<String>>(b"]K\x01a.").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    from_slice::<u8>(b"M\0\x01.").unwrap_err();
    from_slice::<f64>(b"cos\nsystem\n.").unwrap_err();
}

#[test]
fn long_values_in_frames() {
    let long = Value::List(vec![
        Value::Bytes(vec![7; 200_000].into()),
        Value::Str("x".repeat(100_000)),
        Value::List((0..5000).map(Value::Int).collect()),
        Value::Dict(
            (0..2500)
                .map(|idx| (Value::Int(idx), Value::None))
                .collect(),
        ),
        Value::Tuple(
            (0..300)
                .map(|idx| Value::from(format!("text {}", idx % 290)))
                .collect(),
        ),
        Value::Set((0..1500).map(Value::Int).collect()),
        Value::Int(i64::MIN),
    ]);
    assert_eq!(read(&write(&long)).unwrap(), long);
}

#[test]
fn numpy() {
    // As NumPy 2 pickles `np.arange(6, dtype='>i2').reshape(2, 3)` with protocol 4, shortened.
    let pickle = b"\x80\x04\x8c\x16numpy._core.multiarray\x8c\x0c_reconstruct\x93\x8c\x05numpy\x8c\x07ndarray\x93K\0\x85C\x01b\x87R\
        (K\x01K\x02K\x03\x86\x8c\x05numpy\x8c\x05dtype\x93\x8c\x02i2\x89\x88\x87R(K\x03\x8c\x01>NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\
        \x89C\x0c\0\0\0\x01\0\x02\0\x03\0\x04\xff\xfbtb.";
    let value = read(pickle).unwrap();
    assert_eq!(value.to_string(), "array int16 (2, 3) [0, 1, 2, 3, 4, -5]");
    let array = Array::of(&value).unwrap();
    assert_eq!((array.shape, array.data.len()), (vec![2, 3], 12));
    let scalar = b"\x80\x04\x8c\x16numpy._core.multiarray\x8c\x06scalar\x93\x8c\x05numpy\x8c\x05dtype\x93\x8c\x02f8\x89\x88\x87R\
        (K\x03\x8c\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tbC\x08\0\0\0\0\0\0\xe0?\x86R.";
    shows(scalar, "float64(0.5)");
    assert_eq!(from_slice::<f64>(scalar).unwrap(), 0.5);
    // A dtype whose name begins with a character of two bytes, as nobody writes it.
    let find = b"\x80\x04\x8c\x16numpy._core.multiarray\x8c\x06scalar\x93\x8c\x05numpy\x8c\x05dtype\x93\x8c\x02\xc2\x828\x89\x88\x87R\
        (K\x03\x8c\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tbC\x08\0\0\0\0\0\0\xe0?\x86R.";
    let shown = |value: Value| Array::of(&value).map(|array| array.to_string());
    assert!(read(find).ok().and_then(shown).is_none());
}

#[test]
fn previews_are_bounded() {
    let long = Value::List((0..1_000_000).map(Value::Int).collect());
    assert_eq!(long.preview(10), "[0, 1, 2, \u{2026}");
    assert_eq!(Value::from("\u{e9}\u{e9}").preview(4), "'\u{e9}\u{e9}'");
}

#[test]
fn json_is_what_programs_expect() {
    let value = Value::Dict(vec![
        (
            "a".into(),
            Value::Tuple(vec![Value::None, Value::Float(f64::NAN)]),
        ),
        (
            "b".into(),
            Value::Dict(vec![(Value::Int(1), Value::Int(2))]),
        ),
        ("c".into(), Value::Bytes(bytes::Bytes::from_static(b"x"))),
    ]);
    assert_eq!(
        value.to_json().to_string(),
        r#"{"a":[null,{"python":"float","text":"nan"}],"b":{"python":"dict","text":"{1: 2}"},"c":{"python":"bytes","text":"b'x'"}}"#
    );
}

fn numbers(ints: &[i64]) -> Value {
    Value::List(ints.iter().copied().map(Value::Int).collect())
}

fn dict(entries: &[(&str, Value)]) -> Value {
    let entry = |(key, value): &(&str, Value)| (Value::from(*key), value.clone());
    Value::Dict(entries.iter().map(entry).collect())
}

/// The keys under which Metaflow saves these values: SHA-1 of what CPython 3.11's `pickle.dumps`
/// writes. Equal bytes are stored once, whoever saved them.
#[test]
fn as_cpython_writes() {
    let written = [
        (Value::None, "dbc1aaddc8b7343d6d33b34edcf608b8f8801918"),
        (
            Value::Float(0.5),
            "68cf2a0a9f73a5883fcbe867cb277a6ec8637603",
        ),
        (
            "gr\u{fc}n".into(),
            "dece3c45e5b242c1c2c964f08f19976f45219f36",
        ),
        (
            numbers(&[1, -1, 300, 70_000, 1 << 40]),
            "1fe4c74c4f37f3732a4a7a220b98407c3455ab38",
        ),
        (numbers(&[]), "c5cf38908fc549f499ade5b17ce221ff0ced377f"),
        (
            Value::Tuple(vec![Value::Int(1), "a".into()]),
            "10f7508f2a80d7053ce02d27812a6f766aa3c15f",
        ),
        (
            Value::Tuple(vec![]),
            "1c51fb004099bba9a8f4a37ec0d5aabf50f6d5f6",
        ),
        (
            dict(&[
                ("a", Value::Int(1)),
                (
                    "b",
                    Value::List(vec![
                        dict(&[("a", Value::Int(2))]),
                        dict(&[("a", Value::Int(3))]),
                    ]),
                ),
            ]),
            "31a0b4fe13ae52acda2943f550fcb007a8700a2a",
        ),
        (
            Value::Bytes(Bytes::from_static(b"\0ab")),
            "c97ea935dbeee5a560d45f1f7a90515aa86a1308",
        ),
        (
            Value::Bool(true),
            "868436778cb011a1c6230bc12534683ab0b7f1c3",
        ),
        (
            Value::Set(vec![Value::Int(3)]),
            "6d0a3a37bdf6f97fe3cb4cded2a329d94525385b",
        ),
        (
            Value::FrozenSet(vec![Value::Int(3)]),
            "cce039b813b4e095d8a949e68ac0a1d6f823d218",
        ),
        (
            numbers(&(0..2500).collect::<Vec<_>>()),
            "4cec59a76eb16d06699e9ea2f68530f1c98c46bd",
        ),
        (
            numbers(&(0..100_000).collect::<Vec<_>>()),
            "804692024d2091bf24ba79bbd004dd9ee054b2dd",
        ),
        (
            Value::Dict(
                (0..2500)
                    .map(|idx| (Value::Int(idx), Value::None))
                    .collect(),
            ),
            "e0eeb2d307e20f191356de5c8f684ff343e2bdbb",
        ),
        (
            Value::List(vec![
                Value::Bytes(vec![7; 200_000].into()),
                "x".repeat(100_000).into(),
                Value::Int(1),
            ]),
            "f9d5ac510284480655485d480d779baa24c098a1",
        ),
    ];
    for (value, expected) in written {
        let key = fastdata_cas::Key::of(&write(&value), fastdata_cas::HashAlgorithm::Sha1);
        assert_eq!(key.to_string(), expected, "{}", value.preview(60));
    }
}
