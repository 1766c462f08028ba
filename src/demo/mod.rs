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

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use signbridge_simulator::{Logo, PinAccount, Version};

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
    /// Bind to this address instead of 127.0.0.1 (URLs stay the same); for containers
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
    /// The version of the SecSign server: before 10.7.5 its REST API does not tell it, and lists phones in place of counting
    /// them [default: 10.7.5]
    #[arg(long, value_name = "X.Y.Z", value_parser = version)]
    pub secsign_version: Option<Version>,
    /// Answer SecSign's ReqReleaseAuthSession as servers did before February 2019
    #[arg(long)]
    pub legacy_release: bool,
    /// ThumbSignIn's application id, 32 hex digits in lower case: the same after a restart. Without it, a random one
    #[arg(long, value_name = "HEX", requires = "secret", value_parser = hex_digits::<32>)]
    pub app_id: Option<String>,
    /// The application's secret, 64 hex digits in lower case
    #[arg(long, value_name = "HEX", requires = "app_id", value_parser = hex_digits::<64>)]
    pub secret: Option<String>,
    /// What phones call the application
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub app_name: Option<String>,
    /// What the application is, in a sentence
    #[arg(long, value_name = "TEXT")]
    pub app_description: Option<String>,
    /// Its logo: a PNG or SVG image of at most 64 KiB
    #[arg(long, value_name = "FILE", value_parser = logo)]
    pub app_logo: Option<Logo>,
}

fn pin_account(text: &str) -> Result<PinAccount, &'static str> {
    let (user, password) = text.split_once(':').ok_or("write USER:PASSWORD")?;
    Ok(PinAccount(user.to_owned(), password.to_owned()))
}

fn version(text: &str) -> Result<Version, &'static str> {
    let numbers: Result<Vec<u32>, _> = text.split('.').map(str::parse).collect();
    match numbers.as_deref() {
        Ok(&[major, minor, patch]) => Ok(Version(major, minor, patch)),
        _ => Err("write X.Y.Z"),
    }
}

/// As the vendor writes ids and secrets (ThumbSignIn notes §1.1).
fn hex_digits<const LENGTH: usize>(text: &str) -> Result<String, String> {
    let is_hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_hex && text.len() == LENGTH { Ok(text.to_owned()) } else { Err(format!("write {LENGTH} hex digits in lower case")) }
}

fn logo(path: &str) -> Result<Logo, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("it cannot be read: {error}"))?;
    Logo::new(&bytes).map_err(str::to_owned)
}
