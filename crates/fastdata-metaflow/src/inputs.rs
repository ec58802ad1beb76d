//! The input paths of a task on one command line: `run/step/:1,2,7-90`.
//!
//! Metaflow writes what tasks of one step share once, before a colon. Runs of numbers are ours: a
//! join of a hundred thousand tasks has to fit into an argument.

use crate::{Error, Result};

/// The paths as one argument.
pub fn join(paths: &[String]) -> String {
    let split = |path: &String| {
        path.rsplit_once('/')
            .map(|(step, task)| (step.to_owned(), task.to_owned()))
    };
    let parts: Option<Vec<(String, String)>> = paths.iter().map(split).collect();
    let Some(parts) = parts
        .filter(|parts| parts.len() > 1 && parts.windows(2).all(|pair| pair[0].0 == pair[1].0))
    else {
        return paths.join(",");
    };
    let mut text = format!("{}/:", parts[0].0);
    let mut at = 0;
    while at < parts.len() {
        let mut end = at + 1;
        while end < parts.len() && follows(&parts[end - 1].1, &parts[end].1) {
            end += 1;
        }
        if at > 0 {
            text.push(',');
        }
        text += &parts[at].1;
        if end > at + 1 {
            text += &format!("-{}", parts[end - 1].1);
        }
        at = end;
    }
    text
}

fn follows(task: &str, next: &str) -> bool {
    matches!((number(task), number(next)), (Some(a), Some(b)) if a.checked_add(1) == Some(b))
}

/// A task id that is a number, written as numbers are.
fn number(task: &str) -> Option<u64> {
    let number: u64 = task.parse().ok()?;
    (number.to_string() == task).then_some(number)
}

/// The paths that an argument holds, Metaflow's form or ours.
///
/// # Errors
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for what is no path of a task.
pub fn split(argument: &str) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    match argument.split_once(':') {
        None => paths.extend(argument.split(',').map(str::to_owned)),
        Some((prefix, tasks)) => {
            for part in tasks.split(',') {
                let range = part
                    .split_once('-')
                    .and_then(|(a, b)| Some((number(a)?, number(b)?)));
                match range {
                    Some((first, last)) => {
                        paths.extend((first..=last).map(|task| format!("{prefix}{task}")))
                    }
                    None => paths.push(format!("{prefix}{part}")),
                }
            }
        }
    }
    match paths.iter().find(|path| path.split('/').count() != 3) {
        Some(path) => Err(Error::invalid(format!(
            "input path {path:?}: it is RUN/STEP/TASK, several are separated by commas"
        ))),
        None => Ok(paths),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(paths: &[&str], expected: &str) {
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        assert_eq!(join(&paths), expected);
        assert_eq!(split(expected).unwrap(), paths);
    }

    #[test]
    fn there_and_back() {
        check(&["7/start/1"], "7/start/1");
        check(&["7/a/1", "7/b/2"], "7/a/1,7/b/2");
        check(&["7/a/1", "7/a/3"], "7/a/:1,3");
        check(&["7/a/1", "7/a/2", "7/a/3", "7/a/9"], "7/a/:1-3,9");
        check(&["7/a/x-1", "7/a/x-2", "7/a/007"], "7/a/:x-1,x-2,007");
        assert!(split("7/a").is_err());
    }
}
