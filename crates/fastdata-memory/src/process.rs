//! What the process uses, and may use, of the machine's memory.

use std::fs;

/// The most memory (bytes) that this process has had resident at one time.
///
/// `None` where the system does not tell. From `VmHWM`, not `getrusage`: the latter counts what
/// the parent had resident before `exec` too, and a small command started by a large Python
/// process would report Python's peak.
pub fn peak_rss_bytes() -> Option<u64> {
    status_bytes("VmHWM:")
}

/// The memory (bytes) that this process may use: the machine's, or the control group's limit where
/// that is lower. `None` where the system does not tell.
pub fn memory_limit_bytes() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| kib(&text, "MemTotal:"));
    let group = [
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    ]
    .iter()
    .filter_map(|path| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok())
    .min();
    match (machine, group) {
        (Some(machine), Some(group)) => Some(machine.min(group)),
        (machine, group) => machine.or(group),
    }
}

fn status_bytes(field: &str) -> Option<u64> {
    kib(&fs::read_to_string("/proc/self/status").ok()?, field)
}

/// The value of a `Name:   123 kB` line, in bytes.
fn kib(text: &str, field: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    let number = line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?;
    number.checked_mul(1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_in_bytes() {
        let text = "VmPeak:\t   99 kB\nVmHWM:\t   12 kB\n";
        assert_eq!(kib(text, "VmHWM:"), Some(12 * 1024));
        assert_eq!(kib(text, "VmRSS:"), None);
        assert_eq!(kib("VmHWM:\t x kB\n", "VmHWM:"), None);
    }

    #[test]
    fn the_peak_grows_with_what_is_touched_and_stays_below_the_limit() {
        let before = peak_rss_bytes().unwrap();
        let touched = vec![1_u8; 64 << 20];
        let after = peak_rss_bytes().unwrap();
        assert_eq!(
            touched.iter().map(|&byte| u64::from(byte)).sum::<u64>(),
            64 << 20
        );
        assert!(after >= before.max(64 << 20), "{before} {after}");
        assert!(after <= memory_limit_bytes().unwrap());
    }
}
