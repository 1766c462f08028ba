//! `cargo bench --bench provider [-- --nodes | --disk] [--smoke]`: servers side by side in one run, measured in turns, so that
//! a busy machine slows them alike. Only loopback is used and the run ends by itself: after some minutes, with `--smoke`
//! after about 20 seconds.
//!
//! - Alone: this provider beside another one, npm `oidc-provider`; then logins on the virtual phone. The servers run on core
//!   0 and the driver on core 1. `OLDER_BINARY` names the program of an older tree, which is measured beside them.
//! - `--nodes`: SQLite, PostgreSQL with one node, PostgreSQL with two. `SIGNBRIDGE_TEST_POSTGRES` names a server where
//!   databases can be made.
//! - `--disk`: SQLite with 2 ms added to every fsync; the gathering writer beside one commit per request.
//!
//! [`target`] is a server under load, [`demo`], [`peer`] and [`served`] start them, [`load`] asks them, [`taps`] times logins,
//! [`report`] prints the table.

mod demo;
mod load;
mod peer;
mod process;
mod report;
mod served;
mod taps;
mod target;
mod wire;

use std::error::Error;
use std::io::Write as _;
use std::process::{Command, ExitCode};
use std::time::Duration;

use load::Operation;
use report::{Contender, Report};
use target::Target;

/// Any reason not to go on; the text says which.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[derive(Clone, Copy)]
pub(crate) struct Plan {
    rounds: usize,
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
    let outcome = if asked("--nodes") {
        // Several processes and a database share the cores: nothing is gained by tying some of them to one.
        bench(served::compare_engines(plan))
    } else if asked("--disk") {
        bench(served::compare_writers(plan))
    } else if asked("--pinned") || !process::can_pin() {
        bench(compare_providers(plan))
    } else {
        pinned(&arguments)
    };
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

fn bench(comparison: impl Future<Output = Outcome<Report>>) -> Outcome<()> {
    // One thread: the driver has one core.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    say(&runtime.block_on(comparison)?.to_string());
    Ok(())
}

/// What differs between the two providers, so that nobody reads more into the numbers than they say.
const PROVIDERS_DIFFER: &str = "\
What differs
  signbridge     writes every code, token and session to SQLite and answers after fsync; the directory is kept and read again.
                 Its process also holds the simulated phone services and the example app, idle during the load.
  oidc-provider  keeps everything in memory and loses it at the end; it asks nobody and signs in by a redirect.
  Both           one client, RS256 with 2048 bits, PKCE S256, opaque access tokens, client_secret_basic, the claims of the
                 scopes in the ID token, a refresh token that stays the same; one signed-in browser session.
";

#[expect(clippy::disallowed_methods, reason = "a setting of this benchmark, not of the product")]
fn older_binary() -> Option<String> {
    std::env::var("OLDER_BINARY").ok()
}

/// This provider beside another one, and logins on the phone.
async fn compare_providers(plan: Plan) -> Outcome<Report> {
    let (demo, mut ours) = demo::start("signbridge", demo::OURS).await?;
    let mut contenders = vec![Contender::new("signbridge", ours.started_in()?)];
    let peer = peer::start(&ours.redirect_uri).await?;
    ours.sign_in_with_phone(&demo.upstream_url).await?;
    let mut targets = vec![ours];
    let mut older = None;
    if let Some(program) = older_binary() {
        let (demo, mut target) = demo::start("older", &program).await?;
        contenders.push(Contender::new("older", target.started_in()?));
        target.sign_in_with_phone(&demo.upstream_url).await?;
        targets.push(target);
        older = Some(demo);
    }
    if let Some(mut peer) = peer {
        contenders.push(Contender::new("oidc-provider", peer.started_in()?));
        peer.sign_in_alone().await?;
        targets.push(peer);
    }
    measure_in_turns(&mut targets, &mut contenders, plan).await?;
    let mut targets = targets.into_iter();
    let ours = targets.next().ok_or("nothing was measured")?;
    if let (Some(demo), Some(target)) = (older, targets.next()) {
        demo::restart(demo, target).await?;
    }
    let taps = Some(taps::measure(&demo.upstream_url, &ours, plan).await?);
    if let Some(contender) = contenders.first_mut() {
        contender.second_start = Some(demo::restart(demo, ours).await?);
    }
    Ok(Report { plan, contenders, taps, differences: PROVIDERS_DIFFER })
}

/// Measures every operation at each target in turn, and what memory they take afterwards.
async fn measure_in_turns(targets: &mut [Target], contenders: &mut [Contender], plan: Plan) -> Outcome<()> {
    for operation in Operation::ALL {
        for _round in 0..plan.rounds {
            for (target, contender) in targets.iter_mut().zip(contenders.iter_mut()) {
                let sample = load::run(target, operation, plan.turn).await;
                let sample = sample.map_err(|error| format!("{}, {}: {error}", target.name, operation.name()))?;
                contender.add(operation, sample);
            }
        }
    }
    for (target, contender) in targets.iter().zip(contenders) {
        contender.memory = Some(target.resident_kib()?);
    }
    Ok(())
}

/// Standard output is what a benchmark is for.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    // Whoever closed it does not want to know.
    let _closed = out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err();
}
