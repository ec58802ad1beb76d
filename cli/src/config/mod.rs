//! What was typed, resolved and checked: no option is left that means "the default".

pub(crate) mod blob;
mod columns;
pub(crate) mod flow;
mod instant;
mod objects;
mod rows;
mod size;
mod source;
mod store;

use std::path::PathBuf;

use fastdata::ScanRequest;

use crate::args::{DemoArgs, DescribeArgs, ReportFormat, ScanArgs, SchemaArgs};
use crate::failure::Failure;

pub(crate) use blob::BlobConfig;
pub(crate) use flow::FlowConfig;
pub(crate) use objects::{location, metadata, transfers};
pub(crate) use rows::{Destination, Format};

/// `fastdata scan`, ready to run.
#[derive(Debug)]
pub(crate) struct ScanConfig {
    pub(crate) request: ScanRequest,
    pub(crate) format: Format,
    pub(crate) destination: Destination,
    /// Explain instead of reading rows.
    pub(crate) explain: Option<ReportFormat>,
    pub(crate) stats: Option<ReportFormat>,
    pub(crate) progress: bool,
}

impl ScanConfig {
    /// Checks `args` against each other and fills in what was left out.
    pub(crate) fn resolve(args: Box<ScanArgs>) -> Result<Self, Failure> {
        let destination = Destination::resolve(args.output);
        let format = Format::resolve(args.format, &destination)?;
        let mut request = source::request(args.source)?;
        request.columns = match args.columns {
            Some(text) => Some(columns::parse(&text)?),
            None => None,
        };
        request.partition = args
            .partition
            .iter()
            .map(|text| partition(text))
            .collect::<Result<_, _>>()?;
        request.filter = args.filter;
        request.limit_rows = args.limit;
        if let Some(text) = &args.max_memory {
            request.max_memory_bytes = size::parse(text).ok_or_else(|| {
                Failure::usage(format!(
                    "--max-memory {text}: write a size such as 2GiB or 500MB"
                ))
            })?;
        }
        request.threads = args.threads.unwrap_or(0);
        format.shape(&mut request);
        let progress = !args.no_progress && destination.leaves_terminal_to_progress(format);
        Ok(Self {
            request,
            format,
            destination,
            explain: args.explain,
            stats: args.stats,
            progress,
        })
    }
}

/// `KEY=VALUE`.
fn partition(text: &str) -> Result<(String, String), Failure> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(Failure::usage(format!(
            "--partition {text}: write KEY=VALUE"
        ))),
    }
}

/// `fastdata schema`, ready to run.
#[derive(Debug)]
pub(crate) struct SchemaConfig {
    pub(crate) request: ScanRequest,
    pub(crate) json: bool,
}

impl SchemaConfig {
    /// Checks `args`.
    pub(crate) fn resolve(args: SchemaArgs) -> Result<Self, Failure> {
        Ok(Self {
            request: source::request(args.source)?,
            json: args.json,
        })
    }
}

/// `fastdata describe`, ready to run.
#[derive(Debug)]
pub(crate) struct DescribeConfig {
    pub(crate) request: ScanRequest,
    pub(crate) json: bool,
}

impl DescribeConfig {
    /// Checks `args`.
    pub(crate) fn resolve(args: DescribeArgs) -> Result<Self, Failure> {
        Ok(Self {
            request: source::request(args.source)?,
            json: args.json,
        })
    }
}

/// `fastdata demo`, ready to run.
#[derive(Debug)]
pub(crate) struct DemoConfig {
    pub(crate) folder: PathBuf,
}

impl DemoConfig {
    /// Takes `args` as they are.
    pub(crate) fn resolve(args: DemoArgs) -> Self {
        Self {
            folder: args.output,
        }
    }
}
