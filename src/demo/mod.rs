//! `signbridge demo` and `signbridge simulate`: everything on one machine, phone included, without a vendor account
//! (design 3, Commands). Nothing here is part of a production provider. [`walker`] and [`phone`] are the browser and the phone
//! of the self-test and of the benchmark.

mod data_dir;
mod http;
pub mod phone;
mod relying_party;
mod running;
pub mod self_test;
pub mod walker;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use signbridge_simulator::PinAccount;

pub(crate) use running::{run, simulate};

/// Why a demonstration, or a walk through it, did not work: one sentence for people. Nobody tells the reasons apart.
pub type DemoError = Box<dyn std::error::Error + Send + Sync>;

pub(crate) const DEFAULT_PORT: u16 = 8080;
/// The first port that neither `serve` nor `demo` takes: all three may run at once.
const SIMULATE_PORT: u16 = 8084;

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

/// What `simulate` is asked for; the comments are its help.
#[derive(Clone, Debug, Args)]
pub(crate) struct SimulateOptions {
    /// The port; 0 picks a free one
    #[arg(long, value_name = "PORT", default_value_t = SIMULATE_PORT)]
    pub port: u16,
    /// Another address for the virtual phone alone, so that a real phone can reach it
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// The account that SecSign's REST API demands, as a server of one's own does; without one it lets everybody in
    #[arg(long, value_name = "USER:PASSWORD", value_parser = pin_account)]
    pub pin_account: Option<PinAccount>,
}

fn pin_account(text: &str) -> Result<PinAccount, &'static str> {
    let (user, password) = text.split_once(':').ok_or("write USER:PASSWORD")?;
    Ok(PinAccount(user.to_owned(), password.to_owned()))
}
