//! The parts of an object on their way into a file: written at their places while they arrive, and summed
//! up on the way.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use tokio::task::{JoinError, JoinSet};

use super::download::{
    Counters, Desk, How, PART_BYTES, Pending, Told, Verification, io_error, note, part, stopped,
};
use crate::checksum::Digest;
use crate::expected::{Check, Compared, Expected};
use crate::{Answered, ChecksumAlgorithm, Error, ErrorKind, Location, ObjectStat, Result, Store};

/// The last bytes of a run are asked for in smaller pieces, so that the connections have something to do
/// until the end and end together.
const TAIL_BYTES: u64 = 96 << 20;
const TAIL_PIECE_BYTES: u64 = 2 << 20;

/// One object that is being brought into its file.
pub(super) struct Fetching<'a> {
    desk: &'a Desk,
    stat: &'a ObjectStat,
    pending: &'a Pending,
    told: Told,
    how: How,
    /// A view of one version.
    view: Arc<dyn Store>,
    algorithm: ChecksumAlgorithm,
}

/// What is known about the bytes when all have come.
#[derive(Default)]
struct Sums {
    /// Of each part that came now; with all of them in `algorithm` they make the whole.
    digests: Vec<Option<Digest>>,
    /// What an answer said of the object.
    answered: Answered,
}

/// A stretch of an object and where it goes.
#[derive(Clone)]
struct Piece {
    view: Arc<dyn Store>,
    object: Location,
    file: Arc<File>,
    path: PathBuf,
    algorithm: ChecksumAlgorithm,
}

type Came = (Digest, Answered);

impl<'a> Fetching<'a> {
    pub(super) fn new(
        desk: &'a Desk,
        stat: &'a ObjectStat,
        pending: &'a Pending,
        told: Told,
        how: How,
    ) -> Self {
        let usual = desk.usual_checksum.lock();
        let usual = *usual.unwrap_or_else(PoisonError::into_inner);
        let known = Expected::of(stat).map(|expected| expected.checksum().algorithm);
        Self {
            desk,
            stat,
            pending,
            told,
            how,
            view: desk.store.pinned(),
            algorithm: known.filter(|known| known.combines()).unwrap_or(usual),
        }
    }

    /// Brings all parts but those that are `done`.
    pub(super) async fn run(&self, done: &BTreeSet<u64>) -> Result<Verification> {
        let (mut sums, expected) = tokio::try_join!(self.bring(done), self.expected(done))?;
        let size_bytes = self.stat.size_bytes;
        if sums
            .answered
            .size_bytes
            .is_some_and(|now| now != size_bytes)
        {
            return Err(self.changed());
        }
        if let Some(verified) = sums.answered.verified.take() {
            return Ok(Verification::Verified(verified));
        }
        // What was said of another version does not count.
        let is_other = sums.answered.etag.is_some() && sums.answered.etag != self.stat.etag;
        let expected = match self.told {
            Told::Already if is_other => self.ask().await?,
            _ => expected,
        };
        match expected {
            Some(expected) => self.verify(sums, expected).await,
            None => Ok(Verification::NotVerifiable),
        }
    }

    /// The checksum that the store has. Where a listing does not say it, asked for beside the parts; the
    /// answer to a request for everything says it by itself.
    async fn expected(&self, done: &BTreeSet<u64>) -> Result<Option<Expected>> {
        if self.told == Told::Already {
            return Ok(Expected::of(self.stat));
        }
        // Of an empty object nothing is asked for, so nothing is answered.
        let comes_at_once = (1..=PART_BYTES).contains(&self.stat.size_bytes) && done.is_empty();
        if comes_at_once {
            return Ok(None);
        }
        self.ask().await
    }

    async fn ask(&self) -> Result<Option<Expected>> {
        match self.view.stat(&self.stat.location).await {
            Ok(now) if now.size_bytes != self.stat.size_bytes => Err(self.changed()),
            Ok(now) => Ok(Expected::of(&now)),
            Err(error) if self.how.verify || error.kind() == ErrorKind::Precondition => Err(error),
            // The bytes are there without it.
            Err(_) => Ok(None),
        }
    }

    fn changed(&self) -> Error {
        Error::new(
            ErrorKind::Precondition,
            format!("{} changed while it was read", self.stat.location),
        )
    }

    async fn bring(&self, done: &BTreeSet<u64>) -> Result<Sums> {
        let parts = self.stat.size_bytes.div_ceil(PART_BYTES);
        let mut sums = Sums::default();
        sums.digests
            .resize(usize::try_from(parts).unwrap_or(0), None);
        let mut running = JoinSet::new();
        for index in (0..parts).filter(|index| !done.contains(index)) {
            let (start, len) = part(self.stat.size_bytes, index);
            let piece_bytes = piece_bytes(&self.desk.progress, len);
            let of_piece = len.min(piece_bytes);
            let of_piece = self
                .view
                .read_into_memory_bytes(&self.stat.location, of_piece);
            let memory_bytes = of_piece * len.div_ceil(piece_bytes);
            // In order, so that the memory goes to the first parts first.
            let permit = self.desk.memory(memory_bytes).await;
            while let Some(ended) = running.try_join_next() {
                sums.keep(ended)?;
            }
            let piece = self.piece();
            let notes = self.pending.notes.clone();
            let progress = Arc::clone(&self.desk.progress);
            running.spawn(async move {
                let came = piece.bring_part(start..start + len, piece_bytes).await?;
                drop(permit);
                if let Some(notes) = notes {
                    let noted = blocking(move || note(&notes, &piece.file, index)).await?;
                    noted.map_err(|error| io_error("note parts of", &piece.path, error))?;
                }
                progress.moved(len);
                Ok((index, came))
            });
        }
        while let Some(ended) = running.join_next().await {
            sums.keep(ended)?;
        }
        Ok(sums)
    }

