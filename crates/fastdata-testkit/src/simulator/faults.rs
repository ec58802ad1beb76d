//! What goes wrong, on purpose: a plan of faults and a count of how often each was hit.

use std::time::Duration;

use serde::Deserialize;

/// Which kind of request a fault is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Bytes of an object, all or a range.
    Get,
    /// What is known about an object.
    Head,
    /// Which parts it was written in.
    Attributes,
    /// A whole object written.
    Put,
    /// An object removed.
    Delete,
    /// A page of keys.
    List,
    /// An upload in parts begun.
    CreateUpload,
    /// One part written.
    PutPart,
    /// An upload in parts made an object.
    CompleteUpload,
    /// An upload in parts given up.
    AbortUpload,
}

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// An answer with this status, S3 code and headers; nothing is done.
    Status {
        /// HTTP status.
        status: u16,
        /// S3's code in the body.
        code: String,
        /// Further headers.
        #[serde(default)]
        headers: Vec<(String, String)>,
    },
    /// Status 200 with an error document of this code as its body; nothing is done.
    OkThenError(String),
    /// The connection is reset behind so many bytes of the body.
    ResetAfter(u64),
    /// The connection is closed behind so many bytes of the body.
    CloseAfter(u64),
    /// Behind so many bytes nothing comes for so many milliseconds.
    StallAfter {
        /// Bytes of the body that come first.
        bytes: u64,
        /// How long nothing comes.
        stall_ms: u64,
    },
    /// The body comes at so many bytes a second.
    Drip(u64),
    /// Head and body come in pieces of so many bytes, a moment apart: for short answers.
    Pieces(u64),
    /// One bit of the byte at this offset of the body is wrong.
    FlipByte(u64),
    /// `Content-Length` is wrong by so much; the body is as it should be, then the end.
    WrongContentLength(i64),
    /// `Content-Range` names the bytes behind the right ones.
    WrongContentRange,
    /// The whole object with status 200, whatever range was asked for.
    IgnoreRange,
    /// The answer carries an ETag that is not the object's.
    WrongEtag,
    /// A page of a listing without a key, that says how the listing goes on.
    EmptyPage,
    /// No answer: the connection closes; a write has or has not been done.
    NoAnswer {
        /// Whether the request was carried out.
        done: bool,
    },
    /// Nothing is ever answered and the connection stays open.
    Hang,
    /// An answer that is no HTTP.
    Garbage,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Fault {
    /// For requests of this kind; unset, for all.
    #[serde(default)]
    pub operation: Option<Operation>,
    /// For this key; unset, for all.
    #[serde(default)]
    pub key: Option<String>,
    /// How many matching requests pass unharmed first.
    #[serde(default)]
    pub after: u64,
    /// How many are hit then.
    #[serde(default = "always")]
    pub times: u64,
    /// What happens.
    pub action: Action,
}

fn always() -> u64 {
    u64::MAX
}

impl Fault {
    /// The next matching request, and no other.
    pub fn once(operation: Operation, action: Action) -> Self {
        Self {
            operation: Some(operation),
            key: None,
            after: 0,
            times: 1,
            action,
        }
    }

    /// Every matching request.
    pub fn always(operation: Operation, action: Action) -> Self {
        Self {
            times: u64::MAX,
            ..Self::once(operation, action)
        }
    }

    /// Hits the matching request behind `count` others.
    #[must_use]
    pub fn after(mut self, count: u64) -> Self {
        self.after = count;
        self
    }
}

/// The plan and its counters.
#[derive(Debug, Default)]
pub(super) struct Plan {
    faults: Vec<Planned>,
}

#[derive(Debug)]
struct Planned {
    fault: Fault,
    seen: u64,
    hits: u64,
}

impl Plan {
    pub(super) fn add(&mut self, fault: Fault) -> usize {
        self.faults.push(Planned {
            fault,
            seen: 0,
            hits: 0,
        });
        self.faults.len() - 1
    }

    pub(super) fn clear(&mut self) {
        // Numbers that were given out stay valid.
        for planned in &mut self.faults {
            planned.fault.times = 0;
        }
    }

    pub(super) fn hits(&self, index: usize) -> u64 {
        self.faults.get(index).map_or(0, |planned| planned.hits)
    }

    /// The first fault whose turn it is, if any.
    pub(super) fn strike(&mut self, operation: Operation, key: &str) -> Option<Action> {
        let mut struck = None;
        for planned in &mut self.faults {
            let fault = &planned.fault;
            let matches = fault.operation.is_none_or(|wanted| wanted == operation)
                && fault.key.as_deref().is_none_or(|wanted| wanted == key);
            if !matches {
                continue;
            }
            planned.seen += 1;
            if struck.is_none() && planned.seen > fault.after && planned.hits < fault.times {
                planned.hits += 1;
                struck = Some(fault.action.clone());
            }
        }
        struck
    }
}

/// How the body of an answer is spoilt, as the connection that sends it sees it.
#[derive(Debug, Clone, Default)]
pub(super) struct Spoil {
    pub(super) reset_after: Option<u64>,
    pub(super) close_after: Option<u64>,
    pub(super) stall: Option<(u64, Duration)>,
    pub(super) bytes_per_second: Option<u64>,
    pub(super) piece_bytes: Option<usize>,
    pub(super) flip_at: Option<u64>,
    pub(super) length_delta: i64,
}

impl Spoil {
    pub(super) fn of(action: &Action) -> Self {
        let mut spoil = Self::default();
        match *action {
            Action::ResetAfter(bytes) => spoil.reset_after = Some(bytes),
            Action::CloseAfter(bytes) => spoil.close_after = Some(bytes),
            Action::StallAfter { bytes, stall_ms } => {
                spoil.stall = Some((bytes, Duration::from_millis(stall_ms)));
            }
            Action::Drip(rate) => spoil.bytes_per_second = Some(rate.max(1)),
            Action::Pieces(bytes) => {
                spoil.piece_bytes = Some(usize::try_from(bytes.max(1)).unwrap_or(usize::MAX));
            }
            Action::FlipByte(at) => spoil.flip_at = Some(at),
            Action::WrongContentLength(delta) => spoil.length_delta = delta,
            _ => {}
        }
        spoil
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strikes_in_turn_and_counts() {
        let mut plan = Plan::default();
        let first = plan.add(Fault::once(Operation::Get, Action::Hang).after(1));
        let second = plan.add(Fault {
            key: Some("b".into()),
            ..Fault::always(Operation::Get, Action::Garbage)
        });
        assert_eq!(plan.strike(Operation::Get, "a"), None);
        assert_eq!(plan.strike(Operation::Head, "b"), None);
        assert_eq!(plan.strike(Operation::Get, "b"), Some(Action::Hang));
        assert_eq!(plan.strike(Operation::Get, "b"), Some(Action::Garbage));
        assert_eq!((plan.hits(first), plan.hits(second)), (1, 1));
        plan.clear();
        assert_eq!(plan.strike(Operation::Get, "b"), None);
    }

    #[test]
    fn plans_are_read_from_json() {
        let text = r#"[{"operation":"get","after":2,"times":1,"action":{"reset_after":7}},
            {"action":{"status":{"status":503,"code":"SlowDown"}}},{"action":"hang"}]"#;
        let faults: Vec<Fault> = serde_json::from_str(text).unwrap();
        assert_eq!(faults[0].action, Action::ResetAfter(7));
        assert_eq!(faults[1].times, u64::MAX);
        assert_eq!(faults[2].action, Action::Hang);
    }
}
