//! The graph of a flow as data: which step leads where, and what follows a task.
//!
//! - [`Graph`], [`Node`], [`Next`]: steps and where they lead; [`Graph::check`] says whether they can
//!   run, [`Graph::draw`] shows them, [`Graph::to_info`] is what Metaflow keeps with a run
//! - [`Plan`]: the tasks that can run, while others finish

mod check;
mod decide;
mod info;
mod plan;

use std::time::Duration;

use serde::Serialize;

pub use check::Joins;
pub use decide::Decided;
pub use plan::{Decision, Plan, Ready};

/// The steps of a flow, of which `start` is the first and `end` the last.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Graph {
    /// The flow.
    pub name: String,
    /// What it is for.
    pub about: Option<String>,
    /// Its parameters, each with the kind of its values.
    pub parameters: Vec<(String, String)>,
    /// Its steps, in any order.
    pub steps: Vec<Node>,
}

/// A step: where it leads, and what happens when it fails.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// What it does.
    pub about: Option<String>,
    /// Whether it waits for all tasks of the latest split.
    pub is_join: bool,
    /// Where it leads.
    pub next: Next,
    /// How often a failed task is tried again.
    pub retries: u32,
    /// How long before each further try.
    pub retry_delay: Duration,
    /// How long an attempt may take.
    pub timeout: Option<Duration>,
    /// The artifact that gets what went wrong in the last attempt.
    pub catch: Option<String>,
    /// What it needs.
    pub resources: Option<Resources>,
}

/// Where a step leads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Next {
    /// Nowhere: the last step.
    #[default]
    Nothing,
    /// To one step, or to several side by side.
    Steps(Vec<String>),
    /// To one task for each item of a list.
    Foreach {
        /// The step.
        step: String,
        /// The artifact that holds the list.
        items: String,
    },
    /// To one of several steps.
    Switch {
        /// The artifact whose text, whole number or boolean chooses.
        on: String,
        /// The steps by what chooses them.
        cases: Vec<(String, String)>,
    },
}

/// What a step needs. A declaration for whoever places tasks on machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Resources {
    /// Processors.
    pub cpu: u32,
    /// Memory in megabytes.
    pub memory: u64,
    /// Graphics processors.
    pub gpu: u32,
}

impl Default for Resources {
    fn default() -> Self {
        Self {
            cpu: 1,
            memory: 4096,
            gpu: 0,
        }
    }
}

impl Graph {
    /// The step of this name.
    pub fn find(&self, name: &str) -> Option<&Node> {
        self.steps.iter().find(|step| step.name == name)
    }
}

impl Node {
    /// Whether the step may lead back to itself.
    pub fn recurs(&self) -> bool {
        self.next.targets().contains(&self.name.as_str())
    }
}

impl Next {
    /// All steps that may come next.
    pub fn targets(&self) -> Vec<&str> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Steps(steps) => steps.iter().map(String::as_str).collect(),
            Self::Foreach { step, .. } => vec![step],
            Self::Switch { cases, .. } => cases.iter().map(|(_, step)| step.as_str()).collect(),
        }
    }

    /// Whether what follows has to be joined.
    pub fn splits(&self) -> bool {
        match self {
            Self::Steps(steps) => steps.len() > 1,
            Self::Foreach { .. } => true,
            Self::Nothing | Self::Switch { .. } => false,
        }
    }
}
