//! Decompressors, each into a buffer of exactly the length that the page header claims.

use std::cell::RefCell;
use std::io::Read;

use parquet::basic::Compression;

use crate::{Error, Result};

thread_local! {
    // A context is some 160 KiB of tables: one for each thread, not one for each page.
    static ZSTD: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
    static DEFLATE: RefCell<Option<libdeflater::Decompressor>> = const { RefCell::new(None) };
}

/// Decompresses `stored` into `output`. Anything but exactly so many bytes is an error.
pub(crate) fn decompress(codec: Compression, stored: &[u8], output: &mut [u8]) -> Result<()> {
    let len = output.len();
    // Some writers leave the block empty when there is nothing in it.
    if len == 0 {
        return Ok(());
    }
    let written = match codec {
        Compression::UNCOMPRESSED => uncompressed(stored, output),
        Compression::SNAPPY => super::snappy::decompress(stored, output).map(|()| len),
        Compression::ZSTD(_) => zstd_frames(stored, output),
        Compression::GZIP(_) => gzip(stored, output),
        Compression::LZ4_RAW => lz4_block(stored, output),
        Compression::LZ4 => lz4_hadoop(stored, output),
        Compression::BROTLI(_) => brotli_stream(stored, output),
        Compression::LZO => return Err(Error::unsupported("the codec LZO")),
    }?;
    if written != len {
        return Err(Error::corrupt(format!(
            "{codec:?}: a page of {len} bytes decompressed to {written}"
        )));
    }
    Ok(())
}

fn uncompressed(stored: &[u8], output: &mut [u8]) -> Result<usize> {
    if stored.len() != output.len() {
        return Err(Error::corrupt(
            "an uncompressed page of two different sizes",
        ));
    }
    output.copy_from_slice(stored);
    Ok(stored.len())
}

fn zstd_frames(stored: &[u8], output: &mut [u8]) -> Result<usize> {
    ZSTD.with_borrow_mut(|slot| {
        let context = match slot {
            Some(context) => context,
            None => {
                let made = zstd::bulk::Decompressor::new();
                slot.insert(made.map_err(|error| failed("zstd", error))?)
            }
        };
        context
            .decompress_to_buffer(stored, output)
            .map_err(|error| failed("zstd", error))
    })
}

fn gzip(stored: &[u8], output: &mut [u8]) -> Result<usize> {
    let written = DEFLATE.with_borrow_mut(|slot| {
        let context = slot.get_or_insert_with(libdeflater::Decompressor::new);
        match stored.first() {
            // A zlib header: some writers use it under the name of gzip.
            Some(0x78) => context.zlib_decompress(stored, output),
            _ => context.gzip_decompress(stored, output),
        }
    });
    match written {
        Ok(written) if written == output.len() => Ok(written),
        // libdeflate stops after the first member; a page may have several, one after another.
        _ => read_exactly("gzip", flate2::bufread::MultiGzDecoder::new(stored), output),
    }
}

fn brotli_stream(stored: &[u8], output: &mut [u8]) -> Result<usize> {
    const BUFFER_BYTES: usize = 16 << 10;
    read_exactly(
        "brotli",
        brotli::Decompressor::new(stored, BUFFER_BYTES),
        output,
    )
}

/// Fills `output` from a stream and makes sure that the stream then ends.
fn read_exactly(codec: &str, mut stream: impl Read, output: &mut [u8]) -> Result<usize> {
    let mut written = 0;
    while written < output.len() {
        match stream.read(&mut output[written..]) {
            Ok(0) => return Ok(written),
            Ok(read) => written += read,
            Err(error) => return Err(failed(codec, error)),
        }
    }
    match stream.read(&mut [0]) {
        Ok(0) => Ok(written),
        Ok(_) => Err(Error::corrupt(format!(
            "{codec}: the page is longer than its header says"
        ))),
        Err(error) => Err(failed(codec, error)),
    }
}

fn lz4_block(stored: &[u8], output: &mut [u8]) -> Result<usize> {
    lz4_flex::block::decompress_into(stored, output).map_err(|error| failed("lz4", error))
}

