//! A flow as it is written: a graph, and what its steps run.

use std::sync::Arc;
use std::time::Duration;

pub use fastdata_metaflow::graph::Resources;
use fastdata_metaflow::graph::{Graph, Next, Node};

use crate::error::{Outcome, Result};
use crate::param::Param;
use crate::task::{Inputs, Task};

/// A flow: a name, parameters and steps, of which `start` is the first and `end` the last.
#[derive(Debug, Clone)]
pub struct Flow {
    pub(crate) graph: Graph,
    pub(crate) params: Vec<Param>,
    pub(crate) steps: Vec<Step>,
}

/// One step of a flow: what it does, where it leads, and what happens when it fails.
#[derive(Debug, Clone)]
pub struct Step {
    pub(crate) node: Node,
    pub(crate) body: Body,
    pub(crate) at_once: Option<usize>,
    pub(crate) memo: Option<Memo>,
}

type TaskBody = Arc<dyn Fn(&mut Task) -> Outcome + Send + Sync>;
type JoinBody = Arc<dyn Fn(&mut Task, &Inputs) -> Outcome + Send + Sync>;

/// What a step runs.
#[derive(Clone)]
pub(crate) enum Body {
    Task(TaskBody),
    Join(JoinBody),
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a function")
    }
}

/// What tells the code of a memoised step from another version of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Memo {
    /// The hash of the program.
    Program,
    /// A version that whoever wrote the step keeps up.
    Version(String),
}

impl Flow {
    /// A flow without steps. The name is that of its folder in the datastore: letters, digits and
    /// underscores.
    pub fn new(name: impl Into<String>) -> Self {
        let graph = Graph {
            name: name.into(),
            ..Graph::default()
        };
        Self {
            graph,
            params: Vec::new(),
            steps: Vec::new(),
        }
    }

    /// What the flow is for, as its `--help` says it.
    #[must_use]
    pub fn about(mut self, about: impl Into<String>) -> Self {
        self.graph.about = Some(about.into());
        self
    }

    /// Adds a parameter, which every step reads as an artifact.
    #[must_use]
    pub fn param(mut self, param: Param) -> Self {
        let kind = format!("{:?}", param.kind);
        self.graph.parameters.push((param.name.clone(), kind));
        self.params.push(param);
        self
    }

    /// Adds a step.
    #[must_use]
    pub fn step(mut self, step: Step) -> Self {
        self.graph.steps.push(step.node.clone());
        self.steps.push(step);
        self
    }

    /// The flow's name.
    pub fn name(&self) -> &str {
        &self.graph.name
    }

    /// Whether the flow can run.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) with one line for each finding, which
    /// names the step and the cure.
    pub fn check(&self) -> Result<()> {
        Ok(self.graph.check().map(drop)?)
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.node.name == name)
    }
}

impl Step {
    /// A step that one task runs, or one task for each item of a foreach.
    pub fn new(
        name: impl Into<String>,
        run: impl Fn(&mut Task) -> Outcome + Send + Sync + 'static,
    ) -> Self {
        Self::with_body(name.into(), Body::Task(Arc::new(run)))
    }

    /// A step that waits for all tasks of the latest split or foreach and gets them as its inputs.
    pub fn join(
        name: impl Into<String>,
        run: impl Fn(&mut Task, &Inputs) -> Outcome + Send + Sync + 'static,
    ) -> Self {
        Self::with_body(name.into(), Body::Join(Arc::new(run)))
    }

    fn with_body(name: String, body: Body) -> Self {
        let node = Node {
            name,
            is_join: matches!(body, Body::Join(_)),
            ..Node::default()
        };
        Self {
            node,
            body,
            at_once: None,
            memo: None,
        }
    }

    /// Leads to one step.
    #[must_use]
    pub fn next(mut self, step: impl Into<String>) -> Self {
        self.node.next = Next::Steps(vec![step.into()]);
        self
    }

    /// Leads to several steps, which run side by side until a join.
    #[must_use]
    pub fn branch<S: Into<String>>(mut self, steps: impl IntoIterator<Item = S>) -> Self {
        self.node.next = Next::Steps(steps.into_iter().map(Into::into).collect());
        self
    }

    /// Leads to one task of `step` for each item of the list in the artifact `items`.
    #[must_use]
    pub fn foreach(mut self, step: impl Into<String>, items: impl Into<String>) -> Self {
        self.node.next = Next::Foreach {
            step: step.into(),
            items: items.into(),
        };
        self
    }

    /// Leads to the one step that the text, whole number or boolean in the artifact `on` chooses. A
    /// step may lead back to itself this way, and no other.
    #[must_use]
    pub fn switch<C: Into<String>, S: Into<String>>(
        mut self,
        on: impl Into<String>,
        cases: impl IntoIterator<Item = (C, S)>,
    ) -> Self {
        let cases = cases.into_iter();
        self.node.next = Next::Switch {
            on: on.into(),
            cases: cases
                .map(|(case, step)| (case.into(), step.into()))
                .collect(),
        };
        self
    }

    /// What the step does, for `show` and reports.
    #[must_use]
    pub fn about(mut self, about: impl Into<String>) -> Self {
        self.node.about = Some(about.into());
        self
    }

    /// Runs a failed task again, up to `count` times, each after `delay`.
    #[must_use]
    pub fn retry(mut self, count: u32, delay: Duration) -> Self {
        self.node.retries = count;
        self.node.retry_delay = delay;
        self
    }

    /// Ends an attempt that takes longer.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.node.timeout = Some(limit);
        self
    }

    /// When the last attempt has failed too, goes on with what went wrong as a text in `artifact`,
    /// which is `None` otherwise.
    #[must_use]
    pub fn catch(mut self, artifact: impl Into<String>) -> Self {
        self.node.catch = Some(artifact.into());
        self
    }

    /// Declares what the step needs.
    #[must_use]
    pub fn resources(mut self, resources: Resources) -> Self {
        self.node.resources = Some(resources);
        self
    }

    /// At most `count` tasks of this step, and at least one, run at the same time, whatever `--max-workers` allows.
    #[must_use]
    pub fn at_once(mut self, count: usize) -> Self {
        self.at_once = Some(count.max(1));
        self
    }

    /// Reuses the outputs of an earlier task of this program with the same inputs by hash.
    #[must_use]
    pub fn memoize(mut self) -> Self {
        self.memo = Some(Memo::Program);
        self
    }

    /// As [`Step::memoize`], for programs that say themselves when the step's code is another.
    #[must_use]
    pub fn memoize_as(mut self, version: impl Into<String>) -> Self {
        self.memo = Some(Memo::Version(version.into()));
        self
    }
}
