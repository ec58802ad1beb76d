//! Values as JSON, for programs that read what the command prints.

use serde_json::{Map, Number, Value as Json, json};

use super::value::Value;

/// What JSON shows of an object: its text, cut.
const TEXT_CHARS_MAX: usize = 1000;

impl Value {
    /// As JSON: numbers, texts, lists and dicts as themselves; tuples and sets as lists; everything
    /// else as an object with its `python` class and its `text`.
    pub fn to_json(&self) -> Json {
        match self {
            Self::None => Json::Null,
            Self::Bool(bool) => Json::Bool(*bool),
            Self::Int(int) => Json::from(*int),
            Self::Float(float) => match Number::from_f64(*float) {
                Some(number) => Json::Number(number),
                None => self.as_text(),
            },
            Self::Str(text) => Json::String(text.clone()),
            Self::List(items) | Self::Tuple(items) | Self::Set(items) | Self::FrozenSet(items) => {
                items.iter().map(Self::to_json).collect()
            }
            _ => match self.as_entries() {
                Some(entries) => object(entries).unwrap_or_else(|| self.as_text()),
                None => self.as_text(),
            },
        }
    }

    fn as_text(&self) -> Json {
        json!({"python": self.type_name(), "text": self.preview(TEXT_CHARS_MAX)})
    }
}

/// A JSON object, if every key is a text, once.
fn object(entries: &[(Value, Value)]) -> Option<Json> {
    let mut object = Map::new();
    for (key, value) in entries {
        object.insert(key.as_str()?.to_owned(), value.to_json());
    }
    (object.len() == entries.len()).then_some(Json::Object(object))
}
