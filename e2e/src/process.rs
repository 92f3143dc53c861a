//! What the kernel says of a process, and its limits.

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};

/// Clock ticks in a second, as /proc counts (`getconf CLK_TCK`): 100 on every Linux.
const TICKS: u64 = 100;

/// Resident memory of a process, in octets.
///
/// # Panics
/// When the process is gone.
pub fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a running process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.trim().parse::<u64>().ok())
        .expect("VmRSS in kB")
        * 1024
}

/// Processor time that a process has used.
///
/// # Panics
/// When the process is gone.
pub fn cpu(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a running process");
    // The name, in parentheses, may hold anything; fields 14 and 15 are utime and stime.
    let fields = stat.rsplit_once(") ").expect("a name in parentheses").1;
    let ticks: u64 = fields
        .split(' ')
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().expect("ticks"))
        .sum();
    Duration::from_millis(ticks * 1000 / TICKS)
}

/// Open descriptors of a process.
///
/// # Panics
/// When the process is gone.
pub fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd"))
        .expect("a running process")
        .count()
}

/// Sends a signal; nothing happens when the process is gone.
pub fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// Raises the number of descriptors this test may hold to `wanted`; `false` when it may not.
pub fn raise_descriptors(wanted: u64) -> bool {
    let now = getrlimit(Resource::Nofile);
    if now.current.is_none_or(|current| current >= wanted) {
        return true;
    }
    let raised = Rlimit {
        current: Some(wanted),
        maximum: now.maximum,
    };
    now.maximum.is_none_or(|maximum| maximum >= wanted)
        && setrlimit(Resource::Nofile, raised).is_ok()
}
