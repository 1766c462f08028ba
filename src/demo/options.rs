//! What `demo` is asked for, and why it may not run.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use super::http::HttpError;
use super::{relying_party, self_test};
use crate::app;
use crate::domain::random::RandomError;
use crate::store::StoreError;

/// The port of the provider where nothing else is said.
pub const DEFAULT_PORT: u16 = 8080;

/// Which limits on asking phones hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limits {
    /// None: a person who tries things out taps often.
    #[default]
    Off,
    /// Those of production.
    Production,
}

impl Limits {
    /// The value of `limits.profile`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Production => "production",
        }
    }
}

/// How a command speaks on standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Human,
    /// One line of JSON.
    Json,
}

/// What `demo` is asked for.
#[derive(Clone, Debug, Default)]
pub struct DemoOptions {
    /// The provider's port; the others follow it. 0 picks free ones. `None`: those of an earlier start in the same directory,
    /// else [`DEFAULT_PORT`].
    pub port: Option<u16>,
    /// Where to keep everything; without it, a directory that is removed at the end.
    pub data_dir: Option<PathBuf>,
    /// Another address for the phone, so that a real one can reach it.
    pub listen: Option<SocketAddr>,
    /// Where provider, app and phone listen instead of loopback, their URLs being the same: for a container, whose published
    /// ports lead to its own address. The management listener and the phone services stay on loopback.
    pub bind: Option<IpAddr>,
    /// Limits on asking phones.
    pub limits: Limits,
    /// Sign in once through each phone service, say what came of it, and end.
    pub self_test: bool,
    /// How to announce.
    pub format: Format,
}

/// Why a demonstration does not run.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A file or a listener.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A port is taken.
    #[error("cannot listen at {at}: {source} (choose another first port with --port N, or free ones with --port 0)")]
    Listen {
        /// Where.
        at: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Beyond 65535.
    #[error("there are no four ports from {0} on")]
    NoSuchPorts(u16),
    /// The directory belongs to another port.
    #[error("{dir} was made for port {kept}, which stands in its issuer; --port {asked} needs another directory")]
    OtherPort {
        /// What was asked for.
        asked: u16,
        /// What the directory has.
        kept: u16,
        /// The directory.
        dir: PathBuf,
    },
    /// What an earlier start kept cannot be read.
    #[error("{0} cannot be read: {1}")]
    Kept(PathBuf, serde_json::Error),
    /// A value cannot be written as JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The configuration cannot be written as TOML.
    #[error("the configuration cannot be written: {0}")]
    Config(toml::ser::Error),
    /// The configuration that was written is refused.
    #[error(transparent)]
    Refused(#[from] crate::config::ConfigError),
    /// The random number generator.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The phone services.
    #[error(transparent)]
    Simulator(#[from] signbridge_simulator::Error),
    /// The provider.
    #[error("the provider does not start: {0}")]
    Provider(#[from] app::StartError),
    /// The provider's database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A declared person is missing.
    #[error("{0} is missing in the database")]
    MissingPerson(&'static str),
    /// The example app.
    #[error(transparent)]
    App(#[from] relying_party::StartError),
    /// The HTTP client.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A listener that was bound does not answer.
    #[error("{0} does not answer")]
    Silent(String),
    /// The self-test.
    #[error("the self-test failed: {0}")]
    SelfTest(#[from] self_test::SelfTestError),
}
