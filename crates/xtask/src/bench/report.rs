//! Medians, ratios, and the tables that people read.

use std::fmt::Write;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::engine::{self, FLOOR, OURS, Report};
use super::machine::{self, Machine};
use super::workload::Workload;
use crate::process::{self, Result};
use crate::workspace;

/// Everything measured for one workload in one mode.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Measured {
    workload: String,
    title: String,
    mode: String,
    bar: f64,
    engines: Vec<Engine>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Engine {
    name: String,
    version: String,
    wall_ns: Vec<u64>,
    cpu_ns: Vec<u64>,
    peak_rss_bytes: u64,
    stats: Option<serde_json::Value>,
    refused: Option<String>,
    failed: Option<String>,
}

impl Measured {
    pub(crate) fn new(workload: &Workload, mode: &str, engines: &[&str]) -> Self {
        let engines = engines.iter().map(|name| Engine {
            name: (*name).to_owned(),
            version: String::new(),
            wall_ns: Vec::new(),
            cpu_ns: Vec::new(),
            peak_rss_bytes: 0,
            stats: None,
            refused: None,
            failed: None,
        });
        Self {
            workload: workload.name.clone(),
            title: workload.title.clone(),
            mode: mode.to_owned(),
            bar: workload.bar,
            engines: engines.collect(),
        }
    }

    /// Whether `engine` failed or refused before: it is not asked again.
    pub(crate) fn gave_up(&self, engine: &str) -> bool {
        let mut engines = self.engines.iter().filter(|known| known.name == engine);
        engines.any(|engine| engine.failed.is_some() || engine.refused.is_some())
    }

    pub(crate) fn add(&mut self, engine: &str, report: Report) {
        let Some(engine) = self.engines.iter_mut().find(|known| known.name == engine) else {
            return;
        };
        engine.version = report.version;
        engine.wall_ns.extend(report.wall_ns);
        engine.cpu_ns.extend(report.cpu_ns);
        engine.peak_rss_bytes = engine.peak_rss_bytes.max(report.peak_rss_bytes);
        engine.stats = report.stats.or(engine.stats.take());
        engine.refused = report.refused;
        engine.failed = report.failed;
    }

    /// One line per engine that failed or answered wrongly.
    pub(crate) fn failures(&self) -> Vec<String> {
        let failed = self.engines.iter().filter_map(|engine| {
            let message = engine.failed.as_ref()?;
            Some(format!(
                "{} · {} · {}: {message}",
                self.workload, self.mode, engine.name
            ))
        });
        failed.collect()
    }

    fn engine(&self, name: &str) -> Option<&Engine> {
        self.engines
            .iter()
            .find(|engine| engine.name == name && engine.measured())
    }

    fn fastest_peer(&self) -> Option<&Engine> {
        let peers = self
            .engines
            .iter()
            .filter(|engine| !engine::is_ours(&engine.name));
        peers
            .filter(|engine| engine.measured())
            .min_by_key(|engine| median(&engine.wall_ns))
    }

    /// How many times faster than the fastest peer we are, by the clock and by processor time.
    fn ratio(&self) -> Option<(f64, f64)> {
        let (ours, peer) = (self.engine(OURS)?, self.fastest_peer()?);
        let ratio = |of: fn(&Engine) -> &[u64]| median(of(peer)) as f64 / median(of(ours)) as f64;
        Some((
            ratio(|engine| &engine.wall_ns),
            ratio(|engine| &engine.cpu_ns),
        ))
    }
}

impl Engine {
    fn measured(&self) -> bool {
        self.failed.is_none() && self.refused.is_none() && !self.wall_ns.is_empty()
    }
}

/// The middle one; of an even count, the lower of the two.
pub(crate) fn median(values: &[u64]) -> u64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted
        .get(sorted.len().saturating_sub(1) / 2)
        .copied()
        .unwrap_or(0)
}

/// The tables on stdout.
pub(crate) fn print(measured: &[Measured]) {
    process::print(&tables(measured));
}

fn tables(measured: &[Measured]) -> String {
    let mut text = summary(measured);
    for one in measured {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n### {}, {}\n\n", one.title, one.mode);
        text += "| engine | median | fastest to slowest | processor time | peak memory |\n";
        text += "|---|---|---|---|---|\n";
        let mut engines: Vec<_> = one.engines.iter().collect();
        engines.sort_by_key(|engine| (!engine.measured(), median(&engine.wall_ns)));
        for engine in engines {
            text += &row(engine);
        }
    }
    text
}

fn summary(measured: &[Measured]) -> String {
    let mut text =
        "| workload | mode | fastdata | fastest peer | ratio | bar | by processor time | \
                    over decompressing |\n|---|---|---|---|---|---|---|---|\n"
            .to_owned();
    for one in measured {
        let ours = one
            .engine(OURS)
            .map_or("–".to_owned(), |ours| seconds(median(&ours.wall_ns)));
        let peer = one.fastest_peer().map_or("–".to_owned(), |peer| {
            format!("{} {}", seconds(median(&peer.wall_ns)), peer.name)
        });
        let (ratio, by_cpu) =
            one.ratio()
                .map_or(("–".to_owned(), "–".to_owned()), |(wall, cpu)| {
                    let verdict = if wall >= one.bar { "" } else { " ✗" };
                    let by_cpu = if cpu.is_finite() {
                        format!("{cpu:.2}")
                    } else {
                        "–".to_owned()
                    };
                    (format!("{wall:.2}{verdict}"), by_cpu)
                });
        let floor =
            one.engine(FLOOR)
                .zip(one.engine(OURS))
                .map_or("–".to_owned(), |(floor, ours)| {
                    format!(
                        "{:.2}",
                        median(&ours.wall_ns) as f64 / median(&floor.wall_ns) as f64
                    )
                });
        let _ = writeln!(
            text,
            "| {} | {} | {ours} | {peer} | {ratio} | {} | {by_cpu} | {floor} |",
            one.title, one.mode, one.bar,
        );
    }
    text
}

