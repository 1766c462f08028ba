//! `serve`, `demo` and `simulate`: what runs until it is told to stop.

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

/// Runs everything on this machine.
#[cfg(feature = "demo")]
pub(super) async fn demo(context: &Context, options: &demo::DemoOptions) -> Result<(), CliError> {
    context.log(LogFormat::Auto, if options.self_test { super::COMMAND_FILTER } else { SERVER_FILTER })?;
    Ok(demo::run(options, context.output.format() == Format::Json).await?)
}

/// Runs the phone services alone.
#[cfg(feature = "demo")]
pub(super) async fn simulate(context: &Context, options: &demo::SimulateOptions) -> Result<(), CliError> {
    context.log(LogFormat::Auto, SERVER_FILTER)?;
    Ok(demo::simulate(options, context.output.format() == Format::Json).await?)
}
