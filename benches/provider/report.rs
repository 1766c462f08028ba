//! The table, and what it does not say by itself.

use std::fmt;
use std::time::Duration;

use crate::load::{Operation, Sample};
use crate::taps::Taps;
use crate::{CONNECTIONS, Plan, process};

/// What differs between the two, so that nobody reads more into the numbers than they say.
const DIFFERENCES: &str = "\
What differs
  signbridge     writes every code, token and session to SQLite and answers after fsync; the directory is kept and read again.
                 Its process also holds the simulated phone services and the example app, idle during the load.
  oidc-provider  keeps everything in memory and loses it at the end; it asks nobody and signs in by a redirect.
  Both           one client, RS256 with 2048 bits, PKCE S256, opaque access tokens, client_secret_basic, the claims of the
                 scopes in the ID token, a refresh token that stays the same; one signed-in browser session.
";

/// Everything that was measured. Pairs are (ours, the peer's).
pub struct Report {
    plan: Plan,
    samples: Vec<(Operation, [Sample; 2])>,
    /// From the start of the process to its first answer, with nothing there before.
    pub first_start: [Option<Duration>; 2],
    /// The same for ours with the database of the run.
    pub second_start: Option<Duration>,
    /// Resident memory after the load, in KiB.
    pub memory: [Option<u64>; 2],
    /// Logins.
    pub taps: Option<Taps>,
}

impl Report {
    /// An empty report.
    pub fn new(plan: Plan) -> Self {
        let samples = Operation::ALL.into_iter().map(|operation| (operation, <[Sample; 2]>::default())).collect();
        Self { plan, samples, first_start: [None; 2], second_start: None, memory: [None; 2], taps: None }
    }

    /// Adds a turn of ours (0) or the peer (1).
    pub fn add(&mut self, operation: Operation, who: usize, sample: Sample) {
        let row = self.samples.iter_mut().find(|(known, _samples)| *known == operation);
        if let Some(known) = row.and_then(|(_operation, samples)| samples.get_mut(who)) {
            known.lasted += sample.lasted;
            known.took.extend(sample.took);
        }
    }
}

/// The value below which `per_mille` of the durations lie (nearest rank); zero when there are none.
fn percentile(took: &[Duration], per_mille: usize) -> Duration {
    let mut sorted = took.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * per_mille).div_ceil(1000).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

fn millis(duration: Duration) -> String {
    format!("{:.2}", duration.as_secs_f64() * 1000.0)
}

fn per_second(sample: &Sample) -> f64 {
    let seconds = sample.lasted.as_secs_f64();
    // A count of requests is far below 2^32.
    if seconds > 0.0 { f64::from(u32::try_from(sample.took.len()).unwrap_or(u32::MAX)) / seconds } else { 0.0 }
}

fn columns(sample: &Sample) -> String {
    if sample.took.is_empty() {
        return format!("{:>10} {:>9} {:>9}", "-", "-", "-");
    }
    let (median, slow) = (millis(percentile(&sample.took, 500)), millis(percentile(&sample.took, 990)));
    format!("{:>10.0} {median:>9} {slow:>9}", per_second(sample))
}

fn shown<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), show)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cores = match process::is_pinned() {
            true => "servers on core 0, driver on core 1",
            false => "NOT pinned: one core, or no taskset",
        };
        let (rounds, turn) = (self.plan.rounds, self.plan.turn.as_secs_f64());
        writeln!(
            f,
            "\n{CONNECTIONS} connections, one request at a time on each; {rounds} turns of {turn} s per row, alternating; {cores}\n"
        )?;
        writeln!(f, "{:<18}{:>30}  {:>30}{:>8}", "", "signbridge", "oidc-provider", "ratio")?;
        let head = format!("{:>10} {:>9} {:>9}", "req/s", "p50 ms", "p99 ms");
        writeln!(f, "{:<18}{head}  {head}", "")?;
        for (operation, [ours, peer]) in &self.samples {
            let ratio =
                if peer.took.is_empty() { "-".to_owned() } else { format!("{:.1}x", per_second(ours) / per_second(peer)) };
            writeln!(f, "{:<18}{}  {}{ratio:>8}", operation.name(), columns(ours), columns(peer))?;
        }
        let [ours, peer] = self.memory.map(|kib| shown(kib, |kib| format!("{} MB", kib / 1024)));
        writeln!(f, "{:<18}{ours:>30}  {peer:>30}", "memory")?;
        let [ours, peer] = self.first_start.map(|took| shown(took, |took| format!("{} ms", millis(took))));
        writeln!(f, "{:<18}{ours:>30}  {peer:>30}", "first start")?;
        let again = shown(self.second_start, |took| format!("{} ms", millis(took)));
        writeln!(f, "{:<18}{again:>30}  {:>30}", "second start", "-")?;
        if let Some(taps) = &self.taps {
            let (median, slow) = (millis(percentile(&taps.took, 500)), millis(percentile(&taps.took, 950)));
            let logins = u32::try_from(taps.took.len().max(1)).unwrap_or(u32::MAX);
            let calls = f64::from(u32::try_from(taps.upstream_calls).unwrap_or(u32::MAX)) / f64::from(logins);
            writeln!(
                f,
                "\nTap to redirect: p50 {median} ms, p95 {slow} ms over {logins} logins on 4 phones; {calls:.1} calls to the phone services per login."
            )?;
        }
        write!(f, "\n{DIFFERENCES}")
    }
}
