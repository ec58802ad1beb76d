//! Starting other programs and talking to the person who watches.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::sync::Mutex;

/// Tasks end with a message for a person; nothing dispatches on their errors.
pub(crate) type Result<T, E = String> = std::result::Result<T, E>;

/// One line for the person who watches, on stderr.
pub(crate) fn say(line: &str) {
    // A closed stderr is no reason to stop.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// One line of result, on stdout.
pub(crate) fn print(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// The command as a person would type it.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs `command` with our stdout and stderr; anything but success is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    say(&format!("$ {}", shown(command)));
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|error| format!("cannot start {}: {error}", shown(command)))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{} ended with {status}", shown(command))),
    }
}

/// Runs `command`, shows its stdout and stderr as they come, and gives every line of both to
/// `each`. Returns whether it succeeded.
pub(crate) fn watch(command: &mut Command, each: impl FnMut(&str) + Send) -> Result<bool> {
    say(&format!("$ {}", shown(command)));
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start {}: {error}", shown(command)))?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let each = Mutex::new(each);
    std::thread::scope(|scope| {
        scope.spawn(|| forward(err, &mut std::io::stderr(), &each));
        forward(out, &mut std::io::stdout(), &each);
    });
    let status = child
        .wait()
        .map_err(|error| format!("{}: {error}", shown(command)))?;
    Ok(status.success())
}

fn forward<F: FnMut(&str)>(from: Option<impl Read>, to: &mut impl Write, each: &Mutex<F>) {
    let Some(from) = from else { return };
    let mut reader = BufReader::new(from);
    let mut line = Vec::new();
    while let Ok(1..) = reader.read_until(b'\n', &mut line) {
        let _ = to.write_all(&line).and_then(|()| to.flush());
        if let Ok(mut each) = each.lock() {
            each(String::from_utf8_lossy(&line).trim_end());
        }
        line.clear();
    }
}

/// Whether `program` can be started with `args` and succeeds.
pub(crate) fn works(program: &str, args: &[&str]) -> bool {
    Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
