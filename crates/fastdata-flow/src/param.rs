//! Parameters: values for a whole run, from the command line, from files, or as they stand in the
//! program.

use std::path::Path;

use bytes::Bytes;
use clap::{Arg, ArgMatches};
use fastdata_metaflow::pickle::{Value, to_value};

use crate::error::{Error, Result};

/// What a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// `true` or `false`.
    Bool,
    /// Text.
    Text,
    /// The path of a file, whose text becomes the value and is kept with the run.
    TextFile,
    /// The path of a file, whose bytes become the value and are kept with the run.
    BytesFile,
    /// The path of a TOML or JSON file, whose content becomes the value.
    Config,
}

impl Kind {
    fn is_file(self) -> bool {
        matches!(self, Self::TextFile | Self::BytesFile | Self::Config)
    }

    fn placeholder(self) -> &'static str {
        match self {
            Self::Int | Self::Float => "NUMBER",
            Self::Bool => "BOOL",
            Self::Text => "TEXT",
            Self::TextFile | Self::BytesFile | Self::Config => "FILE",
        }
    }
}

/// A parameter of a flow: an option of its `run` command, and an artifact that every step reads.
#[derive(Debug, Clone)]
pub struct Param {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) help: Option<String>,
    default: Option<Value>,
    choices: Vec<String>,
}

impl Param {
    /// A parameter with a value of its own unless the command line gives another: `i64`, `f64`,
    /// `bool` or text.
    pub fn new(name: impl Into<String>, default: impl Into<Value>) -> Self {
        let default = default.into();
        let kind = match default {
            Value::Bool(_) => Kind::Bool,
            Value::Int(_) => Kind::Int,
            Value::Float(_) => Kind::Float,
            _ => Kind::Text,
        };
        let mut param = Self::required(name, kind);
        param.default = Some(default);
        param
    }

    /// A parameter that the command line has to give.
    pub fn required(name: impl Into<String>, kind: Kind) -> Self {
        Self {
            name: name.into(),
            kind,
            help: None,
            default: None,
            choices: Vec::new(),
        }
    }

    /// A parameter whose value is the content of a file, at `path` unless the command line gives
    /// another. With [`Kind::Config`] it holds what is constant for a deployment.
    pub fn file(name: impl Into<String>, kind: Kind, path: impl Into<String>) -> Self {
        let mut param = Self::required(name, kind);
        param.default = Some(Value::Str(path.into()));
        param
    }

    /// What it means, for `--help`.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The only texts that it takes.
    #[must_use]
    pub fn choices<S: Into<String>>(mut self, choices: impl IntoIterator<Item = S>) -> Self {
        self.choices = choices.into_iter().map(Into::into).collect();
        self
    }

    /// The option on the command line: `--learning-rate`, or `--learning_rate`.
    pub(crate) fn arg(&self) -> Arg {
        let long = self.name.replace('_', "-");
        let mut arg = Arg::new(self.name.clone())
            .value_name(self.kind.placeholder())
            .required(self.default.is_none())
            .allow_negative_numbers(true);
        if long != self.name {
            arg = arg.alias(self.name.clone());
        }
        arg = arg.long(long).help_heading("Parameters");
        if let Some(help) = &self.help {
            arg = arg.help(help.clone());
        }
        if let Some(default) = &self.default {
            let text = match default {
                Value::Str(text) => text.clone(),
                // As the command line has it, not as Python does.
                Value::Bool(bool) => bool.to_string(),
                other => other.to_string(),
            };
            arg = arg.default_value(text);
        }
        match self.kind {
            Kind::Int => arg.value_parser(clap::value_parser!(i64)),
            Kind::Float => arg.value_parser(clap::value_parser!(f64)),
            Kind::Bool => arg
                .value_parser(clap::value_parser!(bool))
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true"),
            _ if self.choices.is_empty() => arg,
            _ => arg.value_parser(self.choices.clone()),
        }
    }

    /// What the command line gave, or the default; files are read.
    pub(crate) fn value(&self, matches: &ArgMatches) -> Result<Value> {
        let name = self.name.as_str();
        let missing = || Error::invalid(format!("parameter {name} has no value"));
        Ok(match self.kind {
            Kind::Int => Value::Int(*matches.get_one::<i64>(name).ok_or_else(missing)?),
            Kind::Float => Value::Float(*matches.get_one::<f64>(name).ok_or_else(missing)?),
            Kind::Bool => Value::Bool(*matches.get_one::<bool>(name).ok_or_else(missing)?),
            kind => {
                let text = matches.get_one::<String>(name).ok_or_else(missing)?;
                match kind.is_file() {
                    true => self.content(Path::new(text))?,
                    false => Value::Str(text.clone()),
                }
            }
        })
    }

    fn content(&self, path: &Path) -> Result<Value> {
        let whose = || format!("file {} of parameter {}", path.display(), self.name);
        let bytes =
            std::fs::read(path).map_err(|error| Error::missing(whose()).with_source(error))?;
        if self.kind == Kind::BytesFile {
            return Ok(Value::Bytes(Bytes::from(bytes)));
        }
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
            Error::invalid(whose()).with_source(error)
        };
        let text = String::from_utf8(bytes).map_err(|error| failed(error.into()))?;
        if self.kind == Kind::TextFile {
            return Ok(Value::Str(text));
        }
        let is_json = path
            .extension()
            .is_some_and(|extension| extension == "json");
        let parsed: serde_json::Value = match is_json {
            true => serde_json::from_str(&text).map_err(|error| failed(error.into()))?,
            false => toml::from_str(&text).map_err(|error| failed(error.into()))?,
        };
        to_value(&parsed).map_err(|error| failed(error.into()))
    }
}
