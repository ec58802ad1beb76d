//! Pages: their headers, their codecs, and the chunk that they make up.

mod chunk;
mod codec;
mod crc;
mod header;
mod pieces;
mod snappy;

pub(crate) use chunk::{
    Chunk, ChunkSource, Lifetime, PageBytes, Visit, chunk_range, dictionary_page,
};
pub(crate) use header::{PageHeader, PageKind};
pub(crate) use pieces::Pieces;
