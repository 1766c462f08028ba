//! `cargo bench --bench provider [-- --smoke]`: the provider beside another one, npm `oidc-provider`, in one run.
//!
//! Both servers run on core 0 and the driver on core 1; they are measured in turns, so that a busy machine slows both. Only
//! loopback is used and the run ends by itself: after about 3 minutes, with `--smoke` after about 20 seconds. [`target`]
//! starts the servers, [`load`] asks them, [`taps`] times logins on the virtual phone, [`report`] prints the table.

mod load;
mod process;
mod report;
mod taps;
mod target;
mod wire;

use std::error::Error;
use std::io::Write as _;
use std::process::{Command, ExitCode};
use std::time::Duration;

use load::{Operation, Sample};
use report::Report;
use target::Target;

/// Any reason not to go on; the text says which.
type Outcome<T> = Result<T, Box<dyn Error>>;

/// How much is measured.
#[derive(Clone, Copy)]
struct Plan {
    /// Turns per operation and server.
    rounds: usize,
    /// How long one turn lasts.
    turn: Duration,
    /// Logins per phone; four phones are used at a time.
    logins_per_phone: usize,
}

const FULL: Plan = Plan { rounds: 3, turn: Duration::from_secs(5), logins_per_phone: 15 };
const SMOKE: Plan = Plan { rounds: 1, turn: Duration::from_millis(500), logins_per_phone: 2 };

/// Requests that are open at the same time.
const CONNECTIONS: usize = 8;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let asked = |name: &str| arguments.iter().any(|argument| argument == name);
    let plan = if asked("--smoke") { SMOKE } else { FULL };
    let outcome = if asked("--pinned") || !process::can_pin() { bench(plan) } else { pinned(&arguments) };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("the benchmark failed: {error}\n"));
            ExitCode::FAILURE
        }
    }
}

/// Runs this program once more, on the driver's core.
fn pinned(arguments: &[String]) -> Outcome<()> {
    let program = std::env::current_exe()?;
    let driver = format!("{}", process::DRIVER_CORE);
    let status = Command::new("taskset").args(["-c", &driver]).arg(program).arg("--pinned").args(arguments).status()?;
    if status.success() { Ok(()) } else { Err("see above".into()) }
}

fn bench(plan: Plan) -> Outcome<()> {
    // One thread: the driver has one core.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(measure(plan))?;
    say(&report.to_string());
    Ok(())
}

async fn measure(plan: Plan) -> Outcome<Report> {
    let mut report = Report::new(plan);
    let (demo, mut ours) = target::start_ours(&mut report).await?;
    let peer = target::start_peer(&ours.redirect_uri, &mut report).await?;
    ours.sign_in_at(&demo).await?;
    let mut peer = match peer {
        Some(mut peer) => {
            peer.sign_in_alone().await?;
            Some(peer)
        }
        None => None,
    };
    for operation in Operation::ALL {
        for _round in 0..plan.rounds {
            report.add(operation, 0, turn(&mut ours, operation, plan).await?);
            if let Some(peer) = peer.as_mut() {
                report.add(operation, 1, turn(peer, operation, plan).await?);
            }
        }
    }
    report.memory = [Some(ours.process.resident_kib()?), peer.as_ref().map(|peer| peer.process.resident_kib()).transpose()?];
    report.taps = Some(taps::measure(&demo, &ours, plan).await?);
    target::restart_ours(demo, ours, &mut report).await?;
    Ok(report)
}

async fn turn(target: &mut Target, operation: Operation, plan: Plan) -> Outcome<Sample> {
    load::run(target, operation, plan.turn)
        .await
        .map_err(|error| format!("{}, {}: {error}", target.name, operation.name()).into())
}

/// Standard output is what a benchmark is for.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    // Whoever closed it does not want to know.
    let _closed = out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err();
}
