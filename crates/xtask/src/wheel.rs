//! `cargo xtask wheel`: builds the Python wheel into `target/wheels` and checks what is promised of it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use crate::process::{self, Result, print, say};
use crate::{python, workspace};

/// Arguments of `cargo xtask wheel`.
#[derive(clap::Args, Default)]
pub(crate) struct Args {}

/// What builds and checks wheels, pinned.
const TOOLS: [&str; 3] = ["maturin==1.16.0", "auditwheel==6.8.2", "abi3audit==0.0.26"];
/// What a download of it may cost; the release profile makes code small where speed does not matter.
const WHEEL_BYTES_MAX: u64 = 12_000_000;
/// What an import may take; told, not enforced, because other work on the machine is in it.
const IMPORT_MS_MAX: f64 = 30.0;
/// Interpreters without a global lock: they load no `abi3` library and need wheels of their own, one for
/// each version, or one from 3.15 on.
const FREE_THREADED: [FreeThreaded; 2] = [
    FreeThreaded {
        interpreter: "python3.14t",
        arguments: &[],
        tags: "-cp314-cp314t-",
    },
    FreeThreaded {
        interpreter: "python3.15t",
        arguments: &["--features", "abi3t"],
        tags: "-cp315-abi3.abi3t-",
    },
];
/// Tags of the wheel that every ordinary interpreter loads.
const ABI3: &str = "-cp311-abi3-";

/// How to build for an interpreter without a global lock.
struct FreeThreaded {
    interpreter: &'static str,
    /// Maturin's, beside those for all wheels.
    arguments: &'static [&'static str],
    /// Of the wheel's name.
    tags: &'static str,
}

pub(crate) fn run(_args: &Args) -> Result<()> {
    let wheel = build()?;
    let tools = tools()?;
    check_abi(&tools, &wheel)?;
    check(&tools, &wheel, python::system_python()?)?;
    for free_threaded in &FREE_THREADED {
        build_free_threaded(&tools, free_threaded)?;
    }
    Ok(())
}

/// Builds and checks a wheel for an interpreter without a global lock, where there is one.
fn build_free_threaded(tools: &Path, free_threaded: &FreeThreaded) -> Result<()> {
    let interpreter = free_threaded.interpreter;
    let is_here = "import sys; sys.exit(sys._is_gil_enabled())";
    if !process::works(interpreter, &["-c", is_here]) {
        say(&format!("{interpreter} is not here: no wheel for it"));
        return Ok(());
    }
    maturin(tools, Some(free_threaded))?;
    let wheel = wheel_of(free_threaded.tags)?;
    check(tools, &wheel, interpreter)
}

/// What holds for every wheel; `interpreter` is one that loads it.
fn check(tools: &Path, wheel: &Path, interpreter: &str) -> Result<()> {
    check_size(wheel)?;
    check_platform(tools, wheel)?;
    check_symbols(tools, wheel)?;
    check_bare(wheel, interpreter)?;
    print(&format!("wheel: {}", wheel.display()));
    Ok(())
}

fn folder() -> PathBuf {
    workspace::target().join("wheels")
}

/// Builds the wheel that every ordinary interpreter loads, from 3.11 on, and returns its path.
pub(crate) fn build() -> Result<PathBuf> {
    let _ = std::fs::remove_dir_all(folder());
    maturin(&tools()?, None)?;
    wheel_of(ABI3)
}

/// Folder of the tools' interpreter and scripts.
fn tools() -> Result<PathBuf> {
    let folder = workspace::target().join("wheel-tools");
    python::holding(&folder, &TOOLS.join("\n"), &TOOLS.map(OsString::from))?;
    Ok(folder.join("bin"))
}

fn maturin(tools: &Path, free_threaded: Option<&FreeThreaded>) -> Result<()> {
    let mut maturin = Command::new(tools.join("maturin"));
    maturin
        // Packed at the level that maturin takes by itself it is 3 % larger.
        .args(["build", "--release", "--strip", "--locked"])
        .args(["--compression-level", "9", "-m"])
        .arg(workspace::root().join("python-bindings/Cargo.toml"))
        .arg("--out")
        .arg(folder())
        .arg("--interpreter");
    match free_threaded {
        // Away from the workspace, whose settings say that building needs no interpreter: this one
        // has objects of another shape, and what is built without asking it crashes in it.
        Some(free_threaded) => maturin
            .arg(free_threaded.interpreter)
            .args(free_threaded.arguments)
            .current_dir(std::env::temp_dir()),
        None => maturin
            .arg(tools.join("python"))
            .current_dir(workspace::root()),
    };
    process::run(&mut maturin)
}

/// The wheel whose name has `tags`.
fn wheel_of(tags: &str) -> Result<PathBuf> {
    let wheels = folder();
    let entries =
        std::fs::read_dir(&wheels).map_err(|error| format!("{}: {error}", wheels.display()))?;
    let found = entries
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.to_string_lossy().contains(tags));
    found.ok_or_else(|| format!("no wheel with {tags} in {}", wheels.display()))
}

