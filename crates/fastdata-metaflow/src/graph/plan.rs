//! What can run next: follows splits, foreachs and switches of one run, and gathers joins.
//!
//! Knows nothing of processes and datastores: it is told what a task decided, and says which tasks
//! follow.

use std::collections::{BTreeMap, HashMap};

use super::{Graph, Next, Node};
use crate::{Error, Result};

/// A task that can run: all its inputs are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// The step.
    pub step: String,
    /// `run/step/task` of each task before it.
    pub inputs: Vec<String>,
    /// Its place in each foreach around it, outermost first.
    pub index: Vec<usize>,
    /// Whether it is the first step inside the innermost foreach, which has to be told its index.
    pub is_item: bool,
    /// How often a step that repeats itself ran before.
    pub iteration: usize,
    /// Whether every task before it was taken over from an earlier run.
    pub follows_clones: bool,
    /// The open splits, each with the place in it.
    open: Vec<(usize, usize)>,
}

/// What a finished task decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// The step that its switch chose.
    pub chosen: Option<String>,
    /// How many items its foreach has.
    pub items: Option<usize>,
}

/// The tasks of one split that have arrived at its join.
#[derive(Debug)]
struct Gather {
    expected: usize,
    is_foreach: bool,
    arrived: BTreeMap<usize, (String, bool)>,
}

/// The state of one run.
#[derive(Debug)]
pub struct Plan<'a> {
    graph: &'a Graph,
    gathers: HashMap<usize, Gather>,
    splits: usize,
}

impl<'a> Plan<'a> {
    /// The state before the first task of `graph`, which was checked.
    pub fn new(graph: &'a Graph) -> Self {
        Self {
            graph,
            gathers: HashMap::new(),
            splits: 0,
        }
    }

    /// The first task.
    pub fn start(&self, parameters: String, follows_clones: bool) -> Ready {
        Ready {
            step: "start".to_owned(),
            inputs: vec![parameters],
            index: Vec::new(),
            is_item: false,
            iteration: 0,
            follows_clones,
            open: Vec::new(),
        }
    }

    /// What can run after `done`, whose path is now `path`, and which ran or was `cloned`.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) when the decision does not fit the graph.
    pub fn after(
        &mut self,
        done: &Ready,
        path: &str,
        cloned: bool,
        decision: &Decision,
    ) -> Result<Vec<Ready>> {
        let next = &self.step(&done.step)?.next;
        let split = match next {
            Next::Nothing => return Ok(Vec::new()),
            Next::Steps(steps) => match steps.as_slice() {
                [step] => return self.lead(done, path, cloned, step),
                _ => steps.len(),
            },
            Next::Switch { .. } => {
                let chosen = decision.chosen.as_deref();
                let chosen = chosen.ok_or_else(|| undecided(&done.step))?;
                return self.lead(done, path, cloned, chosen);
            }
            Next::Foreach { .. } => decision.items.ok_or_else(|| undecided(&done.step))?,
        };
        let id = self.splits;
        self.splits += 1;
        let is_foreach = matches!(next, Next::Foreach { .. });
        let gather = Gather {
            expected: split,
            is_foreach,
            arrived: BTreeMap::new(),
        };
        self.gathers.insert(id, gather);
        let targets = next.targets();
        let mut ready = Vec::with_capacity(split);
        for place in 0..split {
            // A foreach has one target for all places.
            let target = targets.get(place).or(targets.first()).copied();
            let mut task = follow(done, path, cloned, target.unwrap_or_default());
            task.open.push((id, place));
            if is_foreach {
                task.index.push(place);
                task.is_item = true;
            }
            ready.push(task);
        }
        Ok(ready)
    }

    /// On to one step, which may be a join that waits for more.
    fn lead(&mut self, done: &Ready, path: &str, cloned: bool, target: &str) -> Result<Vec<Ready>> {
        let step = self.step(target)?;
        let mut task = follow(done, path, cloned, target);
        if step.recurs() && done.step == target {
            task.iteration = done.iteration + 1;
        }
        if !step.is_join {
            return Ok(vec![task]);
        }
        let unmatched = || Error::invalid(format!("step {target} joins what was never split"));
        let (id, place) = task.open.pop().ok_or_else(unmatched)?;
        let gather = self.gathers.get_mut(&id).ok_or_else(unmatched)?;
        gather.arrived.insert(place, (path.to_owned(), cloned));
        if gather.arrived.len() < gather.expected {
            return Ok(Vec::new());
        }
        let gather = self.gathers.remove(&id).ok_or_else(unmatched)?;
        if gather.is_foreach {
            task.index.pop();
        }
        let arrived = gather.arrived.into_values();
        let (inputs, cloned): (Vec<String>, Vec<bool>) = arrived.unzip();
        task.inputs = inputs;
        task.follows_clones = cloned.into_iter().all(|cloned| cloned);
        Ok(vec![task])
    }

