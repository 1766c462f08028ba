//! `signbridge simulate`: the phone services and the virtual phone alone, for a provider in another process.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::json;
use signbridge_simulator::{Options, Simulator};

use super::{DemoError, Format, announce};

/// What `simulate` is asked for.
#[derive(Clone, Debug)]
pub struct SimulateOptions {
    /// Where to listen on 127.0.0.1; 0 picks a free port.
    pub port: u16,
    /// Another address for the phone, so that a real one can reach it.
    pub listen: Option<SocketAddr>,
    /// How to announce.
    pub format: Format,
}

/// Plays the phone services until SIGTERM or SIGINT.
///
/// # Errors
/// When the port is taken.
pub async fn run(options: &SimulateOptions) -> Result<(), DemoError> {
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
    announce::print(announcement(&simulator, options.format), Duration::ZERO).await;
    told_to_stop.await;
    Ok(simulator.stop().await?)
}

fn announcement(simulator: &Simulator, format: Format) -> String {
    match format {
        Format::Json => {
            let line = json!({
                "upstream_url": simulator.upstream_url,
                "phone_url": simulator.phone_url,
                "app_id": simulator.options.app_id,
                "secret": simulator.options.secret,
                "secsign_ids": simulator.options.secsign_ids,
                "thumbsignin_users": simulator.options.thumbsignin_users,
            });
            format!("{line}\n")
        }
        Format::Human => format!(
            "The phone services SecSign ID and ThumbSignIn are simulated at {upstream}.\n\n\
             Virtual phone: {phone}/phone, with {people} on it.\n\n\
             Configuration of a provider on this machine:\n\n\
             allow_loopback_upstream = true\n\n\
             [secsign]\nurl = \"{upstream}\"\n\n\
             [thumbsignin]\nurl = \"{upstream}\"\napp_id = \"{app_id}\"\nsecret = \"{secret}\"\n\n\
             Ctrl-C ends it.\n",
            upstream = simulator.upstream_url,
            phone = simulator.phone_url,
            people = simulator.options.secsign_ids.join(" and "),
            app_id = simulator.options.app_id,
            secret = simulator.options.secret,
        ),
    }
}
