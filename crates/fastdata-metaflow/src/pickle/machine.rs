//! The unpickler's machine: a stack, a memo, and nodes that refer to each other.
//!
//! Only opcodes that move data have an effect. What would import or call makes a node that says so.

use std::collections::HashMap;

use bytes::Bytes;

use super::cursor::Cursor;
use super::spelling::{decimal, integer, memo_name, old_string, quoted, raw_unicode, utf8};
use super::value::{Construct, Value};
use crate::{Error, ErrorKind, Result};

/// Values that have one node for all of each: ints of one byte, `None`, `True` and `False`.
const SMALL_COUNT: usize = 259;

/// A node's place.
pub(super) type Id = usize;

/// A value whose parts are other nodes, so that shared and mutated ones stay one.
#[derive(Debug)]
pub(super) enum Node {
    Leaf(Value),
    List(Vec<Id>),
    Tuple(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Set(Vec<Id>),
    FrozenSet(Vec<Id>),
    Object(Box<ObjectNode>),
}

/// A call that does not happen, and what would be done to its result.
#[derive(Debug)]
pub(super) struct ObjectNode {
    pub(super) callable: Id,
    pub(super) construct: Construct,
    /// A tuple, or `None` for nothing: not copied, as many calls may share one.
    pub(super) args: Id,
    pub(super) kwargs: Option<Id>,
    pub(super) state: Option<Id>,
    pub(super) items: Vec<Id>,
    pub(super) entries: Vec<(Id, Id)>,
}

/// The nodes of a pickle and which of them is its value.
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    pub(super) root: Id,
}

struct Machine {
    nodes: Vec<Node>,
    stack: Vec<Id>,
    /// Where on the stack each open mark is.
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
    /// Where `None`, the bools and the ints of one byte are: one node for all of each.
    small: [Option<Id>; SMALL_COUNT],
}

/// Runs the whole pickle.
pub(super) fn run(input: &Bytes) -> Result<Graph> {
    let mut cursor = Cursor::new(input);
    let mut machine = Machine {
        nodes: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        small: [None; SMALL_COUNT],
    };
    loop {
        let at = cursor.at();
        let opcode = cursor.byte()?;
        if opcode == b'.' {
            let root = machine.pop()?;
            let nodes = machine.nodes;
            return Ok(Graph { nodes, root });
        }
        machine
            .step(opcode, &mut cursor)
            .map_err(|error| error.at(format!("pickle, byte {at}")))?;
    }
}

fn underflow() -> Error {
    Error::corrupt("the pickle takes more from its stack than is there")
}

fn unfit(what: &str) -> Error {
    Error::corrupt(format!(
        "the pickle does to a value what only {what} allows"
    ))
}

