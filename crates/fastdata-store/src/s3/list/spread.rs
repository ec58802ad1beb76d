//! One listing in several places at a time.
//!
//! A page brings a thousand keys a round trip, and only its end says where the next one begins. So
//! whatever is longer than a page is asked for its folders: they cut it into pieces that are listed
//! side by side and handed on in the order of their keys. Few folders become a piece each, which is
//! cut again when it is long; many share pieces, so that there are never more requests than a few
//! beside those that one page after the other would take. Where there are no folders, or hardly a
//! key in each, it is one page after the other.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;

use super::{Ask, Listing, Next, Page, sorted};
use crate::{Entry, Error, ErrorKind, ObjectMeta, Result};

/// Pieces that are listed at a time, by how often they were cut already. Each holds up to three
/// pages, so that this bounds what a slow reader makes us keep: about 50 MB.
const LANES: [usize; 2] = [12, 4];

/// So many folders on a page may become a piece each.
const FOLDERS_MAX: usize = 64;

/// A piece is cut again only when it is longer than so many pages: most are not.
const PAGES_MAX: usize = 4;

/// With fewer keys in a folder it is no use to ask for folders.
const KEYS_MIN: usize = 10;

/// Pages of objects, on their way to whoever listed.
type Out = Sender<Result<Vec<ObjectMeta>>>;

/// Nobody wants the rest, or an error has ended it.
struct Ended;

/// A part of a listing.
enum Piece {
    /// What a page has brought already.
    Known(Vec<ObjectMeta>),
    /// What is below a prefix, perhaps only behind a key.
    Below(String, Option<String>),
    /// What is behind a key, up to an end.
    Range(String, Until),
}

/// Where a piece ends.
enum Until {
    /// With this key.
    Through(String),
    /// With the last key that starts so.
    Within(String),
}

/// Where a listing stands when its first page has come.
struct Front {
    prefix: String,
    keys: usize,
    last: String,
    token: String,
}

/// Every object whose key starts with `prefix`, but the marker of that name.
pub(super) async fn below(
    listing: Arc<Listing>,
    prefix: String,
) -> Result<BoxStream<'static, Result<ObjectMeta>>> {
    let ask = Ask {
        prefix: &prefix,
        ..Ask::default()
    };
    let mut page = listing.page(ask).await?;
    let front = page.front(&prefix);
    if !prefix.is_empty() {
        page.objects
            .retain(|object| object.location.key() != prefix);
    }
    let first = stream::iter(page.objects.into_iter().map(Ok));
    let Some(front) = front else {
        return Ok(first.boxed());
    };
    let (out, pages) = channel(1);
    let lane = Lane::start(
        async move {
            // Whoever ended it knows why.
            let _ = listing.rest(front, 0, &out).await;
        },
        pages,
    );
    // The lane goes with the stream.
    let rest = stream::unfold(lane, |mut lane| async move {
        let page = lane.next().await?;
        Some((page, lane))
    });
    let rest = rest.map_ok(|page| stream::iter(page.into_iter().map(Ok)));
    Ok(first.chain(rest.try_flatten()).boxed())
}

impl Page {
    /// Where to go on, if there is more.
    fn front(&self, prefix: &str) -> Option<Front> {
        let Next::Behind(token) = &self.next else {
            return None;
        };
        let last = self.objects.last();
        Some(Front {
            prefix: prefix.to_owned(),
            keys: self.objects.len(),
            last: last.map_or(String::new(), |object| object.location.key().to_owned()),
            token: token.clone(),
        })
    }
}

impl Listing {
    /// What is behind the first page.
    async fn rest(self: &Arc<Self>, front: Front, depth: usize, out: &Out) -> Result<(), Ended> {
        let front = match depth {
            0 => front,
            _ => match self.in_turn(front, PAGES_MAX, out).await? {
                Some(front) => front,
                None => return Ok(()),
            },
        };
        let width = LANES.get(depth).copied().unwrap_or(1);
        let folders = match width {
            0 | 1 => None,
            _ => self.folders(&front, out).await?,
        };
        let Some(mut page) = folders else {
            self.in_turn(front, usize::MAX, out).await?;
            return Ok(());
        };
        let mut lanes = Lanes::default();
        let mut bound = front.last.clone();
        loop {
            let next = page.next.token().map(str::to_owned);
            let entries = sorted(page, self, &front.prefix);
            let pieces = pieces(entries, &front.last, &mut bound, width);
            // A folder alone is no cut, but the way to where the cuts are.
            let is_way = pieces.len() == 1 && next.is_none() && lanes.0.is_empty();
            let depth = if is_way { depth } else { depth + 1 };
            for piece in pieces {
                while lanes.0.len() >= width {
                    lanes.hand_on(out).await?;
                }
                lanes.start(self, piece, &front.prefix, depth);
            }
            let Some(token) = next else { break };
            let ask = Ask {
                prefix: &front.prefix,
                token: Some(&token),
                has_folders: true,
                ..Ask::default()
            };
            // What goes on meanwhile goes on: the lanes list by themselves.
            page = match self.page(ask).await {
                Ok(page) => page,
                Err(error) => {
                    while !lanes.0.is_empty() {
                        lanes.hand_on(out).await?;
                    }
                    return fail(out, error).await;
                }
            };
        }
        while !lanes.0.is_empty() {
            lanes.hand_on(out).await?;
        }
        Ok(())
    }

