//! The graph of the flow as a drawing.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write;

use super::html::{cut, escaped};
use crate::pickle::Value;

/// A step as it is drawn.
pub(super) struct Node {
    pub(super) name: String,
    pub(super) next: Vec<String>,
    /// What the graph says about it: `foreach`, `join`, `switch`.
    pub(super) note: &'static str,
}

/// Bigger graphs are not drawn.
const NODES_MAX: usize = 120;

const BOX: (usize, usize) = (132, 40);
const GAP: (usize, usize) = (36, 18);
const MARGIN: usize = 20;

/// The steps in Metaflow's description of a flow.
pub(super) fn nodes(info: &Value) -> Vec<Node> {
    let steps = info
        .get("steps")
        .and_then(Value::as_entries)
        .unwrap_or_default();
    let node = |(name, step): &(Value, Value)| {
        let next = step
            .get("next")
            .and_then(Value::as_items)
            .unwrap_or_default();
        let note = match step.get("type").and_then(Value::as_str).unwrap_or_default() {
            "split-foreach" | "foreach" => "foreach",
            "split-switch" => "switch",
            "join" => "join",
            _ => "",
        };
        Some(Node {
            name: name.as_str()?.to_owned(),
            next: next
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            note,
        })
    };
    steps.iter().filter_map(node).collect()
}

