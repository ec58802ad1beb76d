//! Where bytes go: stdout, or a file that appears when it is complete.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Flow;
use crate::config::Destination;
use crate::failure::{Failure, FailureKind, kind_of_io};
use crate::interrupt;

const BUFFER_BYTES: usize = 256 * 1024;

/// Takes bytes; remembers whether its reader has gone.
#[derive(Debug)]
pub(crate) struct Sink {
    writer: BufWriter<Target>,
    state: State,
}

/// What a failed write meant, and the file in the making: shared with whoever holds the sink while
/// another library writes into it.
#[derive(Debug, Clone)]
pub(crate) struct State {
    closed: Arc<AtomicBool>,
    name: Arc<str>,
}

#[derive(Debug)]
struct Target {
    to: Kind,
    closed: Arc<AtomicBool>,
}

#[derive(Debug)]
enum Kind {
    Stdout(io::Stdout),
    /// A pipe or a device with a name, which is written to and not replaced.
    Direct(File),
    File(Pending),
}

/// A file under its temporary name, which is removed unless it is renamed.
#[derive(Debug)]
struct Pending {
    file: File,
    temporary: PathBuf,
    path: PathBuf,
}

impl Sink {
    /// Opens `destination`; a file is created under a temporary name in the same folder.
    pub(crate) fn open(destination: &Destination) -> Result<Self, Failure> {
        let (to, name) = match destination {
            Destination::Stdout { .. } => (Kind::Stdout(io::stdout()), "stdout".to_owned()),
            Destination::File(path) => (create(path)?, path.display().to_string()),
        };
        let closed = Arc::new(AtomicBool::new(false));
        let state = State {
            closed: Arc::clone(&closed),
            name: name.into(),
        };
        Ok(Self {
            writer: BufWriter::with_capacity(BUFFER_BYTES, Target { to, closed }),
            state,
        })
    }

    /// A handle that tells what a failed write meant.
    pub(crate) fn state(&self) -> State {
        self.state.clone()
    }

    /// Writes `bytes`.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<Flow, Failure> {
        let written = self.writer.write_all(bytes);
        self.state
            .flow(written.map_err(|error| -> Box<dyn std::error::Error> { error.into() }))
    }

    /// Writes out what is buffered and, for a file, gives it its name.
    pub(crate) fn commit(self) -> Result<(), Failure> {
        let state = self.state;
        let mut writer = self.writer;
        if let Err(error) = writer.flush() {
            return state.flow(Err(error.into())).map(|_| ());
        }
        match writer.into_inner().map(|target| target.to) {
            Ok(Kind::File(pending)) => pending.publish(),
            _ => Ok(()),
        }
    }
}

impl State {
    /// Success goes on, a reader that has gone stops, anything else fails.
    pub(crate) fn flow(
        &self,
        written: Result<(), Box<dyn std::error::Error>>,
    ) -> Result<Flow, Failure> {
        match written {
            Ok(()) => Ok(Flow::More),
            Err(_) if self.closed.load(Ordering::Relaxed) => Ok(Flow::Stop),
            Err(error) => {
                let what = format!("cannot write {}", self.name);
                let kind = kind_of_write(error.as_ref());
                Err(Failure::because(kind, &what, error.as_ref()))
            }
        }
    }
}

/// What a failed write is: a full disk is a limit, whatever library came upon it.
fn kind_of_write(error: &(dyn std::error::Error + 'static)) -> FailureKind {
    let mut error = Some(error);
    while let Some(cause) = error {
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            return kind_of_io(io.kind());
        }
        error = cause.source();
    }
    FailureKind::Other
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match &mut self.to {
            Kind::Stdout(stdout) => stdout.write(bytes),
            Kind::Direct(file) => file.write(bytes),
            Kind::File(pending) => pending.file.write(bytes),
        };
        note_closed(&self.closed, written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = match &mut self.to {
            Kind::Stdout(stdout) => stdout.flush(),
            Kind::Direct(file) => file.flush(),
            Kind::File(pending) => pending.file.flush(),
        };
        note_closed(&self.closed, flushed)
    }
}

fn note_closed<T>(closed: &AtomicBool, outcome: io::Result<T>) -> io::Result<T> {
    if matches!(&outcome, Err(error) if error.kind() == io::ErrorKind::BrokenPipe) {
        closed.store(true, Ordering::Relaxed);
    }
    outcome
}

/// Opens what `path` names: a file to replace or to make, or something that can only be written to.
fn create(path: &Path) -> Result<Kind, Failure> {
    let cannot =
        |error: &io::Error| Failure::io(&format!("cannot create {}", path.display()), error);
    match std::fs::metadata(path) {
        Ok(known) if known.is_dir() => Err(Failure::usage(format!(
            "--output {}: it is a folder",
            path.display()
        ))),
        Ok(known) if !known.is_file() => {
            let opened = File::options().write(true).open(path);
            Ok(Kind::Direct(opened.map_err(|error| cannot(&error))?))
        }
        // A link stays one: it is the file behind it that is replaced, and its permissions stay.
        Ok(known) => {
            let behind = std::fs::canonicalize(path).map_err(|error| cannot(&error))?;
            let pending = Pending::create(&behind)?;
            let kept = pending.file.set_permissions(known.permissions());
            kept.map_err(|error| cannot(&error))?;
            Ok(Kind::File(pending))
        }
        Err(_) => Ok(Kind::File(Pending::create(path)?)),
    }
}

impl Pending {
    fn create(path: &Path) -> Result<Self, Failure> {
        let name = path.file_name().ok_or_else(|| {
            Failure::usage(format!(
                "--output {}: not the name of a file",
                path.display()
            ))
        })?;
        // In the same folder, because a rename does not cross file systems.
        let temporary_name = format!(".{}.{}.part", name.to_string_lossy(), std::process::id());
        let temporary = path.with_file_name(temporary_name);
        interrupt::remember(&temporary);
        match File::create(&temporary) {
            Ok(file) => Ok(Self {
                file,
                temporary,
                path: path.to_path_buf(),
            }),
            Err(error) => {
                interrupt::forget(&temporary);
                Err(Failure::io(
                    &format!("cannot create {}", path.display()),
                    &error,
                ))
            }
        }
    }

    fn publish(self) -> Result<(), Failure> {
        std::fs::rename(&self.temporary, &self.path)
            .map_err(|error| Failure::io(&format!("cannot create {}", self.path.display()), &error))
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // After a rename there is nothing under this name.
        let _ = std::fs::remove_file(&self.temporary);
        interrupt::forget(&self.temporary);
    }
}
