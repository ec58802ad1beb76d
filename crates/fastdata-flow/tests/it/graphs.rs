//! Graphs that cannot run are refused with the step and the cure.

use fastdata_flow::{Flow, Inputs, Outcome, Param, Step, Task};

fn run(_: &mut Task) -> Outcome {
    Ok(())
}

fn gather(_: &mut Task, _: &Inputs) -> Outcome {
    Ok(())
}

fn step(name: &str) -> Step {
    Step::new(name, run)
}

fn join(name: &str) -> Step {
    Step::join(name, gather)
}

#[track_caller]
fn check(steps: impl IntoIterator<Item = Step>, expected: &[&str]) {
    let flow = steps.into_iter().fold(Flow::new("Flow"), Flow::step);
    let found = match flow.check() {
        Ok(()) => Vec::new(),
        Err(error) => error
            .to_string()
            .lines()
            .skip(1)
            .map(|line| line.trim().to_owned())
            .collect(),
    };
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn ends_and_ways() {
    check([step("start").next("end"), step("end")], &[]);
    check([step("start")], &["no step end", "start leads nowhere"]);
    check([step("begin").next("end"), step("end")], &["no step start"]);
    check(
        [step("start").next("end"), step("end"), step("end")],
        &["end is there twice"],
    );
    check(
        [step("start").next("gone"), step("end")],
        &["start leads to gone, which is no step"],
    );
    check(
        [step("start").next("end"), step("end").next("start")],
        &["end leads on"],
    );
    check(
        [
            step("start").next("end"),
            step("end"),
            step("a-b").next("end"),
        ],
        &["\"a-b\""],
    );
    check(
        [
            step("start").next("end"),
            step("end"),
            step("lost").next("end"),
        ],
        &["lost is never reached"],
    );
    check(
        [
            step("start").next("a"),
            step("a").next("start"),
            step("end"),
        ],
        &[
            "start never reaches",
            "a never reaches",
            "end is never reached",
            "leads back to start",
        ],
    );
}

#[test]
fn circles() {
    let switch = |name: &str, other: &str| step(name).switch("x", [("1", other), ("2", "end")]);
    check(
        [step("start").next("a"), switch("a", "a"), step("end")],
        &[],
    );
    check(
        [
            step("start").next("a"),
            step("a").branch(["a", "end"]),
            step("end"),
        ],
        &["a leads to itself: use `.switch"],
    );
    check(
        [
            step("start").next("a"),
            switch("a", "b"),
            step("b").next("a"),
            step("end"),
        ],
        &["steps a, b lead round in a circle"],
    );
}

#[test]
fn joins() {
    let start = || step("start").branch(["a", "b"]);
    let (a, b) = (|| step("a"), || step("b"));
    check(
        [
            start(),
            a().next("j"),
            b().next("j"),
            join("j").next("end"),
            step("end"),
        ],
        &[],
    );
    check(
        [
            start(),
            a().next("c"),
            b().next("c"),
            step("c").next("end"),
            step("end"),
        ],
        &[
            "c is reached from several branches of start",
            "never joined",
        ],
    );
    check(
        [start(), a().next("end"), b().next("end"), step("end")],
        &["what step start split is never joined"],
    );
    check(
        [
            start(),
            a().next("j"),
            b().next("k"),
            join("j").next("k"),
            join("k").next("end"),
            step("end"),
        ],
        &["joined by"],
    );
    check(
        [step("start").next("j"), join("j").next("end"), step("end")],
        &["j joins, but no split is open"],
    );
    check(
        [
            step("start").foreach("j", "xs"),
            join("j").next("end"),
            step("end"),
        ],
        &["start splits straight into the join j"],
    );
    check(
        [
            start(),
            a().next("j"),
            b().switch("x", [("1", "j"), ("2", "c")]),
            step("c").next("j"),
            join("j").next("end"),
            step("end"),
        ],
        &[],
    );
    let inner = [
        step("start").foreach("a", "xs"),
        a().switch("x", [("1", "b"), ("2", "end")]),
        b().next("j"),
        join("j").next("end"),
        step("end"),
    ];
    check(
        inner,
        &["end is reached from outside any split and from within the split of start"],
    );
}

#[test]
fn policies() {
    let retried = |count| {
        step("start")
            .retry(count, std::time::Duration::ZERO)
            .next("end")
    };
    check([retried(5), step("end")], &[]);
    check(
        [retried(6), step("end")],
        &["retried 6 times: 5 is the most"],
    );
    check([retried(5).catch("x"), step("end")], &["4 is the most"]);
    check(
        [
            step("start").foreach("a", "xs").catch("x"),
            step("a").next("j"),
            join("j").next("end"),
            step("end"),
        ],
        &["catches its failure, but what follows"],
    );
    check(
        [
            step("start").timeout(std::time::Duration::ZERO).next("end"),
            step("end"),
        ],
        &["no time at all"],
    );
    let flow = Flow::new("a flow")
        .param(Param::new("x y", 1_i64))
        .step(step("start").next("end"))
        .step(step("end"));
    assert_eq!(flow.check().unwrap_err().to_string().lines().count(), 3);
}