    fn piece(&self) -> Piece {
        Piece {
            view: Arc::clone(&self.view),
            object: self.stat.location.clone(),
            file: Arc::clone(&self.pending.file),
            path: self.pending.path.clone(),
            algorithm: self.algorithm,
        }
    }

    async fn verify(&self, sums: Sums, expected: Expected) -> Result<Verification> {
        let algorithm = expected.checksum().algorithm;
        if algorithm.combines() {
            let usual = self.desk.usual_checksum.lock();
            *usual.unwrap_or_else(PoisonError::into_inner) = algorithm;
        }
        let digests: Option<Vec<Digest>> = sums.digests.into_iter().collect();
        let compared = digests.and_then(|digests| expected.compare(&digests, PART_BYTES));
        let compared = match compared {
            Some(compared) => compared,
            // In order, and so behind everything else.
            None if !algorithm.combines() && !self.how.verify => return Ok(Verification::NotAsked),
            None => {
                let (file, size_bytes) = (Arc::clone(&self.pending.file), self.stat.size_bytes);
                let read = blocking(move || read_back(&file, size_bytes, expected)).await?;
                read.map_err(|error| io_error("read back", &self.pending.path, error))?
            }
        };
        compared.map(Verification::Verified).map_err(|what| {
            // What was noted is not to be trusted.
            let _ = self.pending.notes.as_ref().map(fs::remove_file);
            Error::damaged(format!("{} arrived damaged: {what}", self.stat.location))
        })
    }
}

/// How large the requests for a part of `len` bytes are.
fn piece_bytes(progress: &Counters, len: u64) -> u64 {
    match progress.begun(len) < TAIL_BYTES {
        true => TAIL_PIECE_BYTES,
        false => PART_BYTES,
    }
}

impl Sums {
    fn keep(&mut self, ended: std::result::Result<Result<(u64, Came)>, JoinError>) -> Result<()> {
        let (index, (digest, answered)) = flat(ended)?;
        let index = usize::try_from(index).ok();
        if let Some(slot) = index.and_then(|index| self.digests.get_mut(index)) {
            *slot = Some(digest);
        }
        self.answered = answered;
        Ok(())
    }
}

fn flat<T>(ended: std::result::Result<Result<T>, JoinError>) -> Result<T> {
    match ended {
        Ok(done) => done,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(stopped()),
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    flat(tokio::task::spawn_blocking(work).await.map(Ok))
}

impl Piece {
    /// Brings one part by requests of about `piece_bytes`, all at one time.
    async fn bring_part(&self, range: Range<u64>, piece_bytes: u64) -> Result<Came> {
        let len = range.end - range.start;
        if len <= piece_bytes {
            return self.bring(range).await;
        }
        let mut running = JoinSet::new();
        let starts = (range.start..range.end).step_by(usize::try_from(piece_bytes).unwrap_or(1));
        for (number, start) in starts.enumerate() {
            let (piece, end) = (self.clone(), range.end.min(start + piece_bytes));
            running.spawn(async move { Ok((number, piece.bring(start..end).await?)) });
        }
        let mut came = Vec::with_capacity(running.len());
        while let Some(ended) = running.join_next().await {
            came.push(flat(ended)?);
        }
        came.sort_by_key(|(number, _)| *number);
        let mut whole = Digest::new(self.algorithm);
        let mut answered = Answered::default();
        for (_, (digest, said)) in came {
            let is_appended = whole.append(&digest);
            debug_assert!(is_appended, "only what combines is computed on the way");
            answered = said;
        }
        // It was of the piece.
        answered.verified = None;
        Ok((whole, answered))
    }

    /// Brings one stretch; what arrives damaged is fetched once more.
    async fn bring(&self, range: Range<u64>) -> Result<Came> {
        match self.bring_once(range.clone()).await {
            Err(error) if error.is_damaged() => self.bring_once(range).await,
            done => done,
        }
    }

    async fn bring_once(&self, range: Range<u64>) -> Result<Came> {
        let mut at = range.start;
        let mut digest = Digest::new(self.algorithm);
        let mut take = |bytes: &[u8]| {
            // What has just been received is written where it is warm; only a disk that cannot keep up
            // makes that wait, and then others go on.
            let written = tokio::task::block_in_place(|| self.file.write_all_at(bytes, at));
            written.map_err(|error| io_error("write", &self.path, error))?;
            digest.update(bytes);
            at += bytes.len() as u64;
            Ok(())
        };
        let answered = self.view.read_into(&self.object, range, &mut take).await?;
        Ok((digest, answered))
    }
}

fn read_back(file: &File, size_bytes: u64, expected: Expected) -> io::Result<Compared> {
    let mut check = Check::new(expected);
    let mut buffer = vec![0; 1 << 20];
    let mut at = 0;
    while at < size_bytes {
        let len = (size_bytes - at).min(buffer.len() as u64) as usize;
        file.read_exact_at(&mut buffer[..len], at)?;
        check.update(&buffer[..len]);
        at += len as u64;
    }
    Ok(check.finish())
}
