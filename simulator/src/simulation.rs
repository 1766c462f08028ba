//! Everything that the simulated services know, behind one lock.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::auto::Auto;
use crate::clock::Clock;
use crate::faults::Faults;
use crate::options::Options;
use crate::requests::RequestLog;
use crate::secsign::SecSign;
use crate::thumbsignin::ThumbSignIn;

/// What does not change while the simulator runs: options, and the origins of the upstreams and of the phone.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) options: Options,
    pub(crate) upstream_url: String,
    pub(crate) phone_url: String,
}

/// What changes: people, sessions, faults.
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) secsign: SecSign,
    pub(crate) thumbsignin: ThumbSignIn,
    pub(crate) faults: Faults,
    pub(crate) auto: Auto,
    pub(crate) log: RequestLog,
    /// Counts resets, so that what was under way before one leaves no trace after it.
    pub(crate) epoch: u64,
}

impl World {
    fn new(options: &Options) -> Self {
        Self {
            clock: Clock::default(),
            secsign: SecSign::new(options),
            thumbsignin: ThumbSignIn::new(options),
            faults: Faults::default(),
            auto: Auto::default(),
            log: RequestLog::default(),
            epoch: 0,
        }
    }

    /// Forgets sessions, transactions, freezes, faults, automatic answers and the clock's advance; people and the log stay.
    pub(crate) fn reset(&mut self) {
        self.clock = Clock::default();
        self.secsign.reset();
        self.thumbsignin.reset();
        self.faults = Faults::default();
        self.auto = Auto::default();
        self.epoch += 1;
    }
}

/// The simulator's state, shared by all requests.
pub(crate) struct Simulation {
    pub(crate) settings: Settings,
    world: Mutex<World>,
}

impl Simulation {
    pub(crate) fn new(settings: Settings) -> Self {
        let world = Mutex::new(World::new(&settings.options));
        Self { settings, world }
    }

    /// The changing part. Hold it briefly and never across an await.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