    /// The first page with folders; `None` when they are of no use.
    async fn folders(&self, front: &Front, out: &Out) -> Result<Option<Page>, Ended> {
        let ask = Ask {
            prefix: &front.prefix,
            has_folders: true,
            ..Ask::default()
        };
        let page = match self.page(ask).await {
            Ok(page) => page,
            // Not everybody who may list may ask so.
            Err(error) if is_about_asking(&error) => return Ok(None),
            Err(error) => return fail(out, error).await,
        };
        let last = front.last.as_str();
        let seen = page.folders.iter().filter(|folder| folder.as_str() <= last);
        let are_small = seen.count() * KEYS_MIN > front.keys;
        let is_useful = !page.folders.is_empty() && !are_small && !last.is_empty();
        Ok(is_useful.then_some(page))
    }

    /// One page after the other, so many of them; where it stands then, if there is more.
    async fn in_turn(
        &self,
        mut front: Front,
        pages: usize,
        out: &Out,
    ) -> Result<Option<Front>, Ended> {
        for _ in 0..pages {
            let ask = Ask {
                prefix: &front.prefix,
                token: Some(&front.token),
                ..Ask::default()
            };
            let page = self.asked(ask, out).await?;
            let Some(next) = page.front(&front.prefix) else {
                hand(out, page.objects).await?;
                return Ok(None);
            };
            front.keys += next.keys;
            front.token = next.token;
            // A page may be empty and not the last.
            if next.keys > 0 {
                front.last = next.last;
            }
            hand(out, page.objects).await?;
        }
        Ok(Some(front))
    }

    async fn asked(&self, ask: Ask<'_>, out: &Out) -> Result<Page, Ended> {
        match self.page(ask).await {
            Ok(page) => Ok(page),
            Err(error) => fail(out, error).await,
        }
    }

    async fn piece(
        self: &Arc<Self>,
        piece: Piece,
        prefix: &str,
        depth: usize,
        out: &Out,
    ) -> Result<(), Ended> {
        match piece {
            Piece::Known(objects) => hand(out, objects).await,
            Piece::Range(after, until) => self.range(prefix, &after, &until, out).await,
            Piece::Below(prefix, after) => {
                let ask = Ask {
                    prefix: &prefix,
                    after: after.as_deref(),
                    ..Ask::default()
                };
                let mut page = self.asked(ask, out).await?;
                let front = page.front(&prefix);
                if let Some(after) = &after {
                    page.objects
                        .retain(|object| object.location.key() > after.as_str());
                }
                hand(out, page.objects).await?;
                match front {
                    None => Ok(()),
                    Some(front) => Box::pin(self.rest(front, depth, out)).await,
                }
            }
        }
    }

    async fn range(
        &self,
        prefix: &str,
        after: &str,
        until: &Until,
        out: &Out,
    ) -> Result<(), Ended> {
        let mut token: Option<String> = None;
        loop {
            let ask = Ask {
                prefix,
                after: Some(after),
                token: token.as_deref(),
                has_folders: false,
            };
            let mut page = self.asked(ask, out).await?;
            page.objects.retain(|object| object.location.key() > after);
            let count = page.objects.len();
            page.objects
                .retain(|object| until.has(object.location.key()));
            let is_over = page.objects.len() < count;
            hand(out, page.objects).await?;
            match page.next {
                Next::Behind(next) if !is_over => token = Some(next),
                _ => return Ok(()),
            }
        }
    }
}

impl Until {
    fn has(&self, key: &str) -> bool {
        match self {
            Self::Through(last) => key <= last.as_str(),
            Self::Within(folder) => key <= folder.as_str() || key.starts_with(folder.as_str()),
        }
    }
}

/// Cuts a page behind `last`, the last key that is known already. `bound` stands between what the
/// pages before had and the rest; an object may be called as it.
fn pieces(entries: Vec<Entry>, last: &str, bound: &mut String, width: usize) -> Vec<Piece> {
    let is_new = |entry: &Entry| entry.key() > last || is_above(entry, last);
    let is_behind = |entry: &Entry| entry.key() >= bound.as_str() || is_above(entry, bound);
    let entries: Vec<Entry> = entries
        .into_iter()
        .filter(is_new)
        .filter(is_behind)
        .collect();
    let is_folder = |entry: &&Entry| matches!(entry, Entry::Folder(_));
    let Some(end) = entries.last() else {
        return Vec::new();
    };
    let (end_key, is_end_folder) = (end.key().to_owned(), is_folder(&end));
    let folders = entries.iter().filter(is_folder).count();
    let pieces = match folders <= FOLDERS_MAX {
        true => one_each(entries, last),
        false => shared(entries, bound, width),
    };
    *bound = match is_end_folder {
        true => behind_all_of(&end_key),
        false => end_key,
    };
    pieces
}

