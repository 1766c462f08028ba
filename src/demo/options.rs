//! What `demo` is asked for, and why it may not run.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::self_test;
use crate::app;
use crate::domain::random::RandomError;
use crate::store::StoreError;

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

#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("cannot listen at {at}: {source} (choose another first port with --port N, or free ones with --port 0)")]
    Listen { at: SocketAddr, source: std::io::Error },
    #[error("there are no four ports from {0} on")]
    NoSuchPorts(u16),
    #[error("{dir} was made for port {kept}, which stands in its issuer; --port {asked} needs another directory")]
    OtherPort { asked: u16, kept: u16, dir: PathBuf },
    #[error("{0} cannot be read: {1}")]
    Kept(PathBuf, serde_json::Error),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error("the configuration cannot be written: {0}")]
    Config(#[from] toml::ser::Error),
    #[error(transparent)]
    Refused(#[from] crate::config::ConfigError),
    #[error(transparent)]
    Random(#[from] RandomError),
    #[error(transparent)]
    Simulator(#[from] signbridge_simulator::Error),
    #[error("the provider does not start: {0}")]
    Provider(#[from] app::StartError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0} is missing in the database")]
    MissingUser(&'static str),
    #[error("a template of the demonstration is broken: {0}")]
    Template(#[from] minijinja::Error),
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    #[error("{0} does not answer")]
    Silent(String),
    #[error("the self-test failed: {0}")]
    SelfTest(#[from] self_test::SelfTestError),
}