fn row(engine: &Engine) -> String {
    let name = format!("{} {}", engine.name, engine.version);
    if let Some(message) = engine.failed.as_ref().or(engine.refused.as_ref()) {
        return format!("| {name} | {} | | | |\n", message.replace('|', "\\|"));
    }
    let (fastest, slowest) = (engine.wall_ns.iter().min(), engine.wall_ns.iter().max());
    let cpu_ns = median(&engine.cpu_ns);
    let cpu = if cpu_ns > 0 {
        seconds(cpu_ns)
    } else {
        "–".to_owned()
    };
    let peak = match engine.peak_rss_bytes >> 20 {
        0 => "–".to_owned(),
        mebibytes => format!("{mebibytes} MiB"),
    };
    format!(
        "| {name} | {} | {} to {} | {cpu} | {peak} |\n",
        seconds(median(&engine.wall_ns)),
        seconds(fastest.copied().unwrap_or(0)),
        seconds(slowest.copied().unwrap_or(0)),
    )
}

pub(crate) fn seconds(ns: u64) -> String {
    match ns {
        0..100_000_000 => format!("{:.1} ms", ns as f64 / 1e6),
        _ => format!("{:.2} s", ns as f64 / 1e9),
    }
}

const PAGE: &str = "docs/benchmarks.md";

/// What this machine measured earlier on the same day, so that a long run can be made in pieces; what
/// was measured again is replaced.
fn with_earlier(raw_name: &str, measured: Vec<Measured>) -> Vec<Measured> {
    #[derive(Deserialize)]
    struct Earlier {
        measured: Vec<Measured>,
    }
    let text = std::fs::read_to_string(workspace::root().join(raw_name)).unwrap_or_default();
    let mut all = match serde_json::from_str::<Earlier>(&text) {
        Ok(earlier) => earlier.measured,
        Err(_) => Vec::new(),
    };
    let key = |one: &Measured| (one.workload.clone(), one.mode != "stream");
    all.retain(|old| !measured.iter().any(|new| key(new) == key(old)));
    all.extend(measured);
    all.sort_by_key(key);
    all
}

/// Writes the raw numbers to `benches/results` and the tables into the page, between its marks.
pub(crate) fn publish(
    machine: &Machine,
    scale: &str,
    rounds: usize,
    measured: Vec<Measured>,
) -> Result<()> {
    let date = machine::today();
    let raw_name = format!("benches/results/{date}-{}.json", machine.slug());
    let measured = with_earlier(&raw_name, measured);
    let raw = json!({
        "schema": "fastdata.bench-scan/1",
        "date": date,
        "scale_factor": scale,
        "rounds": rounds,
        "machine": machine,
        "measured": measured,
    });
    let raw = serde_json::to_string_pretty(&raw).map_err(|error| error.to_string())?;
    write(&raw_name, &without_places(&(raw + "\n")))?;
    let told = format!(
        "{}; {rounds} rounds at scale factor {scale}. Raw numbers: [`{raw_name}`](../{raw_name}).",
        machine.told(),
    );
    section("scan", &format!("{told}\n\n{}", tables(&measured)))
}

/// Replaces what `cargo xtask bench NAME --publish` wrote into the page before, between its marks.
pub(crate) fn section(name: &str, text: &str) -> Result<()> {
    let begin = format!(
        "<!-- Written by `cargo xtask bench {name} --publish`; what follows is replaced. -->"
    );
    let end = format!("<!-- End of what is written by `cargo xtask bench {name} --publish`. -->");
    let page = workspace::root().join(PAGE);
    let before = std::fs::read_to_string(&page).map_err(|error| format!("{PAGE}: {error}"))?;
    let (Some((head, _)), Some((_, tail))) = (before.split_once(&begin), before.split_once(&end))
    else {
        return Err(format!("{PAGE} has no marks for `bench {name}`"));
    };
    let text = without_places(text);
    let text = text.trim_end();
    write(PAGE, &format!("{head}{begin}\n\n{text}\n\n{end}{tail}"))
}

/// Messages of engines may name folders of this machine; the page and the results do not.
fn without_places(text: &str) -> String {
    let root = workspace::root().display().to_string();
    let target = workspace::target().display().to_string();
    text.replace(&target, "target")
        .replace(&format!("{root}/"), "")
        .replace(&root, ".")
}

fn write(name: &str, text: &str) -> Result<()> {
    let path = workspace::root().join(name);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| format!("{name}: {error}"))?;
    }
    std::fs::write(&path, text).map_err(|error| format!("{name}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_a_value_that_was_measured() {
        assert_eq!(median(&[9, 1, 5]), 5);
        assert_eq!(median(&[4, 1, 3, 2]), 2);
        assert_eq!(median(&[]), 0);
    }

    #[test]
    fn short_times_are_told_in_milliseconds() {
        assert_eq!(seconds(94_040_000), "94.0 ms");
        assert_eq!(seconds(1_234_000_000), "1.23 s");
    }
}
