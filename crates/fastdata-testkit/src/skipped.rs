//! Saying that something was not tested.

use std::io::Write as _;

/// Says on stderr that `what` is skipped, and why. Not through `eprintln!`, which the test harness
/// swallows when a test passes: a test that did not run must be seen.
pub fn skipped(what: &str, why: &str) {
    // When stderr is closed there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {what}: {why}");
}
