//! What `demo` is asked for, and why it may not run.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::self_test;
use crate::app;
use crate::domain::random::RandomError;
use crate::store::StoreError;

/// The port of the provider where nothing else is said.
pub(crate) const DEFAULT_PORT: u16 = 8080;

/// Which limits on asking phones hold: none by default, because a person who tries things out taps often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Limits {
    /// None
    #[default]
    Off,
    /// Those of production
    Production,
}

/// What `demo` is asked for; the comments are its help.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct DemoOptions {
    /// The provider's port; phone services, example app and management take the three after it. 0 picks free ones
    /// [default: 8080, or those of --data-dir]
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// Keep everything in this directory, ports included
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Another address for the virtual phone alone, so that a real phone can reach it: 192.168.1.7:8090
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Let provider, app and phone listen here instead of at 127.0.0.1, under the same URLs: for a container
    #[arg(long, value_name = "ADDRESS", conflicts_with = "listen")]
    pub bind: Option<IpAddr>,
    /// Which limits on asking phones hold
    #[arg(long, value_enum, default_value_t)]
    pub limits: Limits,
    /// Sign in once through each phone service, print the ID tokens' claims as JSON and end
    #[arg(long)]
    pub self_test: bool,
}

/// Why a demonstration does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
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
    Config(#[from] toml::ser::Error),
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
    /// A declared user is missing.
    #[error("{0} is missing in the database")]
    MissingUser(&'static str),
    /// A template of the demonstration.
    #[error("a template of the demonstration is broken: {0}")]
    Template(#[from] minijinja::Error),
    /// The HTTP client.
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    /// A listener that was bound does not answer.
    #[error("{0} does not answer")]
    Silent(String),
    /// The self-test.
    #[error("the self-test failed: {0}")]
    SelfTest(#[from] self_test::SelfTestError),
}
