//! Child processes: pinned to a core, watched, and gone when the benchmark is.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::Outcome;

/// The core of whichever server is measured.
const SERVER_CORE: usize = 0;
/// The core of this program.
pub(crate) const DRIVER_CORE: usize = 1;
/// How long a server may take to end when it is told to.
const ENDING: Duration = Duration::from_secs(10);

/// Whether servers and driver can have a core each.
pub(crate) fn can_pin() -> bool {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cores > 1 && Command::new("taskset").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

pub(crate) struct Server {
    child: Child,
    pub started: Instant,
}

impl Server {
    /// Starts a program on the servers' core and reads the line of JSON that it prints when it answers.
    pub(crate) fn start(program: &str, arguments: &[&str]) -> Outcome<(Self, Value)> {
        let mut server = Self::spawn(program, arguments, &[])?;
        let mut line = String::new();
        if let Some(output) = server.child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let announced =
            serde_json::from_str(&line).map_err(|_no_json| format!("{program} did not start; it said: {line:?}"))?;
        Ok((server, announced))
    }

    /// Starts a program on the servers' core, with these variables in its environment.
    pub(crate) fn spawn(program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Outcome<Self> {
        // The driver's own core is inherited; where nothing is pinned, all cores are.
        let mut command = match is_pinned() {
            true => {
                let mut command = Command::new("taskset");
                command.args(["-c", &SERVER_CORE.to_string(), program]);
                command
            }
            false => Command::new(program),
        };
        let command = command
            .args(arguments)
            .env("NODE_ENV", "production")
            .env_remove("SIGNBRIDGE_TEST_POSTGRES")
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let started = Instant::now();
        Ok(Self { child: command.envs(variables.iter().copied()).spawn()?, started })
    }

    /// Its resident memory, in KiB.
    pub(crate) fn resident_kib(&self) -> Outcome<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }

    pub(crate) fn is_running(&mut self) -> Outcome<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Ends it as an operator does, and waits.
    pub(crate) async fn stop(mut self) -> Outcome<()> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        let until = Instant::now() + ENDING;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > until {
                return Err("a server did not end within 10 s".into());
            }
            sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }
}

/// Whether this process was put on the driver's core: its children must then be moved away from it.
pub(crate) fn is_pinned() -> bool {
    std::env::args().any(|argument| argument == "--pinned")
}

impl Drop for Server {
    fn drop(&mut self) {
        // Whatever happened, nothing stays behind; one that ended is not hurt.
        let _ended = self.child.kill().and_then(|()| self.child.wait()).is_err();
    }
}
