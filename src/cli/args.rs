//! The command line. A list flag may be repeated and may hold several values with blanks between them, where no value can hold
//! one: `--group`, which names a group as people call it, is one group each time. A switch may stand alone or with `=true` or
//! `=false`. Values are those of RFC 7591.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use super::audit::AuditCommand;
use super::backup::{BackupFlags, RestoreFlags};
use super::client::ClientCommand;
use super::consent::ConsentCommand;
use super::device::DeviceCommand;
use super::installation::ConfigCommand;
use super::key::KeyCommand;
use super::token::TokenCommand;
use super::trial::TryCommand;
use super::user::{SessionCommand, UserCommand};
#[cfg(feature = "demo")]
use crate::demo::{DemoOptions, SimulateOptions};

/// An OpenID Connect provider whose login step is an approval on a phone.
#[derive(Debug, Parser)]
#[command(name = "signbridge", version, about, max_term_width = 120)]
pub(super) struct Args {
    /// The configuration file [default: $SIGNBRIDGE_CONFIG, else ./signbridge.toml if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// How to print
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(super) format: Format,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    #[default]
    Text,
    /// JSON: one line, or one for each event of `try` and `audit` and each person of `user export`
    Json,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the provider
    Serve,
    /// Run everything on this machine with a throw-away database: provider, phone services, a virtual phone, an example app
    #[cfg(feature = "demo")]
    Demo(DemoOptions),
    /// Run the simulated phone services and the virtual phone alone
    #[cfg(feature = "demo")]
    Simulate(SimulateOptions),
    /// What this build does not have
    #[cfg(not(feature = "demo"))]
    #[command(alias = "simulate", hide = true)]
    Demo(NotBuilt),
    /// Bring the database up to date (`serve` does so at start)
    Migrate {
        /// Only list what is missing or unknown; fails when there is anything
        #[arg(long)]
        check: bool,
    },
    /// Write the whole database into a new file, also while the server runs (SQLite)
    Backup(BackupFlags),
    /// Put a backup in the place of the database, once the server was stopped (SQLite)
    Restore(RestoreFlags),
    /// Relying parties
    #[command(subcommand)]
    Client(ClientCommand),
    /// People
    #[command(subcommand)]
    User(UserCommand),
    /// Phones that people registered
    #[command(subcommand)]
    Device(DeviceCommand),
    /// What people allowed clients that ask them
    #[command(subcommand)]
    Consent(ConsentCommand),
    /// Signed-in browsers
    #[command(subcommand)]
    Session(SessionCommand),
    /// The audit trail: what happened to whom
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Tokens, before they are issued
    #[command(subcommand)]
    Token(TokenCommand),
    /// Signing keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// The configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Ask a phone once, without the server: whether a phone service, its account here and a phone work together
    #[command(subcommand)]
    Try(TryCommand),
    /// Look at everything that a working provider needs, and say what to do
    Doctor,
    /// Ask the running server whether it is ready: for the health check of a container
    Healthcheck,
}

impl Command {
    /// Whether it makes its own configuration, or needs none.
    #[cfg(feature = "demo")]
    pub(super) const fn reads_no_file(&self) -> bool {
        matches!(self, Self::Demo(_) | Self::Simulate(_))
    }

    /// Whether it runs until it is told to stop.
    pub(super) const fn is_server(&self) -> bool {
        match self {
            Self::Serve => true,
            #[cfg(feature = "demo")]
            Self::Demo(_) | Self::Simulate(_) => true,
            _over_soon => false,
        }
    }
}

/// The arguments of a command that this build does not have: anything.
#[cfg(not(feature = "demo"))]
#[derive(Debug, ClapArgs)]
pub(super) struct NotBuilt {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _arguments: Vec<std::ffi::OsString>,
}

/// One thing, by its id: `ID` or `--id ID`.
#[derive(Debug, ClapArgs)]
pub(super) struct ById {
    /// Which one
    #[arg(value_name = "ID", required_unless_present = "id", conflicts_with = "id")]
    positional: Option<String>,
    /// The same as a flag
    #[arg(long, value_name = "ID")]
    id: Option<String>,
}

impl ById {
    pub(super) fn into_id(self) -> String {
        self.positional.or(self.id).unwrap_or_default()
    }
}

/// One person: `NAME` or `--username NAME`.
#[derive(Debug, ClapArgs)]
pub(super) struct ByName {
    /// The username, e-mail address or sub
    #[arg(value_name = "NAME", required_unless_present = "username", conflicts_with = "username")]
    positional: Option<String>,
    /// The same as a flag
    #[arg(long, alias = "user", value_name = "NAME")]
    username: Option<String>,
}

impl ByName {
    pub(super) fn into_name(self) -> String {
        self.positional.or(self.username).unwrap_or_default()
    }
}

/// Everybody, or one person: `[NAME]` or `--username NAME`.
#[derive(Debug, ClapArgs)]
pub(super) struct OfPerson {
    /// Of one person only: the username, e-mail address or sub
    #[arg(value_name = "NAME", conflicts_with = "username")]
    positional: Option<String>,
    /// The same as a flag
    #[arg(long, alias = "user", value_name = "NAME")]
    username: Option<String>,
}

impl OfPerson {
    pub(super) fn name(&self) -> Option<&str> {
        self.positional.as_deref().or(self.username.as_deref())
    }
}
