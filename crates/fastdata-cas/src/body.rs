//! From contents to stored bodies and back, whatever the form.

use bytes::Bytes;
use fastdata_codec::{
    Check, EncodeOptions, Encoder, HashAlgorithm, Head, Key, Layout, Limits, Mode, decode_gzip,
    decode_lz4_frame, encode_gzip, encode_lz4_frame, gzip_member, is_compressible,
};
use fastdata_memory::PooledBuffer;

use crate::backend::{Opened, Partial};
use crate::form::{Form, WriteAs};
use crate::{Error, ErrorKind, Result};

/// libdeflate's level. On float32 rounded to two places level 1 packs to 43.4 %, 3 to 44.7 % in twice
/// the time, 6 to 44.4 % in six times; gzip 3 of CPython to 45.7 %.
const GZIP_LEVEL: i32 = 1;

/// A content on its way into the store.
pub(crate) struct Draft<'a> {
    content: &'a [u8],
    pub(crate) key: Key,
    write_as: WriteAs,
    /// For version 3, with the content's hashes known.
    encoder: Option<Encoder>,
}

impl<'a> Draft<'a> {
    /// Finds the key; packs nothing yet.
    pub(crate) fn new(content: &'a [u8], write_as: WriteAs) -> Result<Self> {
        let mut encoder = match write_as {
            WriteAs::Blobs(mode) | WriteAs::MetaflowBlobs(mode) => {
                Some(Encoder::new(content.len() as u64, EncodeOptions::of(mode))?)
            }
            _ => None,
        };
        let key = match (&mut encoder, write_as.algorithm()) {
            (Some(encoder), HashAlgorithm::Blake3) => encoder.hash(content)?,
            (_, algorithm) => Key::of(content, algorithm),
        };
        Ok(Self {
            content,
            key,
            write_as,
            encoder,
        })
    }

    /// The form that the body will have.
    fn form(&self) -> Form {
        match self.write_as {
            WriteAs::Blobs(_) | WriteAs::MetaflowBlobs(_) => Form::Blob,
            WriteAs::MetaflowLz4 => Form::Lz4,
            WriteAs::MetaflowRaw => Form::Raw,
            WriteAs::MetaflowVanilla if is_compressible(self.content) => Form::Gzip,
            WriteAs::MetaflowVanilla => Form::Raw,
        }
    }

    /// Packs into a file, one block being packed while another is written.
    pub(crate) fn write_to(self, partial: &mut Partial) -> Result<Form> {
        let (form, content) = (self.form(), self.content);
        match self.encoder {
            Some(mut encoder) => {
                let head_bytes = encoder.head_bytes();
                if encoder.block_bytes() >= content.len() as u64 {
                    // One block: one write instead of two and a seek.
                    let mut body = vec![0; head_bytes as usize];
                    encoder.push(content, |stored| {
                        body.extend_from_slice(stored);
                        Ok::<_, Error>(())
                    })?;
                    let (head, _) = encoder.finish()?;
                    body.splice(..head.len(), head);
                    partial.write(&body)?;
                } else {
                    partial.skip(head_bytes)?;
                    encoder.push(content, |stored| partial.write(stored))?;
                    partial.write_at_start(&encoder.finish()?.0)?;
                }
            }
            None => plain(content, form, |stored| partial.write(stored))?,
        }
        Ok(form)
    }

    /// Packs into memory.
    pub(crate) fn into_body(self) -> Result<(Bytes, Form)> {
        let (form, content) = (self.form(), self.content);
        let body = match self.encoder {
            Some(mut encoder) => {
                let head_bytes = encoder.head_bytes() as usize;
                let mut body = PooledBuffer::with_len(head_bytes + content.len());
                let mut end = head_bytes;
                encoder.push(content, |stored| {
                    // No block is stored longer than its content.
                    body.as_mut_slice()[end..end + stored.len()].copy_from_slice(stored);
                    end += stored.len();
                    Ok::<_, Error>(())
                })?;
                body.as_mut_slice()[..head_bytes].copy_from_slice(&encoder.finish()?.0);
                body.truncate(end);
                body.into_bytes()
            }
            None if form == Form::Raw => PooledBuffer::copy_of(content).into_bytes(),
            None => {
                let mut body = Vec::new();
                plain(content, form, |stored| {
                    body.extend_from_slice(stored);
                    Ok(())
                })?;
                Bytes::from(body)
            }
        };
        Ok((body, form))
    }
}

/// Versions 1 and 2.
fn plain(content: &[u8], form: Form, mut sink: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    match form {
        Form::Gzip => encode_gzip(content, GZIP_LEVEL, sink),
        Form::Lz4 => encode_lz4_frame(content, sink),
        Form::Raw | Form::Blob => sink(content),
    }
}

