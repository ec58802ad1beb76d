//! Times packing and unpacking of a file in every form: `cargo run --release --example speed FILE`.

#![expect(clippy::print_stdout, reason = "this is its output")]

use std::time::Instant;

use fastdata_codec::{
    Check, EncodeOptions, Error, HashAlgorithm, Key, Limits, Mode, Packing, decode, decode_gzip,
    decode_lz4_frame, encode, encode_gzip, encode_lz4_frame,
};

const ROUNDS: usize = 7;

fn best(mut work: impl FnMut()) -> f64 {
    let times = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64() * 1e3
    });
    times.fold(f64::MAX, f64::min)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("which file?")?;
    let content = std::fs::read(path)?;
    let limits = Limits::default();
    let line = |name: &str, bytes: usize, save_ms: f64, load_ms: f64| {
        println!("{name:<12} {bytes:>12} bytes  {save_ms:>9.3} ms  {load_ms:>9.3} ms");
    };
    for (name, algorithm) in [
        ("sha1", HashAlgorithm::Sha1),
        ("blake3", HashAlgorithm::Blake3),
    ] {
        let ms = best(|| {
            std::hint::black_box(Key::of(&content, algorithm));
        });
        line(name, content.len(), ms, 0.0);
    }
    for (name, mode) in [
        ("fast", Mode::Fast),
        ("compact", Mode::Compact),
        ("zstd 1", Mode::Always(Packing::Zstd { level: 1 })),
        ("zstd 3", Mode::Always(Packing::Zstd { level: 3 })),
        ("numeric", Mode::Always(Packing::Numeric)),
    ] {
        let options = EncodeOptions::of(mode);
        let (blob, _) = encode(&content, options)?;
        let save_ms = best(|| drop(encode(&content, options)));
        let load_ms = best(|| drop(decode(blob.as_slice(), &limits, Check::Hash)));
        line(name, blob.len(), save_ms, load_ms);
    }
    let mut stored = Vec::new();
    let save = |stored: &mut Vec<u8>, lz4: bool, level: i32| {
        stored.clear();
        let sink = |bytes: &[u8]| {
            stored.extend_from_slice(bytes);
            Ok::<_, Error>(())
        };
        match lz4 {
            true => encode_lz4_frame(&content, sink),
            false => encode_gzip(&content, level, sink),
        }
    };
    for level in [1, 2, 3, 6] {
        save(&mut stored, false, level)?;
        let save_ms = best(|| drop(save(&mut stored, false, level)));
        let load_ms = best(|| drop(decode_gzip(&stored, &limits)));
        line(&format!("gzip {level}"), stored.len(), save_ms, load_ms);
    }
    save(&mut stored, true, 0)?;
    let save_ms = best(|| drop(save(&mut stored, true, 0)));
    let load_ms = best(|| drop(decode_lz4_frame(&stored, &limits)));
    line("lz4 frame", stored.len(), save_ms, load_ms);
    Ok(())
}
