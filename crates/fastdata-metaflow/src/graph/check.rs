//! Whether a flow can run: every finding names the step and the cure.

use std::collections::{BTreeMap, BTreeSet};

use super::{Graph, Next, Node};
use crate::layout::ATTEMPTS_MAX;
use crate::{Error, Result};

/// Which join ends which split.
pub type Joins = BTreeMap<String, String>;

/// The splits that are open at a step, outermost first, each with the branch that led here.
type Open = Vec<(String, usize)>;

impl Graph {
    /// Whether the flow can run; if so, which join ends which split.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) with one line for each finding.
    pub fn check(&self) -> Result<Joins> {
        let mut findings = Vec::new();
        names(self, &mut findings);
        for step in &self.steps {
            one(self, step, &mut findings);
        }
        if findings.is_empty() {
            reach(self, &mut findings);
        }
        if findings.is_empty() {
            cycles(self, &mut findings);
        }
        let mut joins = Joins::new();
        if findings.is_empty() {
            joins = splits(self, &mut findings);
        }
        match findings.is_empty() {
            true => Ok(joins),
            false => Err(Error::invalid(format!(
                "flow {} cannot run:\n  {}",
                self.name,
                findings.join("\n  ")
            ))),
        }
    }
}

fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|char| char.is_ascii_alphabetic())
        && chars.all(|char| char.is_ascii_alphanumeric() || char == '_')
}

fn names(flow: &Graph, findings: &mut Vec<String>) {
    if !is_name(&flow.name) {
        findings.push(format!(
            "the flow's name {:?} must be letters, digits and underscores",
            flow.name
        ));
    }
    let mut seen = BTreeSet::new();
    let params = flow.parameters.iter().map(|(name, _)| ("parameter", name));
    let steps = flow.steps.iter().map(|step| ("step", &step.name));
    for (what, name) in params.chain(steps) {
        if !is_name(name) {
            findings.push(format!(
                "{what} {name:?}: a name is letters, digits and underscores, a letter first"
            ));
        }
        if !seen.insert((what, name)) {
            findings.push(format!("{what} {name} is there twice: rename one"));
        }
    }
    for (name, role) in [("start", "first"), ("end", "last")] {
        if flow.find(name).is_none() {
            findings.push(format!(
                "there is no step {name}: add it, it is the {role} one"
            ));
        }
    }
}

/// What can be said of a step without its neighbours.
fn one(flow: &Graph, step: &Node, findings: &mut Vec<String>) {
    let name = &step.name;
    let mut find = |what: String| findings.push(format!("step {name} {what}"));
    let targets = step.next.targets();
    match (name.as_str(), targets.is_empty()) {
        ("end", false) => find("leads on: `end` is the last step".to_owned()),
        ("end", true) | (_, false) => {}
        (_, true) => find("leads nowhere: give it a `.next(…)`, only `end` has none".to_owned()),
    }
    let mut seen = BTreeSet::new();
    for target in &targets {
        if flow.find(target).is_none() {
            find(format!("leads to {target}, which is no step: add it"));
        }
        if !seen.insert(target) && matches!(step.next, Next::Steps(_)) {
            find(format!("leads to {target} twice: name it once"));
        }
    }
    if let Next::Switch { cases, .. } = &step.next {
        let mut labels: Vec<&String> = cases.iter().map(|(case, _)| case).collect();
        labels.sort();
        if labels.windows(2).any(|pair| pair[0] == pair[1]) {
            find("has two cases of one name in its switch: rename one".to_owned());
        }
    }
    if step.is_join && (name == "start" || name == "end") {
        find("cannot be a join: use `Step::new`, and a join between".to_owned());
    }
    if step.is_join && step.recurs() {
        find("joins and repeats itself: put the switch into a step of its own".to_owned());
    }
    let needs_artifact = matches!(step.next, Next::Foreach { .. } | Next::Switch { .. });
    if step.catch.is_some() && needs_artifact {
        find(
            "catches its failure, but what follows needs its artifact: catch in a step before"
                .to_owned(),
        );
    }
    let attempts = step.retries + 1 + u32::from(step.catch.is_some());
    if attempts > ATTEMPTS_MAX {
        let most = step.retries - (attempts - ATTEMPTS_MAX);
        find(format!(
            "is retried {} times: {most} is the most",
            step.retries
        ));
    }
    if step.timeout.is_some_and(|limit| limit.is_zero()) {
        find("has no time at all: give `.timeout(…)` more than 0".to_owned());
    }
    for artifact in step.catch.iter().filter(|name| !is_name(name)) {
        find(format!(
            "catches into {artifact:?}: letters, digits and underscores, a letter first"
        ));
    }
}

/// Every step has a way from `start` and a way to `end`.
fn reach(flow: &Graph, findings: &mut Vec<String>) {
    let forward = closure("start", |name| {
        flow.find(name)
            .map_or_else(Vec::new, |step| step.next.targets())
    });
    let backward = closure("end", |name| {
        let before = flow.steps.iter();
        before
            .filter(|step| step.next.targets().contains(&name))
            .map(|step| step.name.as_str())
            .collect()
    });
    for step in &flow.steps {
        let name = step.name.as_str();
        if !forward.contains(name) {
            findings.push(format!(
                "step {name} is never reached: lead a step to it, or remove it"
            ));
        } else if !backward.contains(name) {
            findings.push(format!(
                "step {name} never reaches end: lead it, or what follows it, on"
            ));
        }
    }
    let before = |step: &&Node| step.next.targets().contains(&"start");
    if let Some(step) = flow.steps.iter().find(before) {
        findings.push(format!(
            "step {} leads back to start: name another step",
            step.name
        ));
    }
}

