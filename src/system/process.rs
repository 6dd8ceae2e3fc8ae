//! What the kernel tells of this process (Linux, proc(5)). Elsewhere there is nothing to tell.

use std::fs;

use crate::metrics::{Family, Text};

/// The unit of processor times in `/proc`: 100 to the second on every architecture that is served, whatever the
/// kernel's own.
const TICKS: f64 = 100.0;

pub(super) fn tell(text: &mut Text) {
    let read = |name: &str| fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
    if let Some(seconds) = cpu_seconds(&read("stat")) {
        text.sample(Family::ProcessCpu, &[], seconds);
    }
    let status = read("status");
    for (family, name) in [(Family::ProcessResident, "VmRSS:"), (Family::ProcessVirtual, "VmSize:")] {
        if let Some(kib) = first_number(&status, name) {
            text.sample(family, &[], kib.saturating_mul(1_024));
        }
    }
    if let Ok(entries) = fs::read_dir("/proc/self/fd") {
        // One of them reads the folder.
        text.sample(Family::ProcessFds, &[], entries.count().saturating_sub(1));
    }
    if let Some(most) = first_number(&read("limits"), "Max open files") {
        text.sample(Family::ProcessMaxFds, &[], most);
    }
}

/// The 14th and 15th field. The second is the program's name in parentheses, and may hold anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<f64>().ok();
    Some((next()? + next()?) / TICKS)
}

/// The number that follows a name at the beginning of a line.
fn first_number(page: &str, name: &str) -> Option<u64> {
    page.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_pages_are_read() {
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 1234 66 0 0 20 0 3 0 99";
        assert_eq!(cpu_seconds(stat), Some(13.0));
        assert_eq!(cpu_seconds(""), None);
        assert_eq!(first_number("Name:\tx\nVmRSS:\t  2048 kB\n", "VmRSS:"), Some(2_048));
        assert_eq!(first_number("Max open files            1024   4096   files\n", "Max open files"), Some(1_024));
        assert_eq!(first_number("Max open files            unlimited", "Max open files"), None);
    }
}
