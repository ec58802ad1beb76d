//! A run from its first task to its last: one process a task, as many at once as allowed.
//!
//! The loop sleeps until something happens: a process ends, a delay is over, or Ctrl-C. Each task
//! has a thread that waits for its process.

use std::collections::{HashMap, VecDeque};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use fastdata_metaflow::graph::{Decision, Next, Plan, Ready};
use fastdata_metaflow::layout::{TaskFile, TaskPath};
use fastdata_metaflow::records::RuntimeRecord;
use fastdata_metaflow::{Origin, RunWriter, StoredTask, inputs};
use rustix::process::{Pid, Signal};

use crate::args::BoundsArgs;
use crate::error::{Error, ErrorKind, Result, chain};
use crate::flow::Flow;
use crate::place::Place;
use crate::process::{self, say};

/// How long tasks have after Ctrl-C before they are killed.
const GRACE: Duration = Duration::from_secs(5);

/// A run that was begun: what its tasks' threads need.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) flow: Flow,
    pub(crate) place: Arc<Place>,
    pub(crate) writer: RunWriter,
    pub(crate) tags: Vec<String>,
    /// The program whose `step` command runs a task.
    pub(crate) program: PathBuf,
}

/// A task that waits for a process, or has one.
#[derive(Debug, Clone)]
struct Job {
    ready: Ready,
    /// Known from the first attempt on.
    task: Option<TaskPath>,
    attempt: u32,
}

#[derive(Debug)]
enum Event {
    Started(u64, Pid),
    Ended(u64, Result<Ended>),
    Interrupt,
}

/// What is known of an attempt after its process is gone.
#[derive(Debug)]
struct Ended {
    task: TaskPath,
    /// What it decided, when it succeeded; else what went wrong.
    outcome: Result<Decision, String>,
}

/// A run in progress.
struct Schedule<'a> {
    run: &'a Arc<Run>,
    bounds: &'a BoundsArgs,
    plan: Plan<'a>,
    origin: Option<Origin>,
    waiting: VecDeque<Job>,
    delayed: Vec<(Instant, Job)>,
    running: HashMap<u64, (Job, Option<Pid>)>,
    started: u64,
    events: Receiver<Event>,
    sender: Sender<Event>,
    failed: Vec<String>,
    interrupted: Option<Instant>,
    tasks: usize,
    cloned: usize,
}

/// Runs a flow to its end, taking over from `origin` what is complete there. Gives how many tasks ran
/// and how many were taken over.
pub(crate) fn run(
    run: &Arc<Run>,
    parameters: &TaskPath,
    bounds: &BoundsArgs,
    origin: Option<Origin>,
) -> Result<(usize, usize)> {
    let (sender, events) = mpsc::channel();
    let interrupt = sender.clone();
    ctrlc::set_handler(move || {
        // The loop may be over already.
        let _ = interrupt.send(Event::Interrupt);
    })
    .map_err(|error| Error::storage("cannot listen to Ctrl-C").with_source(error))?;
    let mut schedule = Schedule {
        run,
        bounds,
        plan: Plan::new(&run.flow.graph),
        origin,
        waiting: VecDeque::new(),
        delayed: Vec::new(),
        running: HashMap::new(),
        started: 0,
        events,
        sender,
        failed: Vec::new(),
        interrupted: None,
        tasks: 0,
        cloned: 0,
    };
    let is_resumed = schedule.origin.is_some();
    let first = schedule.plan.start(parameters.below_flow(), is_resumed);
    schedule.admit(vec![first])?;
    if is_resumed {
        // Only now has this run all that the earlier one had: killed before, that one is resumed.
        run.writer.make_latest()?;
    }
    schedule.origin = None;
    schedule.drive()?;
    schedule.summary()
}