    fn step(&self, name: &str) -> Result<&'a Node> {
        let missing = || Error::invalid(format!("flow {} has no step {name}", self.graph.name));
        self.graph.find(name).ok_or_else(missing)
    }
}

/// The task of `target` right after `done`.
fn follow(done: &Ready, path: &str, cloned: bool, target: &str) -> Ready {
    Ready {
        step: target.to_owned(),
        inputs: vec![path.to_owned()],
        index: done.index.clone(),
        is_item: false,
        iteration: 0,
        follows_clones: cloned,
        open: done.open.clone(),
    }
}

fn undecided(step: &str) -> Error {
    Error::invalid(format!(
        "the task of step {step} did not record what comes next"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &str, next: Next) -> Node {
        Node {
            name: name.to_owned(),
            is_join: name.starts_with("join"),
            next,
            ..Node::default()
        }
    }

    fn to(steps: &[&str]) -> Next {
        Next::Steps(steps.iter().map(|step| (*step).to_owned()).collect())
    }

    fn each(step: &str) -> Next {
        Next::Foreach {
            step: step.to_owned(),
            items: "xs".to_owned(),
        }
    }

    fn switch(cases: &[&str]) -> Next {
        let cases = cases
            .iter()
            .map(|step| ((*step).to_owned(), (*step).to_owned()));
        Next::Switch {
            on: "way".to_owned(),
            cases: cases.collect(),
        }
    }

    fn graph(steps: Vec<Node>) -> Graph {
        Graph {
            name: "Test".to_owned(),
            steps,
            ..Graph::default()
        }
    }

    /// Runs a plan to its end, last in first out, and says which tasks ran.
    fn run(flow: &Graph, decide: impl Fn(&Ready) -> Decision) -> Vec<(String, Vec<usize>, usize)> {
        flow.check().unwrap();
        let mut plan = Plan::new(flow);
        let mut todo = vec![plan.start("1/_parameters/0".to_owned(), false)];
        let mut ran = Vec::new();
        while let Some(task) = todo.pop() {
            let path = format!("1/{}/{}", task.step, ran.len() + 1);
            ran.push((task.step.clone(), task.index.clone(), task.inputs.len()));
            let decision = decide(&task);
            todo.extend(plan.after(&task, &path, false, &decision).unwrap());
        }
        assert!(plan.gathers.is_empty());
        ran
    }

    #[test]
    fn nested_foreachs_are_gathered_inside_out() {
        let flow = graph(vec![
            step("start", each("outer")),
            step("outer", each("inner")),
            step("inner", to(&["join_inner"])),
            step("join_inner", to(&["join_all"])),
            step("join_all", to(&["end"])),
            step("end", Next::Nothing),
        ]);
        let ran = run(&flow, |_| Decision {
            items: Some(3),
            ..Decision::default()
        });
        let of = |step: &str| ran.iter().filter(|(name, _, _)| name == step).count();
        assert_eq!(
            [of("outer"), of("inner"), of("join_inner"), of("join_all")],
            [3, 9, 3, 1]
        );
        assert!(ran.contains(&("join_inner".to_owned(), vec![2], 3)));
        assert!(ran.contains(&("join_all".to_owned(), vec![], 3)));
        assert_eq!(ran.last(), Some(&("end".to_owned(), vec![], 1)));
    }

    #[test]
    fn switches_inside_branches_arrive_once() {
        let flow = graph(vec![
            step("start", to(&["a", "b"])),
            step("a", switch(&["a", "c"])),
            step("b", switch(&["c2", "join"])),
            step("c", to(&["join"])),
            step("c2", to(&["join"])),
            step("join", to(&["end"])),
            step("end", Next::Nothing),
        ]);
        let ran = run(&flow, |task| Decision {
            chosen: Some(match (task.step.as_str(), task.iteration) {
                ("a", 0 | 1) => "a".to_owned(),
                ("a", _) => "c".to_owned(),
                _ => "join".to_owned(),
            }),
            items: None,
        });
        let names: Vec<&str> = ran.iter().map(|(name, _, _)| name.as_str()).collect();
        assert_eq!(names, ["start", "b", "a", "a", "a", "c", "join", "end"]);
    }
}
