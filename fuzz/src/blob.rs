//! The targets of the blob formats, and what they start from.

use fastdata_codec::{
    Check, EncodeOptions, Error, HashAlgorithm, Head, Key, Layout, Limits, Mode, Packing, decode,
    decode_gzip, decode_lz4_frame, encode, encode_gzip, encode_lz4_frame,
};

/// What an input may unpack to: enough for every path, too little for the memory limit.
const LIMITS: Limits = Limits {
    content_bytes_max: 64 << 20,
};

/// The bytes as a body of each version. Of version 3 once as they are and once with lengths and
/// checksum of the head made right, so that what lies behind them is reached too.
pub fn blob_head(data: &[u8]) {
    let _ = decode_gzip(data, &LIMITS);
    let _ = decode_lz4_frame(data, &LIMITS);
    for blob in [data.to_vec(), forged(data)] {
        let _ = decode(&blob, &LIMITS, Check::Hash);
        let _ = decode(&blob, &LIMITS, Check::Skip);
        if let Ok(Head::Whole(layout)) = Layout::parse(&blob, blob.len() as u64, &LIMITS) {
            let end = layout.content_bytes();
            for range in [0..0, 0..end, end / 3..end / 2, 0..end.saturating_add(1)] {
                if let Ok(blocks) = layout.blocks_of(&range) {
                    let _ = layout.stored_range(blocks);
                }
            }
        }
    }
}

const HEADER_BYTES: usize = 72;

/// With the stored length and the checksum that belong to the rest.
fn forged(data: &[u8]) -> Vec<u8> {
    let mut blob = data.to_vec();
    let Some(count) = blob.get(12..16).and_then(|count| count.first_chunk()) else {
        return blob;
    };
    let count = u32::from_le_bytes(*count) as usize;
    let entry_bytes = if count > 1 { 48 } else { 16 };
    let end = HEADER_BYTES.saturating_add(count.saturating_mul(entry_bytes));
    if end > blob.len() {
        return blob;
    }
    let stored_bytes = (blob.len() as u64).to_le_bytes();
    blob[24..32].copy_from_slice(&stored_bytes);
    let head = [&blob[..64], &blob[HEADER_BYTES..end]].concat();
    let hash = Key::of(&head, HashAlgorithm::Blake3);
    blob[64..HEADER_BYTES].copy_from_slice(&hash.as_bytes()[..8]);
    blob
}

/// The first byte chooses a codec, the next three tell the length of the content, the rest is the
/// only block of a blob, under a head that is right.
pub fn blob_body(data: &[u8]) {
    if let Some((&[codec, one, two, three], stored)) = data.split_first_chunk() {
        let content_bytes = u32::from_le_bytes([one, two, three, 0]);
        let _ = decode(
            &single(codec % 5, content_bytes, stored),
            &LIMITS,
            Check::Skip,
        );
    }
}

/// A blob of one block of 2^24 bytes or less.
fn single(codec: u8, content_bytes: u32, stored: &[u8]) -> Vec<u8> {
    let mut blob = fastdata_codec::MAGIC.to_vec();
    blob.extend_from_slice(&[fastdata_codec::VERSION, 24]);
    blob.extend_from_slice(&(1_u16 << codec).to_le_bytes());
    blob.extend_from_slice(&1_u32.to_le_bytes());
    blob.extend_from_slice(&u64::from(content_bytes).to_le_bytes());
    blob.extend_from_slice(&[0; 48]);
    blob.extend_from_slice(&(stored.len() as u32).to_le_bytes());
    blob.extend_from_slice(&[codec, 0, 0, 0]);
    let checksum = match codec {
        0 => [0; 8],
        _ => {
            let hash = Key::of(stored, HashAlgorithm::Blake3);
            hash.as_bytes().first_chunk().copied().unwrap_or_default()
        }
    };
    blob.extend_from_slice(&checksum);
    blob.extend_from_slice(stored);
    forged(&blob)
}

/// Seeds of both targets, with their names.
pub(crate) fn seeds() -> Vec<(&'static str, String, Vec<u8>)> {
    let text = b"a line that comes again and again\n".repeat(60);
    let numbers: Vec<u8> = (0..1100_u32)
        .flat_map(|n| (n as f32 / 8.0).to_le_bytes())
        .collect();
    let contents = [Vec::new(), text, numbers];
    let modes = [
        Mode::Always(Packing::Raw),
        Mode::Always(Packing::Lz4),
        Mode::Always(Packing::Zstd { level: 3 }),
        Mode::Always(Packing::Deflate { level: 6 }),
        Mode::Always(Packing::Numeric),
    ];
    let mut seeds = Vec::new();
    for (number, content) in contents.iter().enumerate() {
        for (codec, mode) in modes.into_iter().enumerate() {
            let mut options = EncodeOptions::of(mode);
            for block_log2 in [10, 20] {
                options.block_log2 = Some(block_log2);
                let (blob, _) = encode(content, options).expect("the options are sound");
                let name = format!("{codec}-{number}-{block_log2}");
                seeds.push(("blob_head", name.clone(), blob.as_slice().to_vec()));
                if block_log2 == 20 && !content.is_empty() {
                    let mut body = vec![blob.as_slice()[HEADER_BYTES + 4]];
                    body.extend_from_slice(&(content.len() as u32).to_le_bytes()[..3]);
                    body.extend_from_slice(&blob.as_slice()[HEADER_BYTES + 16..]);
                    seeds.push(("blob_body", name, body));
                }
            }
        }
        let (mut gzip, mut lz4) = (Vec::new(), Vec::new());
        let sink = |bytes: &[u8]| {
            gzip.extend_from_slice(bytes);
            Ok::<_, Error>(())
        };
        encode_gzip(content, 1, sink).expect("memory takes every byte");
        let sink = |bytes: &[u8]| {
            lz4.extend_from_slice(bytes);
            Ok::<_, Error>(())
        };
        encode_lz4_frame(content, sink).expect("memory takes every byte");
        seeds.push(("blob_head", format!("gzip-{number}"), gzip));
        seeds.push(("blob_head", format!("lz4-{number}"), lz4));
    }
    seeds
}
