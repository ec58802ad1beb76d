//! The writer's schema as a tree.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::{Error, Result};

/// Deeper schemas are refused: manifests need five levels.
const LEVELS_MAX: usize = 32;
/// Larger schemas are refused. Named types can be used many times over, so that a short text can
/// describe a tree that would take forever to walk.
const WEIGHT_MAX: usize = 100_000;

/// A type of the writer.
#[derive(Debug)]
pub(crate) enum Node {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Fixed(usize),
    /// A `fixed` behind its length.
    FixedWithLength(usize),
    Enum,
    Record(Vec<Field>),
    Array(Arc<Node>),
    Map(Arc<Node>),
    Union(Vec<Arc<Node>>),
}

/// How a writer lays out a `fixed` that is nothing else, such as a decimal or a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FixedForm {
    /// As Avro has it: its bytes.
    Bare,
    /// Its length and its bytes. Iceberg's Java library writes partition values so, against the
    /// schema in the same file.
    WithLength,
}

/// A field of a record.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    /// Iceberg's `field-id`.
    pub(crate) id: Option<i32>,
    pub(crate) node: Arc<Node>,
}

impl Node {
    /// Reads the JSON of a schema, and says whether `form` made a difference.
    pub(crate) fn parse(json: &[u8], form: FixedForm) -> Result<(Arc<Node>, bool)> {
        let json: Json = serde_json::from_slice(json)
            .map_err(|error| Error::corrupt("avro.schema: not JSON").with_source(error))?;
        let mut named = Named {
            known: HashMap::new(),
            form,
            has_plain_fixed: false,
        };
        let (node, _) =
            build(&json, LEVELS_MAX, &mut named).map_err(|error| error.within("avro.schema"))?;
        Ok((node, named.has_plain_fixed))
    }

    /// How many varints a value always consists of, where it is nothing else.
    pub(crate) fn varint_count(&self) -> Option<usize> {
        match self {
            Node::Int | Node::Long | Node::Enum => Some(1),
            Node::Record(fields) => fields
                .iter()
                .map(|field| field.node.varint_count())
                .sum::<Option<usize>>(),
            _ => None,
        }
    }

    /// What is inside `union { null, X }`; everything else stands for itself.
    pub(crate) fn present(&self) -> &Node {
        match self {
            Node::Union(branches) => {
                let mut present = branches
                    .iter()
                    .filter(|branch| !matches!(branch.as_ref(), Node::Null));
                match (present.next(), present.next()) {
                    (Some(only), None) => only,
                    _ => self,
                }
            }
            _ => self,
        }
    }
}

/// What was built so far.
struct Named {
    /// Types by name, each with its weight: a record is known below it only once it is complete,
    /// so that no type can contain itself.
    known: HashMap<String, (Arc<Node>, usize)>,
    form: FixedForm,
    has_plain_fixed: bool,
}

fn build(json: &Json, levels: usize, named: &mut Named) -> Result<(Arc<Node>, usize)> {
    let Some(levels) = levels.checked_sub(1) else {
        return Err(Error::limit(format!(
            "nests deeper than {LEVELS_MAX} levels"
        )));
    };
    let (node, weight) = match json {
        Json::String(name) => return by_name(name, named),
        Json::Array(branches) => {
            let mut weight = 1usize;
            let mut nodes = Vec::new();
            for branch in branches {
                let (node, branch_weight) = build(branch, levels, named)?;
                weight = weight.saturating_add(branch_weight);
                nodes.push(node);
            }
            (Arc::new(Node::Union(nodes)), weight)
        }
        Json::Object(_) => build_object(json, levels, named)?,
        _ => return Err(Error::corrupt("a type that is no name, object or array")),
    };
    if weight > WEIGHT_MAX {
        return Err(Error::limit(format!(
            "describes more than {WEIGHT_MAX} values per record"
        )));
    }
    Ok((node, weight))
}

fn build_object(json: &Json, levels: usize, named: &mut Named) -> Result<(Arc<Node>, usize)> {
    let written = json
        .get("type")
        .ok_or_else(|| Error::corrupt("a type without \"type\""))?;
    let (node, weight) = match written.as_str() {
        Some("record") => build_record(json, levels, named)?,
        Some("array") => {
            let items = json
                .get("items")
                .ok_or_else(|| Error::corrupt("array without items"))?;
            let (items, weight) = build(items, levels, named)?;
            (Node::Array(items), weight.saturating_add(1))
        }
        Some("map") => {
            let values = json
                .get("values")
                .ok_or_else(|| Error::corrupt("map without values"))?;
            let (values, weight) = build(values, levels, named)?;
            (Node::Map(values), weight.saturating_add(1))
        }
        Some("fixed") => {
            let size = json.get("size").and_then(Json::as_u64);
            let size = size
                .and_then(|size| usize::try_from(size).ok())
                .ok_or_else(|| Error::corrupt("fixed without a size"))?;
            let is_plain = json.get("logicalType").is_none();
            named.has_plain_fixed |= is_plain;
            match named.form {
                FixedForm::WithLength if is_plain => (Node::FixedWithLength(size), 1),
                _ => (Node::Fixed(size), 1),
            }
        }
        Some("enum") => (Node::Enum, 1),
        Some(name) => return by_name(name, named),
        None => return build(written, levels, named),
    };
    let node = Arc::new(node);
    if let Some(name) = json.get("name").and_then(Json::as_str) {
        named
            .known
            .insert(name.to_owned(), (Arc::clone(&node), weight));
        if let Some(space) = json.get("namespace").and_then(Json::as_str) {
            named
                .known
                .insert(format!("{space}.{name}"), (Arc::clone(&node), weight));
        }
    }
    Ok((node, weight))
}

fn build_record(json: &Json, levels: usize, named: &mut Named) -> Result<(Node, usize)> {
    let items = json.get("fields").and_then(Json::as_array);
    let items = items.ok_or_else(|| Error::corrupt("a record without \"fields\""))?;
    let mut weight = 1usize;
    let mut fields = Vec::new();
    for item in items {
        let name = item.get("name").and_then(Json::as_str);
        let name = name.ok_or_else(|| Error::corrupt("a field without \"name\""))?;
        let written = item
            .get("type")
            .ok_or_else(|| Error::corrupt("a field without \"type\""))?;
        let (node, field_weight) = build(written, levels, named)
            .map_err(|error| error.within(format_args!("field {name:?}")))?;
        weight = weight.saturating_add(field_weight);
        let id = item.get("field-id").and_then(Json::as_i64);
        let id = id.and_then(|id| i32::try_from(id).ok());
        fields.push(Field {
            name: name.to_owned(),
            id,
            node,
        });
    }
    Ok((Node::Record(fields), weight))
}

fn by_name(name: &str, named: &Named) -> Result<(Arc<Node>, usize)> {
    let node = match name {
        "null" => Node::Null,
        "boolean" => Node::Boolean,
        "int" => Node::Int,
        "long" => Node::Long,
        "float" => Node::Float,
        "double" => Node::Double,
        "bytes" => Node::Bytes,
        "string" => Node::String,
        _ => {
            let known = named
                .known
                .get(name)
                .map(|(node, weight)| (Arc::clone(node), *weight));
            return known.ok_or_else(|| Error::corrupt(format!("type {name:?} is not defined")));
        }
    };
    Ok((Arc::new(node), 1))
}