/// Draws the steps from left to right. `looks` is, for a step, its class and a line below its name.
pub(super) fn draw(nodes: &[Node], looks: &BTreeMap<String, (&'static str, String)>) -> String {
    if nodes.is_empty() {
        return "<p>This run says nothing about its graph.</p>".to_owned();
    }
    if nodes.len() > NODES_MAX {
        return format!("<p>A graph of {} steps is not drawn.</p>", nodes.len());
    }
    let places = places(nodes);
    let columns = places
        .values()
        .map(|(column, _)| column + 1)
        .max()
        .unwrap_or(1);
    let rows = places.values().map(|(_, row)| row + 1).max().unwrap_or(1);
    let width = columns * (BOX.0 + GAP.0) - GAP.0 + 2 * MARGIN;
    let height = rows * (BOX.1 + GAP.1) - GAP.1 + 2 * MARGIN;
    let mut out = format!(
        "<div class=\"wide\"><svg class=\"graph\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"Graph of the flow\">\
         <defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/></marker></defs>"
    );
    for node in nodes {
        for next in &node.next {
            if let (Some(from), Some(to)) =
                (places.get(node.name.as_str()), places.get(next.as_str()))
            {
                edge(&mut out, *from, *to);
            }
        }
    }
    for node in nodes {
        if let Some(place) = places.get(node.name.as_str()) {
            let (x, y) = corner(*place);
            let (class, line) = looks
                .get(&node.name)
                .cloned()
                .unwrap_or(("none", String::new()));
            let line = [node.note, line.as_str()]
                .into_iter()
                .filter(|part| !part.is_empty());
            let line = line.collect::<Vec<_>>().join(" · ");
            // Writing into a string cannot fail.
            let _ = write!(
                out,
                "<g class=\"{class}\"><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\" rx=\"7\"/>\
                 <text x=\"{}\" y=\"{}\">{}</text><text class=\"small\" x=\"{}\" y=\"{}\">{}</text></g>",
                escaped(&node.name),
                BOX.0,
                BOX.1,
                x + BOX.0 / 2,
                y + if line.is_empty() { 25 } else { 18 },
                escaped(&cut(&node.name, 16)),
                x + BOX.0 / 2,
                y + 32,
                escaped(&cut(&line, 24)),
            );
        }
    }
    out + "</svg></div>"
}

fn corner((column, row): (usize, usize)) -> (usize, usize) {
    (
        MARGIN + column * (BOX.0 + GAP.0),
        MARGIN + row * (BOX.1 + GAP.1),
    )
}

fn edge(out: &mut String, from: (usize, usize), to: (usize, usize)) {
    let ((x, y), (to_x, to_y)) = (corner(from), corner(to));
    let path = match to.0 > from.0 {
        true => {
            let (x, y, to_y) = (x + BOX.0, y + BOX.1 / 2, to_y + BOX.1 / 2);
            let middle = x.midpoint(to_x);
            format!("M{x} {y}C{middle} {y} {middle} {to_y} {to_x} {to_y}")
        }
        // Back to itself or to an earlier step: over the boxes.
        false => {
            let (x, to_x) = (x + BOX.0 * 3 / 4, to_x + BOX.0 / 4);
            let over = y.min(to_y).saturating_sub(20);
            format!("M{x} {y}C{x} {over} {to_x} {over} {to_x} {to_y}")
        }
    };
    let _ = write!(
        out,
        "<path class=\"edge\" d=\"{path}\" marker-end=\"url(#arrow)\"/>"
    );
}

/// The column and row of each step: as far right as the longest way to it, edges that lead back
/// aside.
fn places(nodes: &[Node]) -> HashMap<&str, (usize, usize)> {
    let by_name: HashMap<&str, &Node> = nodes
        .iter()
        .map(|node| (node.name.as_str(), node))
        .collect();
    let targets: HashSet<&str> = nodes
        .iter()
        .flat_map(|node| {
            node.next
                .iter()
                .filter(|next| **next != node.name)
                .map(String::as_str)
        })
        .collect();
    let mut columns: HashMap<&str, usize> = HashMap::new();
    let starts = nodes
        .iter()
        .map(|node| node.name.as_str())
        .filter(|name| !targets.contains(name));
    let mut order = in_order(&by_name, starts);
    let reached: HashSet<&str> = order.iter().copied().collect();
    order.extend(
        nodes
            .iter()
            .map(|node| node.name.as_str())
            .filter(|name| !reached.contains(name)),
    );
    let position: HashMap<&str, usize> = order
        .iter()
        .enumerate()
        .map(|(idx, name)| (*name, idx))
        .collect();
    for name in &order {
        let column = *columns.entry(name).or_insert(0);
        for next in by_name
            .get(name)
            .map(|node| node.next.as_slice())
            .unwrap_or_default()
        {
            if position.get(next.as_str()) > position.get(name)
                && let Some((next, _)) = by_name.get_key_value(next.as_str())
            {
                let farthest = columns.entry(next).or_insert(0);
                *farthest = (*farthest).max(column + 1);
            }
        }
    }
    let mut rows: HashMap<usize, usize> = HashMap::new();
    let mut places = HashMap::with_capacity(order.len());
    for name in order {
        let column = columns.get(name).copied().unwrap_or(0);
        let row = rows.entry(column).or_insert(0);
        places.insert(name, (column, *row));
        *row += 1;
    }
    places
}

/// Steps so that each comes before those that it leads to, edges that lead back aside.
fn in_order<'a>(
    by_name: &HashMap<&'a str, &'a Node>,
    starts: impl Iterator<Item = &'a str>,
) -> Vec<&'a str> {
    let mut done: Vec<&str> = Vec::new();
    let mut seen: HashSet<&str> = HashSet::new();
    for start in starts {
        // Each with how many of its next steps have been looked at.
        let mut path: Vec<(&str, usize)> = Vec::new();
        if seen.insert(start) {
            path.push((start, 0));
        }
        while let Some((name, looked_at)) = path.last_mut() {
            let next = by_name.get(name).and_then(|node| {
                let len = node.next.len();
                // From the last to the first, as the order is turned round at the end.
                node.next.get(len.checked_sub(*looked_at + 1)?)
            });
            *looked_at += 1;
            match next {
                Some(next) => {
                    if let Some((next, _)) = by_name.get_key_value(next.as_str())
                        && seen.insert(next)
                    {
                        path.push((next, 0));
                    }
                }
                None => {
                    done.push(name);
                    path.pop();
                }
            }
        }
    }
    done.reverse();
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, next: &[&str]) -> Node {
        Node {
            name: name.to_owned(),
            next: next.iter().map(|next| (*next).to_owned()).collect(),
            note: "",
        }
    }

    #[test]
    fn steps_have_places() {
        let nodes = [
            node("start", &["a", "b"]),
            node("a", &["join"]),
            node("b", &["c"]),
            node("c", &["c", "join"]),
            node("join", &["end"]),
            node("end", &[]),
        ];
        let places = places(&nodes);
        let columns = ["start", "a", "b", "c", "join", "end"].map(|name| places[name].0);
        assert_eq!(columns, [0, 1, 1, 2, 3, 4]);
        assert_eq!((places["a"].1, places["b"].1), (0, 1));
        let drawn = draw(&nodes, &BTreeMap::new());
        assert_eq!(drawn.matches("<rect").count(), 6);
        assert_eq!(drawn.matches("class=\"edge\"").count(), 7);
    }

    #[test]
    fn graphs_that_make_no_sense() {
        for nodes in [
            vec![],
            vec![node("a", &["a"])],
            vec![node("a", &["b"]), node("b", &["a"])],
            vec![node("a", &["missing"]), node("<x>", &["a"])],
        ] {
            assert!(!draw(&nodes, &BTreeMap::new()).contains("<x>"));
        }
    }
}