impl Machine {
    fn add(&mut self, node: Node) -> Id {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn push(&mut self, node: Node) {
        let id = self.add(node);
        self.stack.push(id);
    }

    fn leaf(&mut self, value: Value) {
        self.push(Node::Leaf(value));
    }

    /// Never below the last mark: what is there belongs to somebody else.
    fn pop(&mut self) -> Result<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err(underflow());
        }
        self.stack.pop().ok_or_else(underflow)
    }

    fn top(&self) -> Result<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.len() > floor {
            true => self.stack.last().copied().ok_or_else(underflow),
            false => Err(underflow()),
        }
    }

    fn since_mark(&mut self) -> Result<Vec<Id>> {
        let mark = self.marks.pop().ok_or_else(underflow)?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    fn node(&self, id: Id) -> Result<&Node> {
        self.nodes.get(id).ok_or_else(underflow)
    }

    fn node_mut(&mut self, id: Id) -> Result<&mut Node> {
        self.nodes.get_mut(id).ok_or_else(underflow)
    }

    /// A node that can stand for arguments.
    fn arguments(&self, id: Id) -> Result<Id> {
        match self.node(id)? {
            // `None` in the place of arguments is of protocol 0 and means: by `__new__`.
            Node::Tuple(_) | Node::Leaf(Value::None) => Ok(id),
            _ => Err(unfit("a tuple")),
        }
    }

    fn text(&self, id: Id) -> Result<String> {
        match self.node(id)? {
            Node::Leaf(Value::Str(text)) => Ok(text.clone()),
            _ => Err(unfit("a string")),
        }
    }

    fn object(&mut self, callable: Id, construct: Construct, args: Id, kwargs: Option<Id>) {
        let object = ObjectNode {
            callable,
            construct,
            args,
            kwargs,
            state: None,
            items: Vec::new(),
            entries: Vec::new(),
        };
        self.push(Node::Object(Box::new(object)));
    }

    fn step(&mut self, opcode: u8, cursor: &mut Cursor<'_>) -> Result<()> {
        match opcode {
            b'N' | 0x88 | 0x89 | b'K' => self.small(opcode, cursor),
            // Numbers, texts and bytes.
            b'J' | b'M' | b'G' | b'I' | b'F' | b'L' | 0x8a | 0x8b => self.number(opcode, cursor),
            b'S' | b'T' | b'U' | b'V' | b'X' | 0x8c | 0x8d | b'B' | b'C' | 0x8e | 0x96 => {
                self.text_or_bytes(opcode, cursor)
            }
            // What holds others.
            b'(' | b']' | b'}' | b')' | 0x8f | b'l' | b't' | b'd' | 0x85..=0x87 | 0x91 => {
                self.container(opcode)
            }
            b'a' | b'e' | b's' | b'u' | 0x90 => self.fill(opcode),
            b'0' | b'1' | b'2' | b'g' | b'h' | b'j' | b'p' | b'q' | b'r' | 0x94 => {
                self.stack_or_memo(opcode, cursor)
            }
            b'c' | b'R' | b'b' | b'i' | b'o' | 0x81 | 0x92 | 0x93 => self.call(opcode, cursor),
            0x80 => match cursor.byte()? {
                0..=5 => Ok(()),
                version => Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("pickle protocol {version}: this release reads 0 to 5"),
                )),
            },
            // A frame says how much to read ahead, and here everything is.
            0x95 => cursor.take(8).map(drop),
            0x97 | 0x98 => Err(outside("a buffer that was handed over beside it")),
            b'P' | b'Q' => Err(outside("an object that its writer kept elsewhere")),
            0x82..=0x84 => Err(outside("an entry of its writer's extension registry")),
            other => Err(Error::corrupt(format!(
                "{other:#04x} is no opcode of a pickle"
            ))),
        }
    }

    /// A value of which there are many in a long list: the ints of one byte, then the others.
    fn small(&mut self, opcode: u8, cursor: &mut Cursor<'_>) -> Result<()> {
        let (place, value) = match opcode {
            b'N' => (256, Value::None),
            0x88 => (257, Value::Bool(true)),
            0x89 => (258, Value::Bool(false)),
            _ => {
                let int = cursor.byte()?;
                (usize::from(int), Value::Int(int.into()))
            }
        };
        let id = match self.small.get(place).copied().flatten() {
            Some(id) => id,
            None => self.add(Node::Leaf(value)),
        };
        if let Some(known) = self.small.get_mut(place) {
            *known = Some(id);
        }
        self.stack.push(id);
        Ok(())
    }

    fn number(&mut self, opcode: u8, cursor: &mut Cursor<'_>) -> Result<()> {
        let value = match opcode {
            b'J' => Value::Int(i64::from(i32::from_le_bytes(cursor.array()?))),
            b'M' => Value::Int(i64::from(u16::from_le_bytes(cursor.array()?))),
            b'G' => {
                let mut bytes: [u8; 8] = cursor.array()?;
                bytes.reverse();
                Value::Float(f64::from_le_bytes(bytes))
            }
            b'F' => {
                let line = cursor.line()?;
                let number = line.trim().parse();
                Value::Float(number.map_err(|_| Error::corrupt(format!("{line:?} is no float")))?)
            }
            b'I' => match cursor.line()? {
                "00" => Value::Bool(false),
                "01" => Value::Bool(true),
                line => decimal(line)?,
            },
            b'L' => decimal(cursor.line()?)?,
            0x8a => {
                let len = usize::from(cursor.byte()?);
                integer(cursor.take(len)?)
            }
            _ => {
                let len = i32::from_le_bytes(cursor.array()?);
                let len = usize::try_from(len);
                let len = len.map_err(|_| Error::corrupt("an integer of negative length"))?;
                integer(cursor.take(len)?)
            }
        };
        self.leaf(value);
        Ok(())
    }

    fn text_or_bytes(&mut self, opcode: u8, cursor: &mut Cursor<'_>) -> Result<()> {
        let value = match opcode {
            b'S' => quoted(cursor.line()?)?,
            b'V' => Value::Str(raw_unicode(cursor.raw_line()?)),
            b'U' => old_string(cursor.short()?),
            b'T' => {
                let len = i32::from_le_bytes(cursor.array()?);
                let len = usize::try_from(len);
                let len = len.map_err(|_| Error::corrupt("a string of negative length"))?;
                old_string(cursor.take(len)?)
            }
            0x8c => Value::Str(utf8(cursor.short()?)),
            b'X' => Value::Str(utf8(cursor.long()?)),
            0x8d => Value::Str(utf8(cursor.longer()?)),
            b'C' => {
                let len = usize::from(cursor.byte()?);
                Value::Bytes(cursor.shared(len)?)
            }
            b'B' => {
                let len = u32::from_le_bytes(cursor.array()?) as usize;
                Value::Bytes(cursor.shared(len)?)
            }
            _ => {
                let len = cursor.length()?;
                Value::Bytes(cursor.shared(len)?)
            }
        };
        self.leaf(value);
        Ok(())
    }

    fn container(&mut self, opcode: u8) -> Result<()> {
        let node = match opcode {
            b'(' => {
                self.marks.push(self.stack.len());
                return Ok(());
            }
            b']' => Node::List(Vec::new()),
            b'}' => Node::Dict(Vec::new()),
            b')' => Node::Tuple(Vec::new()),
            0x8f => Node::Set(Vec::new()),
            b'l' => Node::List(self.since_mark()?),
            b't' => Node::Tuple(self.since_mark()?),
            0x91 => Node::FrozenSet(self.since_mark()?),
            b'd' => Node::Dict(pairs(&self.since_mark()?)?),
            _ => {
                let mut items = Vec::new();
                for _ in 0x84..opcode {
                    items.push(self.pop()?);
                }
                items.reverse();
                Node::Tuple(items)
            }
        };
        self.push(node);
        Ok(())
    }

    /// Puts values into what lies below them.
    fn fill(&mut self, opcode: u8) -> Result<()> {
        let values = match opcode {
            b'a' => vec![self.pop()?],
            b's' => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
            _ => self.since_mark()?,
        };
        let target = self.top()?;
        let is_mapping = matches!(opcode, b's' | b'u');
        match self.node_mut(target)? {
            Node::Object(object) if is_mapping => object.entries.extend(pairs(&values)?),
            Node::Object(object) => object.items.extend(values),
            Node::Dict(entries) if is_mapping => entries.extend(pairs(&values)?),
            Node::List(items) if matches!(opcode, b'a' | b'e') => items.extend(values),
            Node::Set(items) if opcode == 0x90 => items.extend(values),
            _ => return Err(unfit("a list, dict or set")),
        }
        Ok(())
    }

    fn stack_or_memo(&mut self, opcode: u8, cursor: &mut Cursor<'_>) -> Result<()> {
        match opcode {
            // What is popped may be an open mark.
            b'0' if self.marks.last() == Some(&self.stack.len()) => drop(self.marks.pop()),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.since_mark()?),
            b'2' => self.stack.push(self.top()?),
            b'p' | b'q' | b'r' | 0x94 => {
                let name = match opcode {
                    b'p' => memo_name(cursor.line()?)?,
                    b'q' => u64::from(cursor.byte()?),
                    b'r' => u64::from(u32::from_le_bytes(cursor.array()?)),
                    _ => self.memo.len() as u64,
                };
                let top = self.top()?;
                self.memo.insert(name, top);
            }
            _ => {
                let name = match opcode {
                    b'g' => memo_name(cursor.line()?)?,
                    b'h' => u64::from(cursor.byte()?),
                    _ => u64::from(u32::from_le_bytes(cursor.array()?)),
                };
                let found = self.memo.get(&name).copied();
                let missing = || Error::corrupt(format!("the pickle's memo has no {name}"));
                self.stack.push(found.ok_or_else(missing)?);
            }
        }
        Ok(())
    }

    fn global(&mut self, module: &str, name: &str) -> Id {
        use super::value::Global;
        self.add(Node::Leaf(Value::Global(Global::new(module, name))))
    }

    fn call(&mut self, opcode: u8, cursor: &mut Cursor<'_>) -> Result<()> {
        match opcode {
            b'c' => {
                let (module, name) = (cursor.line()?, cursor.line()?);
                let id = self.global(module, name);
                self.stack.push(id);
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let id = self.global(&self.text(module)?, &self.text(name)?);
                self.stack.push(id);
            }
            b'R' | 0x81 => {
                let (args, callable) = (self.pop()?, self.pop()?);
                let args = self.arguments(args)?;
                let construct = match opcode {
                    b'R' => Construct::Call,
                    _ => Construct::New,
                };
                self.object(callable, construct, args, None);
            }
            0x92 => {
                let (kwargs, args, callable) = (self.pop()?, self.pop()?, self.pop()?);
                let args = self.arguments(args)?;
                self.object(callable, Construct::New, args, Some(kwargs));
            }
            b'i' => {
                let (module, name) = (cursor.line()?, cursor.line()?);
                let callable = self.global(module, name);
                let args = self.since_mark()?;
                let args = self.add(Node::Tuple(args));
                self.object(callable, Construct::Call, args, None);
            }
            b'o' => {
                let mut args = self.since_mark()?;
                if args.is_empty() {
                    return Err(underflow());
                }
                let callable = args.remove(0);
                let args = self.add(Node::Tuple(args));
                self.object(callable, Construct::Call, args, None);
            }
            _ => {
                let state = self.pop()?;
                let target = self.top()?;
                match self.node_mut(target)? {
                    Node::Object(object) => object.state = Some(state),
                    _ => return Err(unfit("an object")),
                }
            }
        }
        Ok(())
    }
}

fn outside(what: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("the pickle refers to {what}"),
    )
}

fn pairs(ids: &[Id]) -> Result<Vec<(Id, Id)>> {
    let (pairs, rest) = ids.as_chunks::<2>();
    match rest {
        [] => Ok(pairs.iter().map(|&[key, value]| (key, value)).collect()),
        _ => Err(Error::corrupt("a key of a dict has no value")),
    }
}
