//! The graph: in the terminal, and as Metaflow keeps it with a run.

use serde_json::{Map, Value, json};

use super::{Graph, Joins, Next, Node};

impl Graph {
    /// One line a step, indented by the splits around it.
    pub fn draw(&self, joins: &Joins) -> String {
        draw(self, joins)
    }

    /// The graph as the artifact `_graph_info`, which Metaflow's client and its user interface read.
    /// `file` is the program.
    pub fn to_info(&self, joins: &Joins, file: &str) -> Value {
        let steps: Map<String, Value> = order(self, joins)
            .into_iter()
            .map(|(step, _)| (step.name.clone(), step_info(step, joins)))
            .collect();
        let parameters = self.parameters.iter();
        let parameters = parameters.map(|(name, kind)| json!({"name": name, "type": kind}));
        json!({
            "file": file,
            "start_step": "start",
            "end_step": "end",
            "parameters": parameters.collect::<Vec<_>>(),
            "constants": [],
            "steps": steps,
            "graph_structure": block(self, joins, "start", None),
            "doc": self.about.as_deref().unwrap_or_default(),
            "decorators": [],
            "extensions": {},
        })
    }
}

fn draw(flow: &Graph, joins: &Joins) -> String {
    let mut text = format!("{}\n", flow.name);
    if let Some(about) = &flow.about {
        text += &format!("  {about}\n");
    }
    for (step, depth) in order(flow, joins) {
        text += &format!("{}{}", "  ".repeat(depth + 1), step.name);
        text += &match &step.next {
            Next::Nothing => String::new(),
            Next::Steps(steps) => format!(" → {}", steps.join(" | ")),
            Next::Foreach { step, items } => format!(" → {step} for each of {items}"),
            Next::Switch { on, cases } => {
                let cases = cases.iter().map(|(case, step)| format!("{case}: {step}"));
                format!(" → by {on} ({})", cases.collect::<Vec<_>>().join(", "))
            }
        };
        let notes = notes(step);
        if !notes.is_empty() {
            text += &format!("  [{}]", notes.join(", "));
        }
        if let Some(about) = &step.about {
            text += &format!("  {about}");
        }
        text.push('\n');
    }
    text
}

fn notes(step: &Node) -> Vec<String> {
    let mut notes = Vec::new();
    if step.is_join {
        notes.push("join".to_owned());
    }
    if step.retries > 0 {
        notes.push(format!("retry {}", step.retries));
    }
    if let Some(limit) = step.timeout {
        notes.push(format!("timeout {} s", limit.as_secs_f64()));
    }
    if let Some(artifact) = &step.catch {
        notes.push(format!("catch {artifact}"));
    }
    notes
}

/// The steps in an order in which they can run, each with the number of splits around it.
fn order<'a>(flow: &'a Graph, joins: &Joins) -> Vec<(&'a Node, usize)> {
    let mut depths: Vec<(&str, usize)> = vec![("start", 0)];
    let mut at = 0;
    while let Some((name, depth)) = depths.get(at).copied() {
        at += 1;
        let Some(step) = flow.find(name) else {
            continue;
        };
        for target in step.next.targets() {
            let depth = depth + usize::from(step.next.splits());
            let depth = depth - usize::from(joins.values().any(|join| join == target)).min(depth);
            if !depths.iter().any(|(known, _)| *known == target) {
                depths.push((target, depth));
            }
        }
    }
    // A step after all that lead to it.
    let mut placed: Vec<(&Node, usize)> = Vec::new();
    while placed.len() < depths.len() {
        let is_placed = |name: &str| placed.iter().any(|(step, _)| step.name == name);
        let next = depths.iter().find(|(name, _)| {
            let before = flow.steps.iter();
            let mut before =
                before.filter(|step| step.name != *name && step.next.targets().contains(name));
            !is_placed(name) && before.all(|step| is_placed(&step.name))
        });
        let Some((name, depth)) = next else { break };
        placed.extend(flow.find(name).map(|step| (step, *depth)));
    }
    placed
}

fn step_info(step: &Node, joins: &Joins) -> Value {
    let kind = match &step.next {
        _ if step.name == "start" && !step.next.splits() => "start",
        Next::Nothing => "end",
        Next::Foreach { .. } => "split-foreach",
        Next::Switch { .. } => "split-switch",
        Next::Steps(steps) if steps.len() > 1 => "split-static",
        Next::Steps(_) if step.is_join => "join",
        Next::Steps(_) => "linear",
    };
    let mut info = json!({
        "name": step.name,
        "type": kind,
        "line": 0,
        "source_file": "",
        "doc": step.about.as_deref().unwrap_or_default(),
        "decorators": decorators(step),
        "next": step.next.targets(),
        "node_info": {},
    });
    match &step.next {
        Next::Foreach { items, .. } => info["foreach_artifact"] = json!(items),
        Next::Switch { on, cases } => {
            info["condition"] = json!(on);
            let cases: Map<String, Value> = cases
                .iter()
                .map(|(case, step)| (case.clone(), json!(step)))
                .collect();
            info["switch_cases"] = Value::Object(cases);
        }
        _ => {}
    }
    if let Some(join) = joins.get(&step.name) {
        info["matching_join"] = json!(join);
    }
    info
}

fn decorators(step: &Node) -> Vec<Value> {
    let mut found = Vec::new();
    let mut add = |name: &str, attributes: Value| {
        found.push(json!({
            "name": name, "attributes": attributes, "statically_defined": true, "inserted_by": null,
        }));
    };
    if step.retries > 0 {
        let minutes = step.retry_delay.as_secs_f64() / 60.0;
        add(
            "retry",
            json!({"times": step.retries, "minutes_between_retries": minutes}),
        );
    }
    if let Some(limit) = step.timeout {
        add("timeout", json!({"seconds": limit.as_secs_f64()}));
    }
    if let Some(artifact) = &step.catch {
        add("catch", json!({"var": artifact}));
    }
    if let Some(resources) = &step.resources {
        add("resources", json!(resources));
    }
    found
}

/// Steps in a row; a split is followed by the list of its branches.
fn block(flow: &Graph, joins: &Joins, from: &str, until: Option<&str>) -> Value {
    let mut row = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    let mut at = Some(from.to_owned());
    while let Some(name) = at.take() {
        let Some(step) = flow.find(&name).filter(|_| Some(name.as_str()) != until) else {
            break;
        };
        row.push(json!(name));
        seen.push(name.clone());
        match joins.get(&name) {
            Some(join) => {
                let branches = step.next.targets().into_iter();
                row.push(
                    branches
                        .map(|branch| block(flow, joins, branch, Some(join)))
                        .collect(),
                );
                at = Some(join.clone());
            }
            // Of a switch the first way that is new; the others join it, or are its detours.
            None => {
                at = step
                    .next
                    .targets()
                    .into_iter()
                    .find(|target| !seen.iter().any(|step| step == target))
                    .map(str::to_owned)
            }
        }
    }
    Value::Array(row)
}