/// The content of a body that is said to be of `form`.
///
/// What is said may be wrong: metadata and body are two things in a folder, and tools that copy
/// objects lose metadata. So when the content does not have the key, the form that the first bytes
/// show is tried, and raw: the key decides. Unchecked, what is said is believed.
pub(crate) fn decode(
    body: &Bytes,
    form: Form,
    key: &Key,
    check: Check,
    limits: &Limits,
) -> Result<Bytes> {
    let first = match as_form(body, form, check, limits) {
        Ok(content) if check == Check::Skip => return Ok(content),
        Ok(content) if is(key, &content) => return Ok(content),
        Ok(_) => Error::corrupt(format!("the content of blob {key} has another hash")),
        Err(error) if check == Check::Skip || error.kind() == ErrorKind::LimitExceeded => {
            return Err(error.at(format!("blob {key}")));
        }
        Err(error) => error.at(format!("blob {key}")),
    };
    let others = [Form::of_bytes(body), Some(Form::Raw)];
    for other in others.into_iter().flatten().filter(|other| *other != form) {
        if let Ok(content) = as_form(body, other, check, limits)
            && is(key, &content)
        {
            return Ok(content);
        }
    }
    Err(first)
}

fn is(key: &Key, content: &[u8]) -> bool {
    Key::of(content, key.algorithm()) == *key
}

fn as_form(body: &Bytes, form: Form, check: Check, limits: &Limits) -> Result<Bytes> {
    Ok(match form {
        Form::Raw if body.len() as u64 > limits.content_bytes_max => {
            let context = format!("a content of {} bytes is too long", body.len());
            return Err(Error::new(ErrorKind::LimitExceeded, context));
        }
        Form::Raw => body.clone(),
        Form::Gzip => decode_gzip(body, limits)?.into_bytes(),
        Form::Lz4 => decode_lz4_frame(body, limits)?.into_bytes(),
        Form::Blob => fastdata_codec::decode(body, limits, check)?.into_bytes(),
    })
}

/// How much is read of a blob before its head's length is known: most heads, and small blobs
/// whole.
const FIRST_BYTES: u64 = 16 << 10;

/// The head of a version 3 blob; `None` when the body is of another version.
pub(crate) fn layout(opened: &mut Opened<'_>, limits: &Limits) -> Result<Option<Layout>> {
    let stored_bytes = opened.stored_bytes();
    let mut known_bytes = 0;
    let mut needed_bytes = FIRST_BYTES.min(stored_bytes);
    let mut head = Vec::new();
    loop {
        opened.prefetch(0..needed_bytes)?;
        // At most 50 MB, and no more than the body is long.
        head.resize(needed_bytes as usize, 0);
        opened.read_at(0, &mut head)?;
        if !head.starts_with(&fastdata_codec::MAGIC) {
            return Ok(None);
        }
        match Layout::parse(&head, stored_bytes, limits)? {
            Head::Whole(layout) => return Ok(Some(layout)),
            Head::Needs(bytes) if bytes > needed_bytes && bytes <= stored_bytes => {
                known_bytes = needed_bytes.max(known_bytes);
                needed_bytes = bytes;
            }
            Head::Needs(bytes) => {
                return Err(Error::corrupt(format!(
                    "a head of {bytes} bytes in a blob of {stored_bytes}"
                )));
            }
        }
    }
}

/// The length of the content, as far as the body claims one.
pub(crate) fn claimed_bytes(opened: &mut Opened<'_>, form: Form) -> Result<Option<u64>> {
    let stored_bytes = opened.stored_bytes();
    Ok(match form {
        Form::Raw => Some(stored_bytes),
        Form::Gzip => claimed_by_gzip(opened)?,
        Form::Lz4 => field::<14>(opened, 0)?.and_then(|head| {
            let has_length = head.get(4).is_some_and(|flags| flags & 8 != 0);
            let length = head.last_chunk().map(|length| u64::from_le_bytes(*length));
            length.filter(|_| has_length)
        }),
        Form::Blob => None,
    })
}

/// Our members say what they are; of others the last four bytes are the length, if there is one
/// member of less than 4 GiB.
fn claimed_by_gzip(opened: &mut Opened<'_>) -> Result<Option<u64>> {
    /// More are not walked through: each may be a request.
    const MEMBERS: usize = 256;
    let stored_bytes = opened.stored_bytes();
    let (mut start, mut content_bytes) = (0, 0);
    for _ in 0..MEMBERS {
        let Some(head) = field(opened, start)? else {
            return Ok(None);
        };
        let Some(member) = gzip_member(&head) else {
            break;
        };
        start += u64::from(member.stored_bytes);
        content_bytes += u64::from(member.content_bytes);
        if start == stored_bytes {
            return Ok(Some(content_bytes));
        }
    }
    let last = match stored_bytes.checked_sub(4) {
        Some(last) if start == 0 && stored_bytes < 1 << 30 => field::<4>(opened, last)?,
        _ => None,
    };
    Ok(last.map(|length| u64::from(u32::from_le_bytes(length))))
}

/// `N` bytes of the body; `None` past its end.
fn field<const N: usize>(opened: &mut Opened<'_>, start: u64) -> Result<Option<[u8; N]>> {
    let mut field = [0; N];
    let end = start.saturating_add(N as u64);
    if end > opened.stored_bytes() {
        return Ok(None);
    }
    opened.prefetch(start..end)?;
    opened.read_at(start, &mut field)?;
    Ok(Some(field))
}

/// What a migration or an estimate would write: `content` as `mode`, in memory.
pub(crate) fn packed_bytes(content: &[u8], mode: Mode) -> Result<u64> {
    let (blob, _) = fastdata_codec::encode(content, EncodeOptions::of(mode))?;
    Ok(blob.len() as u64)
}
