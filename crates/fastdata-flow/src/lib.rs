//! Flows: steps of plain Rust functions, run on this machine with one process a task.
//!
//! A flow is a program. Its steps read and set artifacts by name; what a task set is stored once,
//! under the hash of its content, in the layout of Metaflow's datastore: any Metaflow client reads
//! it. A run that fails or is killed is gone on with by `resume`.
//!
//! ```
//! use fastdata_flow::{Flow, Outcome, Step, Task};
//!
//! fn start(task: &mut Task) -> Outcome {
//!     task.set("numbers", &[1, 2, 3])?;
//!     Ok(())
//! }
//!
//! fn end(task: &mut Task) -> Outcome {
//!     let numbers: Vec<i64> = task.get("numbers")?;
//!     task.set("sum", &numbers.iter().sum::<i64>())?;
//!     Ok(())
//! }
//!
//! let flow = Flow::new("Sum")
//!     .step(Step::new("start", start).next("end"))
//!     .step(Step::new("end", end));
//! flow.check()?;
//! // In a program `main` is `fn main() -> std::process::ExitCode { flow().main() }`.
//! # Ok::<(), fastdata_flow::Error>(())
//! ```
//!
//! - [`Flow`], [`Step`], [`Resources`]: what is written
//! - [`Param`], [`Kind`]: values for a whole run
//! - [`Task`], [`Inputs`], [`Input`]: what a step sees
//! - [`Outcome`], [`Error`], [`ErrorKind`]: what went wrong

mod args;
mod attempt;
mod command;
mod error;
mod flow;
mod param;
mod past;
mod place;
mod process;
mod schedule;
mod task;

pub use error::{Error, ErrorKind, Outcome, Result};
pub use fastdata_metaflow::pickle::Value;
pub use flow::{Flow, Resources, Step};
pub use param::{Kind, Param};
pub use task::{Input, Inputs, Task};

// The page's Rust is compiled as a doctest.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/flows.md")]
struct Page;
