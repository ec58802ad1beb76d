//! From the machine's nodes to a tree of values.
//!
//! Shared nodes are copied, and a short pickle can share so cleverly that its tree is endless; so
//! the tree has a budget that grows with the pickle.

use super::machine::{Graph, Id, Node, ObjectNode};
use super::value::{Construct, Global, Object, Value};
use super::{Limits, bigint::BigInt};
use crate::{Error, Result};

struct Builder<'a> {
    graph: &'a Graph,
    limits: &'a Limits,
    /// Values that may still be made.
    values_left: usize,
    /// Bytes of texts that may still be copied.
    text_bytes_left: usize,
    /// Whether a node is being built: met again, it holds itself.
    is_open: Vec<bool>,
}

/// The value of the root.
pub(super) fn build(graph: &Graph, input_bytes: usize, limits: &Limits) -> Result<Value> {
    let mut builder = Builder {
        graph,
        limits,
        values_left: limits.values_max.saturating_add(input_bytes),
        text_bytes_left: limits
            .text_bytes_max
            .saturating_add(input_bytes.saturating_mul(4)),
        is_open: vec![false; graph.nodes.len()],
    };
    builder.value(graph.root, 0)
}

fn missing() -> Error {
    Error::corrupt("the pickle names a value that is not there")
}

fn endless() -> Error {
    Error::limit("the pickle repeats its values so often that they do not fit")
}

impl Builder<'_> {
    fn value(&mut self, id: Id, depth: usize) -> Result<Value> {
        if depth > self.limits.depth_max {
            return Err(Error::limit(format!(
                "the pickle is nested deeper than {} values",
                self.limits.depth_max
            )));
        }
        let graph = self.graph;
        let node = graph.nodes.get(id).ok_or_else(missing)?;
        if let Node::Leaf(value) = node {
            let left = self.text_bytes_left.checked_sub(text_bytes(value));
            self.text_bytes_left = left.ok_or_else(endless)?;
            return Ok(value.clone());
        }
        if std::mem::replace(self.is_open.get_mut(id).ok_or_else(missing)?, true) {
            // As Python shows it.
            let shown = match node {
                Node::List(_) => "[...]",
                Node::Dict(_) => "{...}",
                _ => "...",
            };
            return Ok(Value::Global(Global::new("", shown)));
        }
        let depth = depth + 1;
        let value = match node {
            Node::Leaf(value) => value.clone(),
            Node::List(ids) => Value::List(self.values(ids, depth)?),
            Node::Tuple(ids) => Value::Tuple(self.values(ids, depth)?),
            Node::Set(ids) => Value::Set(self.values(ids, depth)?),
            Node::FrozenSet(ids) => Value::FrozenSet(self.values(ids, depth)?),
            Node::Dict(pairs) => Value::Dict(self.pairs(pairs, depth)?),
            Node::Object(node) => self.object(node, depth)?,
        };
        *self.is_open.get_mut(id).ok_or_else(missing)? = false;
        Ok(value)
    }

    /// Paid before they are made: what is nested may want as much again.
    fn room<T>(&mut self, len: usize) -> Result<Vec<T>> {
        self.values_left = self.values_left.checked_sub(len).ok_or_else(endless)?;
        Ok(Vec::with_capacity(len))
    }

    fn values(&mut self, ids: &[Id], depth: usize) -> Result<Vec<Value>> {
        let mut values = self.room(ids.len())?;
        for id in ids {
            values.push(self.value(*id, depth)?);
        }
        Ok(values)
    }

    fn pairs(&mut self, pairs: &[(Id, Id)], depth: usize) -> Result<Vec<(Value, Value)>> {
        drop(self.room::<()>(pairs.len())?);
        let mut values = self.room(pairs.len())?;
        for (key, value) in pairs {
            values.push((self.value(*key, depth)?, self.value(*value, depth)?));
        }
        Ok(values)
    }

    fn object(&mut self, node: &ObjectNode, depth: usize) -> Result<Value> {
        // An object is as long as several values.
        drop(self.room::<()>(8)?);
        let mut args = match self.graph.nodes.get(node.args) {
            Some(Node::Tuple(ids)) => self.values(ids, depth)?,
            _ => Vec::new(),
        };
        let class = match self.value(node.callable, depth)? {
            Value::Global(class) => class,
            // A call of what a call returned: the callee becomes an argument of no function.
            other => {
                args.insert(0, other);
                Global::new("", "call")
            }
        };
        let kwargs = match node.kwargs.map(|id| self.value(id, depth)).transpose()? {
            None => Vec::new(),
            Some(Value::Dict(entries)) => entries,
            Some(other) => vec![(Value::None, other)],
        };
        let object = Object {
            class,
            construct: node.construct,
            args,
            kwargs,
            state: node.state.map(|id| self.value(id, depth)).transpose()?,
            items: self.values(&node.items, depth)?,
            entries: self.pairs(&node.entries, depth)?,
        };
        Ok(plain(object))
    }
}

fn text_bytes(value: &Value) -> usize {
    match value {
        Value::Str(text) => text.len(),
        Value::BigInt(big) => big.to_le_bytes().len(),
        Value::Global(global) => global.module.len() + global.name.len(),
        _ => 0,
    }
}

/// Entries that a call was given as pairs, as Python 2 writes an `OrderedDict`.
fn entries_of_pairs(pairs: &[Value]) -> Option<Vec<(Value, Value)>> {
    let pair = |pair: &Value| match pair.as_items()? {
        [key, value] => Some((key.clone(), value.clone())),
        _ => None,
    };
    pairs.iter().map(pair).collect()
}

/// Calls by which older protocols write what newer ones have opcodes for.
fn plain(object: Object) -> Value {
    let is_bare = object.state.is_none() && object.items.is_empty() && object.entries.is_empty();
    let is_builtin = matches!(object.class.module.as_str(), "builtins" | "__builtin__");
    let is_call = object.construct == Construct::Call;
    if !is_bare || !is_call {
        return Value::Object(Box::new(object));
    }
    let class = object.class.name.as_str();
    match (class, object.args.as_slice()) {
        ("set", [Value::List(items)]) if is_builtin => Value::Set(items.clone()),
        ("frozenset", [Value::List(items)]) if is_builtin => Value::FrozenSet(items.clone()),
        ("bytearray" | "bytes", [Value::Bytes(bytes)]) if is_builtin => Value::Bytes(bytes.clone()),
        ("bytearray" | "bytes", []) if is_builtin => Value::Bytes(bytes::Bytes::new()),
        ("int" | "long", [Value::Str(text)]) if is_builtin => match BigInt::parse(text) {
            Some(big) => Value::BigInt(big),
            None => Value::Object(Box::new(object)),
        },
        ("OrderedDict", [Value::List(pairs)]) if object.class.module == "collections" => {
            match entries_of_pairs(pairs) {
                Some(entries) => Value::Object(Box::new(Object {
                    args: Vec::new(),
                    entries,
                    ..object
                })),
                None => Value::Object(Box::new(object)),
            }
        }
        ("encode", [Value::Str(text), Value::Str(how)])
            if object.class.module == "_codecs" && how.starts_with("latin") =>
        {
            let bytes: Option<Vec<u8>> = text.chars().map(|char| u8::try_from(char).ok()).collect();
            match bytes {
                Some(bytes) => Value::Bytes(bytes.into()),
                None => Value::Object(Box::new(object)),
            }
        }
        _ => Value::Object(Box::new(object)),
    }
}
