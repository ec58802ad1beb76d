//! What a finished step leads to, by its artifacts.

use super::Node;
use crate::pickle::Value;
use crate::{Error, Result};

use super::Next;

/// What a task leaves for those who start the next ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// The steps that follow.
    pub next: Vec<String>,
    /// The list of a foreach, and its length.
    pub list: Option<(String, i64)>,
}

impl Node {
    /// What follows a task of this step, by what `artifact` says of its artifacts.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a foreach over what is no list or
    /// an empty one, and for a switch without the case.
    pub fn decide<E: From<Error>>(
        &self,
        artifact: impl Fn(&str) -> Result<Value, E>,
    ) -> Result<Decided, E> {
        let mut decided = Decided {
            next: self.next.targets().into_iter().map(str::to_owned).collect(),
            list: None,
        };
        match &self.next {
            Next::Nothing | Next::Steps(_) => {}
            Next::Foreach { items, .. } => {
                let count = self.length(items, &artifact(items)?)?;
                decided.list = Some((items.clone(), count));
            }
            Next::Switch { on, cases } => {
                let case = match artifact(on)? {
                    Value::Str(text) => text,
                    Value::Bool(bool) => bool.to_string(),
                    other => other.to_string(),
                };
                let chosen = cases.iter().find(|(name, _)| *name == case);
                let Some((_, chosen)) = chosen else {
                    let names: Vec<&str> = cases.iter().map(|(name, _)| name.as_str()).collect();
                    return Err(E::from(Error::invalid(format!(
                        "step {}: {on} is {case:?}, and the switch has only {}",
                        self.name,
                        names.join(", ")
                    ))));
                };
                decided.next = vec![chosen.clone()];
            }
        }
        Ok(decided)
    }

    /// What Metaflow's client and the scheduler want to know of a task of this step: how it went,
    /// what went wrong unless it was `caught`, and what comes next.
    pub fn state(
        &self,
        decided: Option<&Decided>,
        failure: Option<&str>,
        caught: bool,
    ) -> [(&'static str, Value); 8] {
        let ok = failure.is_none();
        let list = decided.and_then(|decided| decided.list.as_ref());
        let name = list.map_or(Value::None, |(name, _)| Value::from(name.as_str()));
        let transition = match decided {
            Some(decided) if ok && !decided.next.is_empty() => {
                let next = decided.next.iter().map(|step| Value::from(step.as_str()));
                Value::Tuple(vec![Value::List(next.collect()), name.clone()])
            }
            _ => Value::None,
        };
        let count = list.map_or(Value::None, |(_, count)| Value::Int(*count));
        [
            ("_foreach_var", name),
            ("_foreach_num_splits", count),
            ("_foreach_values", Value::None),
            ("_transition", transition),
            ("_current_step", Value::from(self.name.as_str())),
            ("_task_ok", Value::Bool(ok)),
            ("_success", Value::Bool(ok && !caught)),
            ("_exception", failure.map_or(Value::None, Value::from)),
        ]
    }

    fn length(&self, items: &str, value: &Value) -> Result<i64> {
        let count = match value {
            Value::List(list) | Value::Tuple(list) => list.len(),
            other => {
                return Err(Error::invalid(format!(
                    "step {}: the artifact {items} is a Python {}; a foreach goes over a list",
                    self.name,
                    other.type_name()
                )));
            }
        };
        match count {
            0 => Err(Error::invalid(format!(
                "step {}: the list {items} is empty; go round the foreach by a switch",
                self.name
            ))),
            count => Ok(i64::try_from(count).unwrap_or(i64::MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(next: Next, value: Value, expected: Result<(&str, Option<i64>), &str>) {
        let step = Node {
            name: "start".to_owned(),
            next,
            ..Node::default()
        };
        let decided = step.decide(|_| Ok::<_, Error>(value.clone()));
        match (decided, expected) {
            (Ok(decided), Ok((next, count))) => {
                assert_eq!(decided.next, [next]);
                assert_eq!(decided.list.map(|(_, count)| count), count);
            }
            (Err(error), Err(text)) => assert!(error.to_string().contains(text), "{error}"),
            (decided, expected) => panic!("{decided:?} {expected:?}"),
        }
    }

    #[test]
    fn by_artifacts() {
        let each = Next::Foreach {
            step: "work".to_owned(),
            items: "xs".to_owned(),
        };
        check(
            each.clone(),
            Value::List(vec![Value::None; 3]),
            Ok(("work", Some(3))),
        );
        check(each.clone(), Value::Tuple(vec![]), Err("is empty"));
        check(each, Value::Int(3), Err("goes over a list"));
        let cases = [("true", "a"), ("7", "b")];
        let switch = Next::Switch {
            on: "way".to_owned(),
            cases: cases
                .map(|(case, step)| (case.to_owned(), step.to_owned()))
                .to_vec(),
        };
        check(switch.clone(), Value::Bool(true), Ok(("a", None)));
        check(switch.clone(), Value::Int(7), Ok(("b", None)));
        check(switch, Value::from("c"), Err("has only true, 7"));
    }
}
