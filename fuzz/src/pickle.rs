//! The target of pickles, and what it starts from.

use fastdata_metaflow::pickle::{Array, Value, from_value, read, write};

/// The bytes as a pickle: whatever comes out can be shown, written and read again.
pub fn pickle(data: &[u8]) {
    let Ok(value) = read(data) else {
        return;
    };
    let _ = value.preview(1000);
    let _ = Array::of(&value).map(|array| array.to_string());
    let _ = value.type_name();
    let written = write(&value);
    let again = read(&written).expect("what was written can be read");
    assert_eq!(
        again.preview(1000),
        value.preview(1000),
        "another value came back"
    );
    let _ = from_value::<Vec<(String, f64)>>(value);
}

/// Seeds, with their names.
pub(crate) fn seeds() -> Vec<(&'static str, String, Vec<u8>)> {
    let plain = Value::Dict(vec![
        ("text".into(), "x".into()),
        (
            "numbers".into(),
            Value::List((-2..300).map(Value::Int).collect()),
        ),
        ("float".into(), Value::Float(0.5)),
        (
            "pair".into(),
            Value::Tuple(vec![Value::None, Value::Bool(true)]),
        ),
        ("set".into(), Value::Set(vec![Value::Int(1 << 40)])),
        (
            "bytes".into(),
            Value::Bytes(bytes::Bytes::from_static(b"abc")),
        ),
    ]);
    let date = b"\x80\x04\x8c\x08datetime\x8c\x08datetime\x93C\x0a\x07\xe4\x01\x02\x03\x04\x05\0\0\x06\x85R.";
    let array = b"\x80\x04\x8c\x16numpy._core.multiarray\x8c\x06scalar\x93\x8c\x05numpy\x8c\x05dtype\x93\x8c\x02f8\x89\x88\x87R\
        (K\x03\x8c\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tbC\x08\0\0\0\0\0\0\xe0?\x86R.";
    let old = b"(lp0\nI1\naF1.5\naV\xe9\np1\naNa(dp3\nS'a'\np4\nL1180591620717411303424L\nsa.";
    let class = b"\x80\x02c__main__\nA\nq\0)\x81q\x01}q\x02X\x01\0\0\0xq\x03K\x01sb.";
    let seeds = [
        write(&plain),
        date.to_vec(),
        array.to_vec(),
        old.to_vec(),
        class.to_vec(),
    ];
    let named = |(number, seed)| ("pickle", format!("pickle-{number}"), seed);
    seeds.into_iter().enumerate().map(named).collect()
}
