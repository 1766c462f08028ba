//! The table, and what it does not say by itself.

use std::fmt;
use std::time::Duration;

use crate::load::{Operation, Sample};
use crate::taps::Taps;
use crate::{CONNECTIONS, Plan, process};

/// One of the servers that are compared, and what was measured of it.
pub(crate) struct Contender {
    name: &'static str,
    samples: Vec<(Operation, Sample)>,
    /// From the start of the process to its first answer, with nothing there before.
    first_start: Duration,
    /// The same with the database of the run.
    pub second_start: Option<Duration>,
    /// Resident memory after the load, in KiB; of all its processes together.
    pub memory: Option<u64>,
}

impl Contender {
    /// One of which nothing is known but how long it took to start.
    pub(crate) fn new(name: &'static str, first_start: Duration) -> Self {
        let samples = Operation::ALL.into_iter().map(|operation| (operation, Sample::default())).collect();
        Self { name, samples, first_start, second_start: None, memory: None }
    }

    pub(crate) fn add(&mut self, operation: Operation, sample: Sample) {
        if let Some((_operation, known)) = self.samples.iter_mut().find(|(known, _samples)| *known == operation) {
            known.lasted += sample.lasted;
            known.took.extend(sample.took);
        }
    }

    fn sample(&self, operation: Operation) -> Option<&Sample> {
        self.samples.iter().find(|(known, _sample)| *known == operation).map(|(_operation, sample)| sample)
    }
}

/// Everything that was measured in one run.
pub(crate) struct Report {
    pub plan: Plan,
    /// Side by side; the ratio is the first one's over the last one's.
    pub contenders: Vec<Contender>,
    pub taps: Option<Taps>,
    /// What a reader must know to compare them.
    pub differences: &'static str,
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
    let (median, slow) = (millis(percentile(&sample.took, 500)), millis(percentile(&sample.took, 990)));
    format!("{:>10.0} {median:>9} {slow:>9}", per_second(sample))
}

fn shown<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), show)
}

impl Report {
    /// A row with one figure per contender; none where nobody has one.
    fn row(&self, f: &mut fmt::Formatter<'_>, name: &str, figure: impl Fn(&Contender) -> Option<String>) -> fmt::Result {
        let figures: Vec<Option<String>> = self.contenders.iter().map(figure).collect();
        if figures.iter().all(Option::is_none) {
            return Ok(());
        }
        write!(f, "{name:<18}")?;
        for figure in figures {
            write!(f, "{:>30}  ", shown(figure, |figure| figure))?;
        }
        writeln!(f)
    }

    fn operations(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for operation in Operation::ALL {
            write!(f, "{:<18}", operation.name())?;
            let samples: Vec<&Sample> = self.contenders.iter().filter_map(|known| known.sample(operation)).collect();
            for sample in &samples {
                write!(f, "{}  ", columns(sample))?;
            }
            match samples.as_slice() {
                [first, .., last] => writeln!(f, "{:>6.2}x", per_second(first) / per_second(last))?,
                _alone => writeln!(f)?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cores = match process::is_pinned() {
            true => "servers on core 0, driver on core 1",
            false => "not pinned: servers and driver share the cores",
        };
        let (rounds, turn) = (self.plan.rounds, self.plan.turn.as_secs_f64());
        writeln!(
            f,
            "\n{CONNECTIONS} connections, one request at a time on each; {rounds} turns of {turn} s per row, alternating; {cores}\n"
        )?;
        self.row(f, "", |known| Some(known.name.to_owned()))?;
        let head = format!("{:>10} {:>9} {:>9}", "req/s", "p50 ms", "p99 ms");
        self.row(f, "", |_known| Some(head.clone()))?;
        self.operations(f)?;
        self.row(f, "memory", |known| known.memory.map(|kib| format!("{} MB", kib / 1024)))?;
        self.row(f, "first start", |known| Some(format!("{} ms", millis(known.first_start))))?;
        self.row(f, "second start", |known| known.second_start.map(|took| format!("{} ms", millis(took))))?;
        if let Some(taps) = &self.taps {
            let (median, slow) = (millis(percentile(&taps.took, 500)), millis(percentile(&taps.took, 950)));
            let logins = u32::try_from(taps.took.len().max(1)).unwrap_or(u32::MAX);
            let calls = f64::from(u32::try_from(taps.upstream_calls).unwrap_or(u32::MAX)) / f64::from(logins);
            writeln!(
                f,
                "\nTap to redirect: p50 {median} ms, p95 {slow} ms over {logins} logins on 4 phones; {calls:.1} calls to the phone services per login."
            )?;
        }
        write!(f, "\n{}", self.differences)
    }
}
