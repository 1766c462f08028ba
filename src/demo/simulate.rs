//! `signbridge simulate`: the phone services and the virtual phone alone, for a provider in another process.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use clap::Args;
use minijinja::Environment;
use minijinja::value::Serde;
use serde_json::json;
use signbridge_simulator::Options;

use super::{DemoError, announce};

/// The first port that neither `serve` nor `demo` takes: all three may run at once.
const DEFAULT_PORT: u16 = 8084;

/// What `simulate` is asked for; the comments are its help.
#[derive(Clone, Debug, Args)]
pub(crate) struct SimulateOptions {
    /// The port; 0 picks a free one
    #[arg(long, value_name = "PORT", default_value_t = DEFAULT_PORT)]
    pub port: u16,
    /// Another address for the virtual phone alone, so that a real phone can reach it
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
}

/// Plays the phone services until SIGTERM or SIGINT.
pub(crate) async fn run(options: &SimulateOptions, as_json: bool) -> Result<(), DemoError> {
    let _heard_and_ignored = crate::app::hangups();
    // One future from beginning to end: a signal is never lost between two of them.
    let told_to_stop = crate::app::until_told_to_stop();
    tokio::pin!(told_to_stop);
    let starting = signbridge_simulator::start(Options {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, options.port)),
        phone_listen: options.listen,
        ..Options::default()
    });
    let simulator = tokio::select! {
        // Asked first, so that the signal is heard before anything starts.
        biased;
        () = &mut told_to_stop => return Ok(()),
        simulator = starting => simulator?,
    };
    let options = &simulator.options;
    let line = json!({
        "upstream_url": simulator.upstream_url,
        "phone_url": simulator.phone_url,
        "app_id": options.app_id,
        "secret": options.secret,
        "secsign_ids": options.secsign_ids,
        "thumbsignin_users": options.thumbsignin_users,
    });
    let page = include_str!("../../templates/demo/simulate.txt");
    let text = if as_json { format!("{line}\n") } else { Environment::new().render_str(page, Serde(&line))? };
    announce::print(text, Duration::ZERO).await;
    told_to_stop.await;
    Ok(simulator.stop().await?)
}
