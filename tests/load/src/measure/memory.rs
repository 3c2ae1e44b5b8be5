//! Memory of a process, in the unit that adds up over processes.

use crate::error::{Error, Result, doing};

/// Proportional set size of `pid` in KiB, from `/proc/PID/smaps_rollup`.
pub fn pss_kib(pid: u32) -> Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).map_err(doing("read Pss"))?;
    parse(&text).ok_or_else(|| Error::Setup("/proc/PID/smaps_rollup has no line Pss".into()))
}

fn parse(rollup: &str) -> Option<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn takes_the_line_of_the_whole() {
        let rollup = "5581d-7ffd2 ---p 00000000 00:00 0  [rollup]\nRss:     4528 kB\nPss:      1219 kB\nPss_Dirty: 512 kB\n";
        assert_eq!(parse(rollup), Some(1219));
        assert_eq!(parse("Rss: 4528 kB\n"), None);
    }

    #[test]
    fn this_process_has_some() {
        assert!(pss_kib(std::process::id()).unwrap() > 0);
    }
}