fn closure<'a>(from: &'a str, neighbours: impl Fn(&str) -> Vec<&'a str>) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::from([from]);
    let mut open = vec![from];
    while let Some(name) = open.pop() {
        open.extend(
            neighbours(name)
                .into_iter()
                .filter(|name| seen.insert(name)),
        );
    }
    seen
}

/// A step may repeat itself by a switch; longer ways round are refused.
fn cycles(flow: &Graph, findings: &mut Vec<String>) {
    for step in &flow.steps {
        if step.recurs() && !matches!(step.next, Next::Switch { .. }) {
            findings.push(format!(
                "step {0} leads to itself: use `.switch(…)` with {0} as one of its cases",
                step.name
            ));
        }
    }
    // What has no step before it that is still there goes, until nothing does.
    let mut left: BTreeSet<&str> = flow.steps.iter().map(|step| step.name.as_str()).collect();
    loop {
        let has_before = |name: &str| {
            let mut before = flow.steps.iter().filter(|step| step.name != name);
            before.any(|step| {
                left.contains(step.name.as_str()) && step.next.targets().contains(&name)
            })
        };
        let free: Vec<&str> = left
            .iter()
            .copied()
            .filter(|name| !has_before(name))
            .collect();
        if free.is_empty() {
            break;
        }
        left.retain(|name| !free.contains(name));
    }
    // Steps behind a cycle are left too, but lead out of it.
    let in_cycle = |name: &&str| {
        closure(name, |name| {
            flow.find(name)
                .map_or_else(Vec::new, |step| step.next.targets())
        })
        .iter()
        .any(|after| {
            after != name
                && flow
                    .find(after)
                    .is_some_and(|step| step.next.targets().contains(name))
        })
    };
    let around: Vec<&str> = left.into_iter().filter(in_cycle).collect();
    if !around.is_empty() {
        findings.push(format!(
            "steps {} lead round in a circle: only a step by itself repeats, by a switch",
            around.join(", ")
        ));
    }
}

/// Follows the open splits from `start` and finds the join of each.
fn splits(flow: &Graph, findings: &mut Vec<String>) -> Joins {
    let mut joins = Joins::new();
    let mut arrived: BTreeMap<&str, BTreeSet<Open>> = BTreeMap::new();
    let mut todo: Vec<(&str, Open)> = vec![("start", Open::new())];
    while let Some((name, open)) = todo.pop() {
        if !arrived.entry(name).or_default().insert(open.clone()) {
            continue;
        }
        let Some(step) = flow.find(name) else {
            continue;
        };
        let mut inside = open;
        if step.is_join {
            let Some((split, _)) = inside.pop() else {
                findings.push(format!(
                    "step {name} joins, but no split is open there: use `Step::new`"
                ));
                return joins;
            };
            match joins.insert(split.clone(), name.to_owned()) {
                Some(other) if other != name => {
                    findings.push(format!(
                        "what step {split} split is joined by {other} and by {name}: lead all of it to one join"
                    ));
                    return joins;
                }
                _ => {}
            }
        }
        for (branch, target) in step.next.targets().into_iter().enumerate() {
            let mut open = inside.clone();
            if step.next.splits() {
                open.push((name.to_owned(), branch));
                if flow.find(target).is_some_and(|step| step.is_join) {
                    findings.push(format!(
                        "step {name} splits straight into the join {target}: put a step between"
                    ));
                }
            }
            todo.push((target, open));
        }
    }
    for step in &flow.steps {
        let ways = arrived.remove(step.name.as_str()).unwrap_or_default();
        arrivals(flow, step, &ways, findings);
    }
    joins
}

/// Whether the ways that lead to `step` fit what it is.
fn arrivals(flow: &Graph, step: &Node, ways: &BTreeSet<Open>, findings: &mut Vec<String>) {
    let name = &step.name;
    let of = |open: &Open| {
        open.iter()
            .map(|(split, _)| split.clone())
            .collect::<Vec<_>>()
    };
    let shapes: BTreeSet<Vec<String>> = ways.iter().map(of).collect();
    if shapes.len() > 1 {
        let shapes = shapes.iter().map(|shape| match shape.last() {
            Some(split) => format!("from within the split of {split}"),
            None => "from outside any split".to_owned(),
        });
        let shapes: Vec<String> = shapes.collect();
        findings.push(format!(
            "step {name} is reached {}: join before it",
            shapes.join(" and ")
        ));
        return;
    }
    let Some(split) = shapes.first().and_then(|shape| shape.last()) else {
        return;
    };
    let branches: BTreeSet<usize> = ways
        .iter()
        .filter_map(|open| open.last())
        .map(|(_, branch)| *branch)
        .collect();
    if name == "end" {
        findings.push(format!(
            "what step {split} split is never joined: add a `Step::join` before end"
        ));
    } else if !step.is_join && branches.len() > 1 {
        findings.push(format!(
            "step {name} is reached from several branches of {split}: make it a `Step::join`"
        ));
    } else if step.is_join {
        let all = flow
            .find(split)
            .map_or(0, |split| split.next.targets().len());
        if branches.len() < all {
            findings.push(format!(
                "the join {name} gets {} of the {all} branches of {split}: lead the others to it",
                branches.len()
            ));
        }
    }
}
