//! The floor under every reader: the pages of the wanted columns, decompressed and dropped.
//!
//! Done with the page reader of the `parquet` crate over bytes that are already in memory, so that
//! the floor does not move when our own decoder does.

use std::fs;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::Result;
use crate::job::Job;

/// One column chunk to decompress.
struct Chunk {
    file_idx: usize,
    row_group_idx: usize,
    column_idx: usize,
    compressed_bytes: i64,
}

/// Decompresses every page of the wanted columns; returns how many bytes they hold.
pub(crate) fn all_pages(job: &Job) -> Result<serde_json::Value> {
    // Read by the untimed run: the floor is for bytes that are there.
    static FILES: OnceLock<Vec<SerializedFileReader<Bytes>>> = OnceLock::new();
    if FILES.get().is_none() {
        let opened = job.paths.iter().map(open).collect::<Result<Vec<_>>>()?;
        let _ = FILES.set(opened);
    }
    let files = FILES.get().map(Vec::as_slice).unwrap_or_default();
    let mut chunks = chunks(job, files);
    // Largest first, so that no thread is left alone with a big one.
    chunks.sort_by_key(|chunk| std::cmp::Reverse(chunk.compressed_bytes));
    let next = AtomicUsize::new(0);
    let work = || -> Result<usize, String> {
        let mut total_bytes = 0;
        while let Some(chunk) = chunks.get(next.fetch_add(1, Ordering::Relaxed)) {
            total_bytes += decompress(files, chunk).map_err(|error| error.to_string())?;
        }
        Ok(total_bytes)
    };
    let totals = std::thread::scope(|scope| {
        let threads = (0..job.threads)
            .map(|_| scope.spawn(work))
            .collect::<Vec<_>>();
        let joined = threads.into_iter().map(|thread| {
            thread
                .join()
                .unwrap_or_else(|_| Err("a thread panicked".to_owned()))
        });
        joined.collect::<Result<Vec<_>, String>>()
    })?;
    Ok(serde_json::json!({ "uncompressed_bytes": totals.iter().sum::<usize>() }))
}

fn open(path: &String) -> Result<SerializedFileReader<Bytes>> {
    Ok(SerializedFileReader::new(Bytes::from(fs::read(path)?))?)
}

fn chunks(job: &Job, files: &[SerializedFileReader<Bytes>]) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    for (file_idx, file) in files.iter().enumerate() {
        for (row_group_idx, row_group) in file.metadata().row_groups().iter().enumerate() {
            for (column_idx, column) in row_group.columns().iter().enumerate() {
                let name = column.column_path().string();
                if job
                    .columns
                    .as_ref()
                    .is_none_or(|wanted| wanted.contains(&name))
                {
                    let compressed_bytes = column.compressed_size();
                    chunks.push(Chunk {
                        file_idx,
                        row_group_idx,
                        column_idx,
                        compressed_bytes,
                    });
                }
            }
        }
    }
    chunks
}

fn decompress(files: &[SerializedFileReader<Bytes>], chunk: &Chunk) -> Result<usize> {
    let file = files.get(chunk.file_idx).ok_or("no such file")?;
    let row_group = file.get_row_group(chunk.row_group_idx)?;
    let mut pages = row_group.get_column_page_reader(chunk.column_idx)?;
    let mut total_bytes = 0;
    while let Some(page) = pages.get_next_page()? {
        total_bytes += page.buffer().len();
    }
    Ok(total_bytes)
}
