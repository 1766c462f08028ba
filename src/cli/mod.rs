//! The commands: reads the command line, calls a use case, prints what came of it.
//!
//! Standard output carries what a command promises and nothing else; errors are one clear sentence on standard error. Exit
//! codes: 0 done; 2 the command line or the configuration is wrong; 1 anything else.

mod args;
mod audit;
mod backup;
mod client;
mod client_check;
mod client_flags;
mod consent;
mod csv;
mod device;
mod installation;
mod key;
mod manual;
mod output;
mod people;
mod phones;
mod recipe;
#[cfg(test)]
mod tests;
mod token;
mod trial;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use tokio::runtime::Runtime;

use crate::app::{StartError, parts};
use crate::config::{self, CONFIG_VARIABLE, Config, ConfigError, LOG_VARIABLE, LogFormat};
use crate::domain::env::Env;
use crate::manage::at_service::AtServiceError;
use crate::manage::import::ImportError;
use crate::manage::{Manage, ManageError};
use crate::store::backup::BackupError;
use crate::store::{Store, StoreError};
use crate::telemetry::{self, COMMAND_FILTER, SERVER_FILTER, TelemetryError};
use args::{Args, Command, Format};

/// The file that is read where nothing else is said and it is there.
const DEFAULT_FILE: &str = "signbridge.toml";
/// How long the end waits for standard error to take what was logged: a server that stopped has little of its 10 s left.
const AFTER_SERVER: Duration = Duration::from_millis(400);
const AFTER_COMMAND: Duration = Duration::from_secs(5);

/// Why a command did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Manage(#[from] ManageError),
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error(transparent)]
    AtService(#[from] AtServiceError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error(transparent)]
    Recipe(#[from] crate::recipes::RecipeError),
    #[error(transparent)]
    Ring(#[from] crate::keys::ring::RingError),
    #[cfg(feature = "demo")]
    #[error(transparent)]
    Demo(#[from] crate::demo::DemoError),
    #[cfg(feature = "demo")]
    #[error("`demo` and `simulate` read no configuration file: leave --config out (`demo` writes one, and says where)")]
    ReadsNoFile,
    #[cfg(not(feature = "demo"))]
    #[error(
        "this program was built without the demonstration: `demo` and `simulate` are in one built from the sources with \
         `cargo build --release`"
    )]
    WithoutDemo,
    #[error("cannot go on: {0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Refused(String),
}

impl CliError {
    fn code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Telemetry(_) | Self::Manage(ManageError::Invalid(_)) => 2,
            Self::AtService(AtServiceError::Unconfigured(_) | AtServiceError::Closed(_)) => 2,
            #[cfg(feature = "demo")]
            Self::ReadsNoFile => 2,
            #[cfg(not(feature = "demo"))]
            Self::WithoutDemo => 2,
            _other => 1,
        }
    }
}

pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Help and the version are such errors as well, and go to standard output.
            drop(error.print());
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let is_server = args.command.is_server();
    let (code, patience) = match run(args) {
        Ok(()) if is_server => (ExitCode::SUCCESS, AFTER_SERVER),
        Ok(()) => (ExitCode::SUCCESS, AFTER_COMMAND),
        // Whoever read our output has had enough.
        Err(CliError::Io(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => (ExitCode::from(1), AFTER_COMMAND),
        Err(error) => {
            telemetry::say(&format!("signbridge: {error}"));
            (ExitCode::from(error.code()), AFTER_COMMAND)
        }
    };
    telemetry::flush(patience);
    code
}

struct Context {
    file: Option<PathBuf>,
    variables: Vec<(String, String)>,
    format: Format,
}

impl Context {
    fn new(file: Option<PathBuf>, format: Format) -> Self {
        let variables = config::variables();
        let named = file.or_else(|| config::variable(&variables, CONFIG_VARIABLE).map(PathBuf::from));
        let file = named.or_else(|| Some(PathBuf::from(DEFAULT_FILE)).filter(|file| file.is_file()));
        Self { file, variables, format }
    }

    fn config(&self) -> Result<Config, ConfigError> {
        Config::load(self.file.as_deref(), self.variables.clone())
    }

    /// Begins to log, in the way of `format` and with `default` where `SIGNBRIDGE_LOG` says nothing.
    fn log(&self, format: LogFormat, default: &str) -> Result<(), TelemetryError> {
        telemetry::start(format, config::variable(&self.variables, LOG_VARIABLE).unwrap_or(default))
    }

    /// With a database that is there: one that is made in the wrong directory would look like a provider without people.
    async fn open(&self) -> Result<Opened, CliError> {
        self.opened(false).await
    }

    /// For a command that adds something: where there is no database yet, one is made, and that is said.
    async fn open_or_make(&self) -> Result<Opened, CliError> {
        self.opened(true).await
    }

    async fn opened(&self, makes: bool) -> Result<Opened, CliError> {
        let config = self.config()?;
        self.log(config.log.format, COMMAND_FILTER)?;
        let env = Env::system();
        let store = match Store::open_existing(config.database.url().expose(), parts::sizes(&config), env.clone()).await {
            Err(StoreError::Missing(detail)) if makes => {
                tracing::warn!(detail, "there was no database yet: one is made");
                parts::open_store(&config, &env).await?
            }
            opened => {
                let store = opened?;
                store.migrate().await?;
                parts::announcing(store, &config)
            }
        };
        Ok(Opened { config, env, store })
    }
}

struct Opened {
    config: Config,
    env: Env,
    store: Store,
}

impl Opened {
    fn manage(&self) -> Manage<'_> {
        Manage { allow_private: self.config.outbound.allow_private, ..Manage::command(&self.store, &self.env) }
    }
}

fn run(args: Args) -> Result<(), CliError> {
    #[cfg(feature = "demo")]
    if args.config.is_some() && args.command.reads_no_file() {
        return Err(CliError::ReadsNoFile);
    }
    let context = Context::new(args.config, args.format);
    Runtime::new()?.block_on(run_async(&context, args.command))
}

async fn run_async(context: &Context, command: Command) -> Result<(), CliError> {
    match command {
        Command::Serve => serve(context).await,
        #[cfg(feature = "demo")]
        Command::Demo(options) => {
            context.log(LogFormat::Auto, if options.self_test { COMMAND_FILTER } else { SERVER_FILTER })?;
            Ok(crate::demo::run(&options, context.format == Format::Json).await?)
        }
        #[cfg(feature = "demo")]
        Command::Simulate(options) => {
            context.log(LogFormat::Auto, SERVER_FILTER)?;
            Ok(crate::demo::simulate(&options, context.format == Format::Json).await?)
        }
        #[cfg(not(feature = "demo"))]
        Command::Demo(_) => Err(CliError::WithoutDemo),
        Command::Migrate { check: false } => installation::migrate(context).await,
        Command::Migrate { check: true } => installation::check_migrations(context).await,
        Command::Backup(flags) => backup::backup(context, flags).await,
        Command::Restore(flags) => backup::restore(context, flags).await,
        Command::Client(command) => client::run(context, command).await,
        Command::User(command) => user::user(context, command).await,
        Command::Device(command) => device::run(context, command).await,
        Command::Consent(command) => consent::run(context, command).await,
        Command::Audit(command) => audit::run(context, command).await,
        Command::Session(command) => user::session(context, command).await,
        Command::Token(command) => token::run(context, command).await,
        Command::Key(command) => key::run(context, command).await,
        Command::Try(command) => trial::run(context, command).await,
        Command::Doctor => installation::doctor(context).await,
        Command::Healthcheck => installation::healthcheck(context).await,
        Command::Config(command) => installation::config(context, &command),
        Command::Completions { shell } => manual::completions(shell),
        Command::Man { dir } => manual::man(context.format, dir.as_deref()),
    }
}

async fn serve(context: &Context) -> Result<(), CliError> {
    let config = context.config()?;
    context.log(config.log.format, SERVER_FILTER)?;
    Ok(crate::app::serve(&config, &|| context.config()).await?)
}
