//! `serve`, `demo` and `simulate`: what runs until it is told to stop.

#[cfg(feature = "demo")]
use std::net::{IpAddr, SocketAddr};
#[cfg(feature = "demo")]
use std::path::PathBuf;

#[cfg(feature = "demo")]
use clap::{Args, ValueEnum};

#[cfg(feature = "demo")]
use super::args::Format;
use super::{CliError, Context};
#[cfg(feature = "demo")]
use crate::config::LogFormat;
#[cfg(feature = "demo")]
use crate::demo;
use crate::telemetry::SERVER_FILTER;

/// Runs the provider.
pub(super) async fn serve(context: &Context) -> Result<(), CliError> {
    let config = context.config()?;
    context.log(config.log.format, SERVER_FILTER)?;
    crate::app::warn_of(&config);
    Ok(crate::app::serve(&config, || context.config()).await?)
}

#[cfg(feature = "demo")]
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// The provider's port; phone services, example app and management take the three after it. 0 picks free ones
    /// [default: 8080, or those of --data-dir]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Keep everything in this directory, ports included
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Another address for the virtual phone alone, so that a real phone can reach it: 192.168.1.7:8090
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Let provider, app and phone listen here instead of at 127.0.0.1, under the same URLs: for a container
    #[arg(long, value_name = "ADDRESS", conflicts_with = "listen")]
    bind: Option<IpAddr>,
    /// Which limits on asking phones hold
    #[arg(long, value_enum, default_value_t)]
    limits: DemoLimits,
    /// Sign in once through each phone service, print the ID tokens' claims as JSON and end
    #[arg(long)]
    self_test: bool,
}

#[cfg(feature = "demo")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum DemoLimits {
    /// None
    #[default]
    Off,
    /// Those of production
    Production,
}

/// The first one that neither `serve` nor `demo` takes where nothing is said: all three may run at once.
#[cfg(feature = "demo")]
pub(super) const SIMULATE_PORT: u16 = 8084;

#[cfg(feature = "demo")]
#[derive(Debug, Args)]
pub(super) struct SimulateArgs {
    /// The port; 0 picks a free one
    #[arg(long, value_name = "PORT", default_value_t = SIMULATE_PORT)]
    pub(super) port: u16,
    /// Another address for the virtual phone alone, so that a real phone can reach it
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

#[cfg(feature = "demo")]
fn demo_format(format: Format) -> demo::Format {
    match format {
        Format::Text => demo::Format::Human,
        Format::Json => demo::Format::Json,
    }
}

/// Runs everything on this machine.
#[cfg(feature = "demo")]
pub(super) async fn demo(context: &Context, args: DemoArgs) -> Result<(), CliError> {
    context.log(LogFormat::Auto, if args.self_test { super::COMMAND_FILTER } else { SERVER_FILTER })?;
    let options = demo::DemoOptions {
        port: args.port,
        data_dir: args.data_dir,
        listen: args.listen,
        bind: args.bind,
        limits: match args.limits {
            DemoLimits::Off => demo::Limits::Off,
            DemoLimits::Production => demo::Limits::Production,
        },
        self_test: args.self_test,
        format: demo_format(context.output.format()),
    };
    Ok(demo::run(&options).await?)
}

/// Runs the phone services alone.
#[cfg(feature = "demo")]
pub(super) async fn simulate(context: &Context, args: &SimulateArgs) -> Result<(), CliError> {
    context.log(LogFormat::Auto, SERVER_FILTER)?;
    let format = demo_format(context.output.format());
    Ok(demo::simulate::run(&demo::simulate::SimulateOptions { port: args.port, listen: args.listen, format }).await?)
}
