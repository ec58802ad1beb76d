//! Writes the seeds of every target below the folder that is named.

fn main() -> std::io::Result<()> {
    let folder = std::env::args_os().nth(1).unwrap_or_else(|| "seeds".into());
    fastdata_fuzz::write(std::path::Path::new(&folder)).map(|_| ())
}