/// What the deprecated codec LZ4 may hold: Hadoop's framing, the LZ4 frame format, or one block.
fn lz4_hadoop(stored: &[u8], output: &mut [u8]) -> Result<usize> {
    if let Some(written) = hadoop_frames(stored, output) {
        return Ok(written);
    }
    const FRAME_MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
    if stored.starts_with(&FRAME_MAGIC) {
        return read_exactly("lz4", lz4_flex::frame::FrameDecoder::new(stored), output);
    }
    lz4_block(stored, output)
}

/// Frames of `[decompressed length, compressed length, block…]`, both big-endian; several blocks
/// may make up one decompressed length. `None` when `stored` is not that.
fn hadoop_frames(mut stored: &[u8], output: &mut [u8]) -> Option<usize> {
    let mut written = 0;
    while !stored.is_empty() {
        let mut left = take_length(&mut stored)?;
        while left > 0 {
            let packed = take_length(&mut stored)?;
            let block = stored.get(..packed)?;
            stored = &stored[packed..];
            let room = output.get_mut(written..)?;
            let got = lz4_flex::block::decompress_into(block, room).ok()?;
            if got == 0 || got > left {
                return None;
            }
            left -= got;
            written += got;
        }
    }
    (written == output.len()).then_some(written)
}

fn take_length(bytes: &mut &[u8]) -> Option<usize> {
    let (head, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    usize::try_from(u32::from_be_bytes(*head)).ok()
}

#[cold]
fn failed(codec: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::corrupt(format!("{codec}: the page does not decompress")).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[track_caller]
    fn check(codec: Compression, stored: &[u8], expected: &[u8]) {
        let mut output = vec![0xee; expected.len()];
        decompress(codec, stored, &mut output).unwrap();
        assert_eq!(&output[..expected.len()], expected);
        for wrong in [expected.len() - 1, expected.len() + 1] {
            let mut output = vec![0xee; wrong];
            assert!(
                decompress(codec, stored, &mut output).is_err(),
                "{codec:?} {wrong}"
            );
        }
        for cut in 0..stored.len().min(64) {
            let mut output = vec![0xee; expected.len()];
            let _ = decompress(codec, &stored[..cut], &mut output);
        }
    }

    fn gz(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn every_codec_gives_exactly_the_page() {
        let plain: Vec<u8> = (0..50_000_u32)
            .flat_map(|n| (n / 7 % 251).to_le_bytes())
            .collect();
        check(Compression::UNCOMPRESSED, &plain, &plain);
        check(
            Compression::SNAPPY,
            &snap::raw::Encoder::new().compress_vec(&plain).unwrap(),
            &plain,
        );
        check(
            Compression::ZSTD(Default::default()),
            &zstd::bulk::compress(&plain, 3).unwrap(),
            &plain,
        );
        check(Compression::GZIP(Default::default()), &gz(&plain), &plain);
        let members = [gz(&plain[..999]), gz(&plain[999..])].concat();
        check(Compression::GZIP(Default::default()), &members, &plain);
        let block = lz4_flex::block::compress(&plain);
        check(Compression::LZ4_RAW, &block, &plain);
        check(Compression::LZ4, &block, &plain);
        let mut brotli_bytes = Vec::new();
        let mut writer = brotli::CompressorWriter::new(&mut brotli_bytes, 4096, 5, 20);
        writer.write_all(&plain).unwrap();
        drop(writer);
        check(
            Compression::BROTLI(Default::default()),
            &brotli_bytes,
            &plain,
        );
    }

    #[test]
    fn lz4_in_its_three_framings() {
        let plain = b"one page, one page, one page, of text".repeat(40);
        let block = lz4_flex::block::compress(&plain);
        let lengths = [plain.len() as u32, block.len() as u32]
            .map(u32::to_be_bytes)
            .concat();
        check(Compression::LZ4, &[&lengths[..], &block].concat(), &plain);
        let mut frame = lz4_flex::frame::FrameEncoder::new(Vec::new());
        frame.write_all(&plain).unwrap();
        check(Compression::LZ4, &frame.finish().unwrap(), &plain);
    }

    #[test]
    fn lzo_is_refused_by_name() {
        let mut output = vec![0; 9];
        let error = decompress(Compression::LZO, &[1], &mut output).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Unsupported);
        assert!(error.to_string().contains("LZO"));
    }
}
