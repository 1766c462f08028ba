//! Everything that the simulated services know, behind one lock.

use std::sync::{Mutex, MutexGuard, PoisonError};

use minijinja::Environment;

use crate::auto::Auto;
use crate::call::RequestLog;
use crate::clock::Clock;
use crate::faults::Faults;
use crate::options::Options;
use crate::secsign::SecSign;
use crate::thumbsignin::ThumbSignIn;

#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) options: Options,
    /// Origins.
    pub(crate) upstream_url: String,
    pub(crate) phone_url: String,
}

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
    /// Forgets sessions, transactions, freezes, faults, automatic answers and the clock's advance; people, applications,
    /// accounts and the log stay.
    pub(crate) fn reset(&mut self) {
        self.clock = Clock::default();
        self.secsign.reset();
        self.thumbsignin.transactions.clear();
        self.faults = Faults::default();
        self.auto = Auto::default();
        self.epoch += 1;
    }
}

pub(crate) struct Simulation {
    pub(crate) settings: Settings,
    /// The templates of the phone's pages.
    pub(crate) pages: Environment<'static>,
    world: Mutex<World>,
}

impl Simulation {
    pub(crate) fn new(settings: Settings, pages: Environment<'static>) -> Self {
        let world = World {
            clock: Clock::default(),
            secsign: SecSign::new(&settings.options),
            thumbsignin: ThumbSignIn::new(&settings.options),
            faults: Faults::default(),
            auto: Auto::default(),
            log: RequestLog::default(),
            epoch: 0,
        };
        Self { settings, pages, world: Mutex::new(world) }
    }

    /// Hold it briefly and never across an await.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
