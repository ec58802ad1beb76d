//! Arrow types as people read them.

use std::fmt::Write;

use arrow_schema::{DataType, Field};

/// `data_type` with the names and types of what is inside, and without the ids that fields carry:
/// `Struct<a: Int32, b: List<Utf8>>`.
pub fn type_text(data_type: &DataType) -> String {
    let mut text = String::new();
    write_type(&mut text, data_type);
    text
}

fn write_type(text: &mut String, data_type: &DataType) {
    // Writing to a String cannot fail.
    let _ = match data_type {
        DataType::Struct(fields) => {
            text.push_str("Struct<");
            for (index, field) in fields.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { ", " });
                let _ = write!(text, "{}: ", field.name());
                write_field(text, field);
            }
            write!(text, ">")
        }
        DataType::List(item) => wrap(text, "List", &[item]),
        DataType::LargeList(item) => wrap(text, "LargeList", &[item]),
        DataType::FixedSizeList(item, len) => {
            let _ = wrap(text, "FixedSizeList", &[item]);
            text.pop();
            write!(text, ", {len}>")
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) => {
                let fields: Vec<&Field> = fields.iter().map(AsRef::as_ref).collect();
                wrap(text, "Map", &fields)
            }
            other => write!(text, "Map<{other}>"),
        },
        other => write!(text, "{other}"),
    };
}

fn wrap(text: &mut String, name: &str, inner: &[&Field]) -> std::fmt::Result {
    write!(text, "{name}<")?;
    for (index, field) in inner.iter().enumerate() {
        text.push_str(if index == 0 { "" } else { ", " });
        write_field(text, field);
    }
    write!(text, ">")
}

fn write_field(text: &mut String, field: &Field) {
    write_type(text, field.data_type());
    if !field.is_nullable() {
        text.push_str(" not null");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_is_inside_is_told_without_ids() {
        let id = |id: &str| [("PARQUET:field_id".to_owned(), id.to_owned())].into();
        let a = Field::new("a", DataType::Int32, false).with_metadata(id("4"));
        let item = Arc::new(Field::new("item", DataType::Utf8, true).with_metadata(id("5")));
        let b = Field::new("b", DataType::List(item.clone()), true);
        let whole = DataType::Struct(vec![a, b].into());
        assert_eq!(
            type_text(&whole),
            "Struct<a: Int32 not null, b: List<Utf8>>"
        );
        let entries = vec![
            Field::new("key", DataType::Utf8, false),
            Field::new("value", whole, true),
        ];
        let entries = Field::new("entries", DataType::Struct(entries.into()), false);
        assert_eq!(
            type_text(&DataType::Map(Arc::new(entries), false)),
            "Map<Utf8 not null, Struct<a: Int32 not null, b: List<Utf8>>>"
        );
        let fixed = DataType::FixedSizeList(item, 3);
        assert_eq!(type_text(&fixed), "FixedSizeList<Utf8, 3>");
        assert_eq!(type_text(&DataType::Decimal128(9, 2)), "Decimal128(9, 2)");
    }
}