fn check_size(wheel: &Path) -> Result<()> {
    let bytes = std::fs::metadata(wheel)
        .map_err(|error| format!("{}: {error}", wheel.display()))?
        .len();
    print(&format!("size: {:.1} MB", bytes as f64 / 1e6));
    match bytes <= WHEEL_BYTES_MAX {
        true => Ok(()),
        false => Err(format!(
            "the wheel has {bytes} bytes; {WHEEL_BYTES_MAX} at most"
        )),
    }
}

/// The name tells which systems have the libraries that it needs.
fn check_platform(tools: &Path, wheel: &Path) -> Result<()> {
    let mut auditwheel = Command::new(tools.join("auditwheel"));
    let output = auditwheel.arg("show").arg(wheel).output();
    let output = output.map_err(|error| format!("auditwheel: {error}"))?;
    let told = String::from_utf8_lossy(&output.stdout);
    print(told.trim());
    let name = wheel.file_stem().unwrap_or_default().to_string_lossy();
    let platform = name.rsplit('-').next().unwrap_or_default();
    // Tools give more than one name to old platforms.
    let mut tags = platform.split('.');
    let agrees = tags.any(|tag| told.contains(&format!("\"{tag}\"")));
    match output.status.success() && agrees {
        true => Ok(()),
        false => Err(format!("auditwheel finds another platform than {platform}")),
    }
}

/// It uses nothing beyond Python's stable interface.
fn check_abi(tools: &Path, wheel: &Path) -> Result<()> {
    process::run(
        Command::new(tools.join("abi3audit"))
            .args(["--strict", "--summary"])
            .arg(wheel),
    )
}

/// Reads what the library offers to others: its symbols must not meet those of another Arrow.
const SYMBOLS: &str = r#"
import sys, zipfile, io
from elftools.elf.elffile import ELFFile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    [name] = [name for name in wheel.namelist() if name.endswith(".so")]
    symbols = ELFFile(io.BytesIO(wheel.read(name))).get_section_by_name(".dynsym")
    offered = [symbol.name for symbol in symbols.iter_symbols() if symbol.entry.st_shndx != "SHN_UNDEF" and symbol.name]
print("offers:", *offered)
sys.exit(offered != ["PyInit__fastdata"])
"#;

fn check_symbols(tools: &Path, wheel: &Path) -> Result<()> {
    process::run(
        Command::new(tools.join("python"))
            .args(["-c", SYMBOLS])
            .arg(wheel),
    )
    .map_err(|_| "the library offers more symbols than its entry point".to_owned())
}

/// Imports the package, uses it, and says how long the import took.
///
/// An interpreter without a global lock takes it again when a library does not say that it works without.
const BARE: &str = r#"
import sys, time
has_lock = getattr(sys, "_is_gil_enabled", lambda: True)
had_lock = has_lock()
start = time.perf_counter()
import fastdata as fd
took_ms = (time.perf_counter() - start) * 1e3
assert has_lock() == had_lock
assert not {"numpy", "pyarrow", "polars", "pandas"} & set(sys.modules)
frame = fd.DataFrame({"name": ["a", "b", "c"], "score": [1, 2, 3]})
assert frame.filter("score > 1")["name"].to_list() == ["b", "c"]
print(took_ms)
"#;

/// In an environment of `interpreter` with nothing else.
fn check_bare(wheel: &Path, interpreter: &str) -> Result<()> {
    let nonce = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let nonce = nonce.map_or(0, |since| since.as_millis());
    let folder = std::env::temp_dir().join(format!("fastdata-wheel-{nonce}"));
    let checked = bare(wheel, interpreter, &folder);
    let _ = std::fs::remove_dir_all(&folder);
    checked
}

fn bare(wheel: &Path, interpreter: &str, folder: &Path) -> Result<()> {
    process::run(Command::new(interpreter).args(["-m", "venv"]).arg(folder))?;
    let python = folder.join("bin").join("python");
    let mut install = Command::new(&python);
    install.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-index",
    ]);
    process::run(install.arg(wheel))?;
    let mut times_ms = (0..5)
        .map(|_| {
            let output = Command::new(&python)
                .args(["-c", BARE])
                .current_dir(folder)
                .output();
            let output = output.map_err(|error| format!("{}: {error}", python.display()))?;
            let text = String::from_utf8_lossy(&output.stdout);
            text.trim().parse::<f64>().map_err(|_| {
                let told = String::from_utf8_lossy(&output.stderr);
                format!("the wheel does not work by itself: {}", told.trim())
            })
        })
        .collect::<Result<Vec<f64>>>()?;
    times_ms.sort_by(f64::total_cmp);
    print(&format!(
        "import: {:.1} ms (at most {IMPORT_MS_MAX} is the aim)",
        times_ms[2]
    ));
    let demo = folder.join("demo");
    let mut command = Command::new(folder.join("bin").join("fastdata"));
    process::run(command.args(["demo", "--output"]).arg(demo))
}
