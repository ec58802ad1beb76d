//! What a pickle holds, as data.

use bytes::Bytes;

use super::bigint::BigInt;

/// A Python value. Objects of classes stay what the pickle says about them: which callable, which
/// arguments, which state. Nothing is ever called.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `None`.
    None,
    /// `bool`.
    Bool(bool),
    /// An `int` of 64 bits.
    Int(i64),
    /// A longer `int`.
    BigInt(BigInt),
    /// `float`.
    Float(f64),
    /// `str`. Lone surrogates, which no UTF-8 has, are replaced.
    Str(String),
    /// `bytes` and `bytearray`.
    Bytes(Bytes),
    /// `list`.
    List(Vec<Value>),
    /// `tuple`.
    Tuple(Vec<Value>),
    /// `dict`, in its order.
    Dict(Vec<(Value, Value)>),
    /// `set`, in the order of the pickle.
    Set(Vec<Value>),
    /// `frozenset`, in the order of the pickle.
    FrozenSet(Vec<Value>),
    /// A class or function by its name.
    Global(Global),
    /// An object of a class, or what a function would return.
    Object(Box<Object>),
}

/// The name of a class or function.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Global {
    /// Its module, as `collections`.
    pub module: String,
    /// Its name in the module, as `OrderedDict`; dots lead into classes.
    pub name: String,
}

/// How a pickle asks for an object to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Construct {
    /// By a call.
    #[default]
    Call,
    /// By `__new__` of the class.
    New,
}

/// What a pickle says about an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// The class, or the function that would make it.
    pub class: Global,
    /// How it would be made.
    pub construct: Construct,
    /// The positional arguments.
    pub args: Vec<Value>,
    /// The named arguments.
    pub kwargs: Vec<(Value, Value)>,
    /// What would be handed to `__setstate__` or become its attributes.
    pub state: Option<Value>,
    /// What would be appended to it or added to it.
    pub items: Vec<Value>,
    /// What would be set in it.
    pub entries: Vec<(Value, Value)>,
}

impl Global {
    /// The name of `name` in `module`.
    pub fn new(module: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            module: module.into(),
            name: name.into(),
        }
    }

    /// Whether it is `name` of `module`.
    pub fn is(&self, module: &str, name: &str) -> bool {
        self.module == module && self.name == name
    }

    /// As Python prints a class: builtins without their module.
    pub fn full_name(&self) -> String {
        match self.module.as_str() {
            "builtins" | "__builtin__" | "" => self.name.clone(),
            module => format!("{module}.{}", self.name),
        }
    }
}

impl Object {
    /// An object of a class, made of positional arguments.
    pub fn new(class: Global, args: Vec<Value>) -> Self {
        Self {
            class,
            construct: Construct::New,
            args,
            kwargs: Vec::new(),
            state: None,
            items: Vec::new(),
            entries: Vec::new(),
        }
    }
}

impl Value {
    /// The items of a list, tuple or set.
    pub fn as_items(&self) -> Option<&[Value]> {
        match self {
            Self::List(items) | Self::Tuple(items) | Self::Set(items) | Self::FrozenSet(items) => {
                Some(items)
            }
            _ => None,
        }
    }

    /// The text of a `str`.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// An `int` of 64 bits, or a `bool` as Python sees it.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(int) => Some(*int),
            Self::Bool(bool) => Some(i64::from(*bool)),
            _ => None,
        }
    }

    /// The entries of a `dict`, `OrderedDict` and what is like them.
    pub fn as_entries(&self) -> Option<&[(Value, Value)]> {
        match self {
            Self::Dict(entries) => Some(entries),
            Self::Object(object) if object.class.module == "collections" => {
                match object.args.as_slice() {
                    [Self::Dict(entries)] if object.entries.is_empty() => Some(entries),
                    _ => Some(&object.entries),
                }
            }
            _ => None,
        }
    }

    /// What a `dict` has under a name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let entries = self.as_entries()?;
        let found = entries.iter().find(|(key, _)| key.as_str() == Some(name));
        found.map(|(_, value)| value)
    }

    /// Its class as Metaflow writes it down: `<class 'int'>`.
    pub fn type_text(&self) -> String {
        format!("<class '{}'>", self.type_name())
    }

    /// The name of its class. What a function would return is called by the function.
    pub fn type_name(&self) -> String {
        let name = match self {
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::BigInt(_) => "int",
            Self::Float(_) => "float",
            Self::Str(_) => "str",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Tuple(_) => "tuple",
            Self::Dict(_) => "dict",
            Self::Set(_) => "set",
            Self::FrozenSet(_) => "frozenset",
            Self::Global(_) => "type",
            Self::Object(object) => return object.class.full_name(),
        };
        name.to_owned()
    }
}

impl From<bool> for Value {
    fn from(bool: bool) -> Self {
        Self::Bool(bool)
    }
}

impl From<i64> for Value {
    fn from(int: i64) -> Self {
        Self::Int(int)
    }
}

impl From<f64> for Value {
    fn from(float: f64) -> Self {
        Self::Float(float)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text)
    }
}
