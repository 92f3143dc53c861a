//! A rig in a process of its own, for tests of what a process has.

use std::env;
use std::io::{self, BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use crate::rig::{IDENTITY, Mode, Rig, ample, identity};

const ROLE: &str = "POSTROOM_NET_TEST_CHILD";
const MARK: &str = "listens on ";

/// The process of a rig; ends with this.
pub(crate) struct House {
    pub(crate) address: SocketAddr,
    child: Child,
}

impl House {
    /// Starts this test program anew as a server that may open `files_max` files.
    pub(crate) fn start(role: &str, files_max: u32) -> Self {
        let mut child = Command::new("sh")
            .arg("-c")
            .arg(format!("ulimit -n {files_max} && exec \"$0\" \"$@\""))
            .arg(env::current_exe().unwrap())
            .args([
                "--exact",
                "child::serves",
                "--nocapture",
                "--test-threads=1",
            ])
            .env(ROLE, role)
            .env(IDENTITY, identity())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines
            .find_map(|line| {
                let line = line.unwrap();
                let (_, address) = line.split_once(MARK)?;
                Some(address.parse().unwrap())
            })
            .unwrap();
        Self { address, child }
    }

    /// Processor time spent, in clock ticks (proc(5): utime and stime).
    pub(crate) fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let (_, fields) = stat.rsplit_once(')').unwrap();
        let fields: Vec<&str> = fields.split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    /// Memory that is this process's own, in KiB (proc(5): Pss).
    pub(crate) fn memory_kib(&self) -> u64 {
        let rollup = format!("/proc/{}/smaps_rollup", self.child.id());
        let rollup = std::fs::read_to_string(rollup).unwrap();
        let pss = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
        let words: Vec<&str> = pss.unwrap().split_whitespace().collect();
        words[0].parse().unwrap()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Not a test of its own: the server of [`House`], when started as one.
#[test]
fn serves() {
    let mode = match env::var(ROLE).as_deref() {
        Ok("clear") => Mode::Clear,
        Ok("tls") => Mode::Implicit(&[]),
        _ => return,
    };
    let rig = Rig::start(mode, ample());
    println!("{MARK}{}", rig.address);
    // Until the test that started it is over.
    let _ = io::stdin().read(&mut [0]);
}