/// Whether `key` lies in the folder.
fn is_above(entry: &Entry, key: &str) -> bool {
    matches!(entry, Entry::Folder(_)) && key.starts_with(entry.key())
}

/// The first text behind everything that is in a folder: `0` follows `/`.
fn behind_all_of(folder: &str) -> String {
    format!("{}0", folder.strip_suffix('/').unwrap_or(folder))
}

fn one_each(entries: Vec<Entry>, last: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut known = Vec::new();
    for entry in entries {
        match entry {
            Entry::Object(object) => known.push(object),
            Entry::Folder(folder) => {
                if !known.is_empty() {
                    pieces.push(Piece::Known(std::mem::take(&mut known)));
                }
                let key = folder.key().to_owned();
                let after = last.starts_with(&key).then(|| last.to_owned());
                pieces.push(Piece::Below(key, after));
            }
        }
    }
    if !known.is_empty() {
        pieces.push(Piece::Known(known));
    }
    pieces
}

fn shared(entries: Vec<Entry>, bound: &str, width: usize) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut after = bound.to_owned();
    let mut rest = entries.as_slice();
    // An object that is called as the bound is not behind it.
    if let Some((Entry::Object(first), behind)) = rest.split_first()
        && first.location.key() == bound
    {
        pieces.push(Piece::Known(vec![first.clone()]));
        rest = behind;
    }
    let chunk = rest.len().div_ceil(2 * width).max(1);
    let starts = rest.chunks(chunk).skip(1).map(|chunk| chunk[0].key());
    for start in starts {
        let until = Until::Through(start.to_owned());
        pieces.push(Piece::Range(
            std::mem::replace(&mut after, start.to_owned()),
            until,
        ));
    }
    match rest.last() {
        Some(Entry::Folder(folder)) => {
            pieces.push(Piece::Range(after, Until::Within(folder.key().to_owned())));
        }
        Some(Entry::Object(object)) => {
            let key = object.location.key().to_owned();
            pieces.push(Piece::Range(after, Until::Through(key)));
        }
        None => {}
    }
    pieces
}

/// Pieces under way, in the order of their keys.
#[derive(Default)]
struct Lanes(VecDeque<Lane>);

struct Lane {
    pages: Receiver<Result<Vec<ObjectMeta>>>,
    /// Ends with the lane.
    task: JoinSet<()>,
}

impl Lane {
    fn start(
        work: impl Future<Output = ()> + Send + 'static,
        pages: Receiver<Result<Vec<ObjectMeta>>>,
    ) -> Self {
        let mut task = JoinSet::new();
        task.spawn(work);
        Self { pages, task }
    }

    /// The next page. A lane that panicked must not pass for one that has ended.
    async fn next(&mut self) -> Option<Result<Vec<ObjectMeta>>> {
        if let Some(page) = self.pages.recv().await {
            return Some(page);
        }
        match self.task.join_next().await {
            Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            _ => None,
        }
    }
}

impl Lanes {
    fn start(&mut self, listing: &Arc<Listing>, piece: Piece, prefix: &str, depth: usize) {
        let (out, pages) = channel(1);
        let (listing, prefix) = (Arc::clone(listing), prefix.to_owned());
        let work = async move {
            let _ = listing.piece(piece, &prefix, depth, &out).await;
        };
        self.0.push_back(Lane::start(work, pages));
    }

    /// All of the first piece.
    async fn hand_on(&mut self, out: &Out) -> Result<(), Ended> {
        let Some(mut lane) = self.0.pop_front() else {
            return Ok(());
        };
        while let Some(page) = lane.next().await {
            let is_end = page.is_err();
            out.send(page).await.map_err(|_| Ended)?;
            if is_end {
                return Err(Ended);
            }
        }
        Ok(())
    }
}

async fn hand(out: &Out, objects: Vec<ObjectMeta>) -> Result<(), Ended> {
    if objects.is_empty() {
        return Ok(());
    }
    out.send(Ok(objects)).await.map_err(|_| Ended)
}

async fn fail<T>(out: &Out, error: Error) -> Result<T, Ended> {
    // Nobody to be told is the same end.
    let _ = out.send(Err(error)).await;
    Err(Ended)
}

/// Whether the error may be about the way of asking: plain pages tell.
fn is_about_asking(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Denied | ErrorKind::Unsupported | ErrorKind::Protocol
    )
}