impl Schedule<'_> {
    /// Takes over what an earlier run has; the rest waits for a process.
    fn admit(&mut self, ready: Vec<Ready>) -> Result<()> {
        let mut ready = VecDeque::from(ready);
        while let Some(task) = ready.pop_front() {
            let found = self.origin.as_ref().and_then(|origin| origin.find(&task));
            let Some(source) = found else {
                self.waiting.push_back(Job {
                    ready: task,
                    task: None,
                    attempt: 0,
                });
                continue;
            };
            let path = self.run.writer.take_over(source)?;
            let decision = self.run.decision(source)?;
            self.cloned += 1;
            ready.extend(
                self.plan
                    .after(&task, &path.below_flow(), true, &decision)?,
            );
        }
        Ok(())
    }

    fn drive(&mut self) -> Result<()> {
        loop {
            self.launch();
            let over = self.waiting.is_empty() && self.delayed.is_empty();
            if self.running.is_empty() && (over || self.is_ending()) {
                return Ok(());
            }
            let event = match self.wake() {
                Some(at) => self
                    .events
                    .recv_timeout(at.saturating_duration_since(Instant::now())),
                None => self
                    .events
                    .recv()
                    .map_err(|_| RecvTimeoutError::Disconnected),
            };
            match event {
                Ok(Event::Started(id, group)) => self.note_group(id, group),
                Ok(Event::Ended(id, ended)) => self.ended(id, ended)?,
                Ok(Event::Interrupt) => self.interrupt(),
                Err(_) => self.wake_up(),
            }
        }
    }

    /// No further task is started.
    fn is_ending(&self) -> bool {
        self.interrupted.is_some() || !self.failed.is_empty()
    }

    /// When something is due though no event comes.
    fn wake(&self) -> Option<Instant> {
        match (self.interrupted, self.is_ending()) {
            (Some(since), _) => Some(since + GRACE),
            (None, true) => None,
            (None, false) => self.delayed.iter().map(|(at, _)| *at).min(),
        }
    }

    fn wake_up(&mut self) {
        if self.interrupted.is_some() {
            self.signal_all(Signal::KILL);
            // Their ends are awaited, however long that takes.
            self.interrupted = Some(Instant::now() + GRACE);
            return;
        }
        let now = Instant::now();
        let (due, later) = self.delayed.drain(..).partition(|(at, _)| *at <= now);
        self.delayed = later;
        let due: Vec<(Instant, Job)> = due;
        self.waiting.extend(due.into_iter().map(|(_, job)| job));
    }

    fn workers_max(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.bounds.max_workers.unwrap_or_else(cores).max(1)
    }

    /// Starts waiting tasks while there is room.
    fn launch(&mut self) {
        while !self.is_ending() && self.running.len() < self.workers_max() {
            let at = self
                .waiting
                .iter()
                .position(|job| self.has_room(&job.ready.step));
            let Some(job) = at.and_then(|at| self.waiting.remove(at)) else {
                return;
            };
            let id = self.started;
            self.started += 1;
            self.running.insert(id, (job.clone(), None));
            let (run, sender) = (Arc::clone(self.run), self.sender.clone());
            std::thread::spawn(move || {
                let started = |group| {
                    // The loop lives as long as a task runs.
                    let _ = sender.send(Event::Started(id, group));
                };
                let ended = work(&run, &job, started);
                let _ = sender.send(Event::Ended(id, ended));
            });
        }
    }

    fn has_room(&self, step: &str) -> bool {
        let limit = self.run.flow.find(step).and_then(|step| step.at_once);
        let of_step = |(job, _): &&(Job, Option<Pid>)| job.ready.step == step;
        limit.is_none_or(|limit| self.running.values().filter(of_step).count() < limit)
    }

    fn note_group(&mut self, id: u64, group: Pid) {
        if let Some((_, known)) = self.running.get_mut(&id) {
            *known = Some(group);
        }
        if self.interrupted.is_some() {
            process::signal(group, Signal::TERM);
        }
    }

    fn ended(&mut self, id: u64, ended: Result<Ended>) -> Result<()> {
        let Some((mut job, _)) = self.running.remove(&id) else {
            return Ok(());
        };
        let step = job.ready.step.clone();
        let (path, decision) = match ended {
            Ok(Ended { task, outcome }) => match outcome {
                Ok(decision) => (task.below_flow(), decision),
                Err(reason) => {
                    let path = task.below_flow();
                    job.task = Some(task);
                    self.retry(job, &path, &reason);
                    return Ok(());
                }
            },
            Err(error) => {
                let why = chain(&error);
                self.fail(format!("a task of step {step} could not be run: {why}"));
                return Ok(());
            }
        };
        say(&path, "done");
        self.tasks += 1;
        let items = decision.items.unwrap_or(0);
        if items > self.bounds.max_num_splits {
            self.fail(format!(
                "step {step} splits into {items} tasks; allow that with --max-num-splits"
            ));
            return Ok(());
        }
        let ready = self.plan.after(&job.ready, &path, false, &decision)?;
        self.admit(ready)
    }

    /// Another attempt if there is one left: of the step, or of its catch when the process died
    /// before it could.
    fn retry(&mut self, mut job: Job, path: &str, reason: &str) {
        let Some(step) = self.run.flow.graph.find(&job.ready.step) else {
            return;
        };
        let attempts_max = step.retries + u32::from(step.catch.is_some());
        if self.interrupted.is_some() || job.attempt >= attempts_max {
            self.fail(format!("{path} {reason}"));
            return;
        }
        let delay = match job.attempt < step.retries {
            true => step.retry_delay,
            false => Duration::ZERO,
        };
        say(
            path,
            &format!("{reason}; again in {} s", delay.as_secs_f32()),
        );
        job.attempt += 1;
        self.delayed.push((Instant::now() + delay, job));
    }

    fn fail(&mut self, what: String) {
        say(&self.run.label(), &what);
        if self.failed.is_empty() && !self.running.is_empty() && self.interrupted.is_none() {
            let count = self.running.len();
            say(
                &self.run.label(),
                &format!("waiting for {count} tasks that still run; Ctrl-C stops them"),
            );
        }
        self.failed.push(what);
    }

    fn interrupt(&mut self) {
        let again = self.interrupted.is_some();
        say(&self.run.label(), "interrupted: stopping the tasks");
        self.interrupted.get_or_insert_with(Instant::now);
        self.signal_all(if again { Signal::KILL } else { Signal::TERM });
    }

    fn signal_all(&self, signal: Signal) {
        for (_, group) in self.running.values() {
            if let Some(group) = group {
                process::signal(*group, signal);
            }
        }
    }

    fn summary(self) -> Result<(usize, usize)> {
        let kind = match (self.interrupted, self.failed.is_empty()) {
            (Some(_), _) => ErrorKind::Interrupted,
            (None, false) => ErrorKind::Step,
            (None, true) => return Ok((self.tasks, self.cloned)),
        };
        let what = self.failed.first().map_or("interrupted", String::as_str);
        Err(Error::new(
            kind,
            format!("{}: {what}; go on with `resume`", self.run.label()),
        ))
    }
}

