//! What the numbers were measured on, without saying whose machine it is.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

/// The machine as it bears on the numbers.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) memory_bytes: u64,
    pub(crate) kernel: String,
    /// Programs that wanted to run in the last minute before the run began: above zero, the machine
    /// was not ours alone.
    pub(crate) load_before: f64,
}

impl Machine {
    /// This machine, now.
    pub(crate) fn look() -> Self {
        let cpu_info = read("/proc/cpuinfo");
        let mem_info = read("/proc/meminfo");
        let load = read("/proc/loadavg");
        let memory_kib = field(&mem_info, "MemTotal")
            .trim_end_matches(" kB")
            .parse::<u64>();
        let family = format!(
            "{}-{}",
            field(&cpu_info, "cpu family"),
            field(&cpu_info, "model")
        );
        Self {
            cpu: format!("{} (family-model {family})", field(&cpu_info, "model name")),
            cores: cores(),
            memory_bytes: memory_kib.unwrap_or(0) * 1024,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load_before: load
                .split(' ')
                .next()
                .and_then(|load| load.parse().ok())
                .unwrap_or(0.0),
        }
    }

    /// When and on what, as the page tells it.
    pub(crate) fn told(&self) -> String {
        format!(
            "Measured on {}: {}, {} cores, {} GiB, Linux {}; load {} when it began",
            today(),
            self.cpu,
            self.cores,
            self.memory_bytes >> 30,
            self.kernel,
            self.load_before,
        )
    }

    /// The processor's name as part of a file name.
    pub(crate) fn slug(&self) -> String {
        let words = self.cpu.split(|char: char| !char.is_ascii_alphanumeric());
        let words: Vec<_> = words
            .filter(|word| !word.is_empty() && *word != "family")
            .collect();
        format!(
            "{}-{}-cores",
            words.join("-").to_ascii_lowercase(),
            self.cores
        )
    }
}

/// Threads that every engine is given.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let values = text.lines().filter_map(|line| line.split_once(':'));
    let mut values = values.filter(|(key, _)| key.trim() == name);
    values.next().map_or("unknown", |(_, value)| value.trim())
}

/// Today in UTC, as `2026-11-21`.
pub(crate) fn today() -> String {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    date_of_day(since_epoch.as_secs() / 86_400)
}

/// The date of a day counted from 1970-01-01: years are counted from March, so that the leap day
/// is their last.
fn date_of_day(day: u64) -> String {
    const DAYS_BEFORE_1970: u64 = 719_468;
    const ERA_DAYS: u64 = 146_097;
    let day = day + DAYS_BEFORE_1970;
    let day_of_era = day % ERA_DAYS;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = day / ERA_DAYS * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day_of_month:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        assert_eq!(date_of_day(0), "1970-01-01");
        assert_eq!(date_of_day(11_016), "2000-02-29");
        assert_eq!(date_of_day(11_017), "2000-03-01");
        assert_eq!(date_of_day(20_778), "2026-11-21");
    }

    #[test]
    fn fields_are_found_by_their_whole_name() {
        assert_eq!(field("model name\t: EPYC\nmodel\t\t: 17\n", "model"), "17");
    }
}
