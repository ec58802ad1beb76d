//! A command that prints keys (`credential_process`).
//!
//! It is run without a shell. What it says on stderr goes where ours goes, as it may ask a person
//! for a touch of a key; what it prints is never part of a message.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::super::sign::Keys;
use super::{Found, denied, end_of};
use crate::config::Secret;
use crate::{Error, Result};

/// Keys are short.
const OUTPUT_BYTES_MAX: u64 = 64 << 10;

/// How often it is seen whether the command has ended.
const LOOK_EVERY: Duration = Duration::from_millis(10);

pub(super) async fn run(command: &Secret, limit: Duration) -> Result<Found> {
    let command = command.clone();
    let running = tokio::task::spawn_blocking(move || output(&words(command.expose())?, limit));
    let output = running
        .await
        .map_err(|_| denied("the credential_process was given up"))??;
    read(&output)
}

/// What the command prints; it ends within `limit`.
fn output(words: &[String], limit: Duration) -> Result<Vec<u8>> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(Error::invalid("the credential_process is empty"));
    };
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // A group of its own, so that what it has started ends with it.
        .process_group(0)
        .spawn();
    let mut child = child.map_err(|error| {
        denied(format!(
            "the credential_process {program:?} cannot be started: {error}"
        ))
    })?;
    let deadline = Instant::now() + limit;
    let (sender, printed) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        std::thread::spawn(move || {
            let mut output = Vec::new();
            let read = stdout.take(OUTPUT_BYTES_MAX + 1).read_to_end(&mut output);
            // Nobody listens any more when it took too long.
            let _ = sender.send(read.map(|_| output));
        });
    }
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < deadline => std::thread::sleep(LOOK_EVERY),
            Ok(None) => {
                end(&mut child);
                return Err(denied(format!(
                    "the credential_process {program:?} did not end within {limit:?}"
                )));
            }
            Err(error) => {
                end(&mut child);
                return Err(denied(format!("the credential_process is lost: {error}")));
            }
        }
    };
    if !status.success() {
        return Err(denied(format!(
            "the credential_process {program:?} failed ({status})"
        )));
    }
    // What it has left behind may still hold the pipe.
    let left = deadline.saturating_duration_since(Instant::now());
    match printed.recv_timeout(left) {
        Ok(Ok(output)) if output.len() as u64 > OUTPUT_BYTES_MAX => Err(denied(
            "the credential_process printed more than keys are long",
        )),
        Ok(Ok(output)) => Ok(output),
        _ => Err(denied("what the credential_process printed cannot be read")),
    }
}

/// Ends the command and all that it has started.
fn end(child: &mut Child) {
    if let Some(group) = rustix::process::Pid::from_raw(child.id().cast_signed()) {
        // It may have ended just now.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.wait();
}

/// The keys in what was printed.
fn read(output: &[u8]) -> Result<Found> {
    let wrong = |what: &str| denied(format!("the credential_process printed {what}"));
    let json: serde_json::Value =
        serde_json::from_slice(output).map_err(|_| wrong("something that is no JSON"))?;
    if json["Version"].as_u64() != Some(1) {
        return Err(wrong("keys that are not of version 1"));
    }
    let text = |name: &str| json[name].as_str().map(str::to_owned);
    let (Some(access_key_id), Some(secret_access_key)) =
        (text("AccessKeyId"), text("SecretAccessKey"))
    else {
        return Err(wrong("no AccessKeyId or no SecretAccessKey"));
    };
    let until = match text("Expiration") {
        None => None,
        Some(text) => Some(end_of(&text).ok_or_else(|| wrong("an Expiration that is no time"))?),
    };
    Ok(Found {
        keys: Arc::new(Keys {
            access_key_id,
            secret_access_key,
            session_token: text("SessionToken"),
        }),
        until,
    })
}

/// The words of a command line: quotes and backslashes as in a shell, and nothing else of it.
fn words(line: &str) -> Result<Vec<String>> {
    let (mut words, mut word) = (Vec::new(), None::<String>);
    let mut chars = line.chars();
    let mut quote = None;
    while let Some(char) = chars.next() {
        match (quote, char) {
            (Some(open), char) if char == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(char);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => match (quote, chars.next()) {
                (_, None) => return Err(unfinished()),
                // Between quotes it stands for itself, but in front of what ends them.
                (Some(_), Some(next)) if !matches!(next, '"' | '\\') => {
                    word.get_or_insert_default().extend(['\\', next]);
                }
                (_, Some(next)) => word.get_or_insert_default().push(next),
            },
            (None, char) if char.is_whitespace() => words.extend(word.take()),
            (_, char) => word.get_or_insert_default().push(char),
        }
    }
    if quote.is_some() {
        return Err(unfinished());
    }
    words.extend(word);
    Ok(words)
}

fn unfinished() -> Error {
    Error::invalid("the credential_process ends inside of a quotation")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_as_a_shell_does() {
        for (line, expected) in [
            ("", &[][..]),
            ("  a  b ", &["a", "b"]),
            (
                r#""/a b/c" --x='y "z"' \ d"#,
                &["/a b/c", "--x=y \"z\"", " d"],
            ),
            (r#"a "" 'b\c' "d\"e\f""#, &["a", "", r"b\c", r#"d"e\f"#]),
        ] {
            assert_eq!(words(line).unwrap(), expected, "{line}");
        }
        for line in ["'", "a \"b", "a\\"] {
            words(line).unwrap_err();
        }
    }

    #[test]
    fn nothing_that_was_printed_is_repeated() {
        for output in [
            "canary",
            "{\"canary\":1}",
            r#"{"Version":1,"SecretAccessKey":"canary"}"#,
            r#"{"Version":2,"AccessKeyId":"a","SecretAccessKey":"canary"}"#,
            r#"{"Version":1,"AccessKeyId":"a","SecretAccessKey":"b","Expiration":"canary"}"#,
        ] {
            let Err(error) = read(output.as_bytes()) else {
                panic!("{output} was taken for keys");
            };
            assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
        }
        let found = read(br#"{"Version":1,"AccessKeyId":"a","SecretAccessKey":"b"}"#);
        assert!(found.is_ok_and(|found| found.until.is_none()));
    }
}