impl Run {
    /// What messages about the whole run begin with.
    fn label(&self) -> String {
        format!("{}/{}", &self.place.flow, self.writer.id())
    }

    fn decision(&self, stored: &StoredTask) -> Result<Decision> {
        let step = self.flow.graph.find(&stored.path.step);
        let next = step.map_or(&Next::Nothing, |step| &step.next);
        Ok(stored.decision(&self.place.datastore, next)?)
    }
}

/// One attempt, from its registration to what it decided.
fn work(run: &Arc<Run>, job: &Job, started: impl FnOnce(Pid)) -> Result<Ended> {
    let ready = &job.ready;
    let task = match &job.task {
        Some(task) => task.clone(),
        None => run.writer.new_task(&ready.step)?,
    };
    let step = run.flow.graph.find(&ready.step);
    let mut command = Command::new(&run.program);
    command.args(["step", &ready.step, "--attached"]);
    command.args(["--run-id", run.writer.id(), "--task-id", &task.task]);
    command.args(["--input-paths", &inputs::join(&ready.inputs)]);
    command.args(["--retry-count", &job.attempt.to_string()]);
    let retries = step.map_or(0, |step| step.retries);
    command.args(["--max-user-code-retries", &retries.to_string()]);
    if let (true, Some(at)) = (ready.is_item, ready.index.last()) {
        command.args(["--split-index", &at.to_string()]);
    }
    let tags = run.tags.iter().map(|tag| ("--tag", tag.as_str()));
    let origin = run
        .writer
        .origin_run_id()
        .map(|run| ("--origin-run-id", run));
    for (option, value) in tags.chain(origin) {
        command.args([option, value]);
    }
    run.place.pass_on(&mut command);
    let logs = run.place.logs(&task, job.attempt);
    let status = process::run(&mut command, logs, &task.below_flow(), started)?;
    let is_done = run
        .place
        .datastore
        .exists(&task.file(job.attempt, TaskFile::Done))?;
    let success = status.success() && is_done;
    let record = RuntimeRecord {
        return_code: status
            .code()
            .unwrap_or_else(|| -status.signal().unwrap_or(1)),
        killed: status.code().is_none(),
        success,
    };
    let file = task.file(job.attempt, TaskFile::Runtime);
    let json = serde_json::to_vec(&record).unwrap_or_default();
    run.place.datastore.write(&file, json)?;
    if !is_done {
        // The process could not say it itself.
        run.writer.attempt_failed(&task, job.attempt)?;
    }
    let next = step.map_or(&Next::Nothing, |step| &step.next);
    let outcome = match success {
        true if !matches!(next, Next::Nothing | Next::Steps(_)) => {
            Ok(run.decision(&run.place.stored(&task.below_flow())?)?)
        }
        true => Ok(Decision::default()),
        false if status.success() => Err("ended before its results were stored".to_owned()),
        false => Err(ending(status)),
    };
    Ok(Ended { task, outcome })
}

/// How a process ended, in words.
fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("failed with exit code {code}"),
        (None, Some(signal)) => format!("was killed by signal {signal}"),
        (None, None) => "failed".to_owned(),
    }
}
