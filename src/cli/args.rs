//! The command line. A list flag may be repeated and may hold several values with blanks between them, where no value can hold
//! one: `--group`, which names a group as people call it, is one group each time. A switch may stand alone or with `=true` or
//! `=false`. Values are those of RFC 7591.

use std::path::PathBuf;

use clap::{Arg, ArgAction, Args as ClapArgs, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

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

/// The heading of the flags that every command takes; they stand below its own.
const GENERAL: &str = "General options";

const EXAMPLES: &str = "Examples:
  signbridge serve --config /etc/signbridge/signbridge.toml
  signbridge client create --name Wiki --redirect-uri https://wiki.example.com/callback
  signbridge user create --username ada --secsignid ada
  signbridge doctor";

/// An OpenID Connect provider whose login step is an approval on a phone.
#[derive(Debug, Parser)]
#[command(name = "signbridge", version, about, max_term_width = 120, after_help = EXAMPLES)]
// clap's own two would stand among the flags of each command.
#[command(disable_help_flag = true, disable_version_flag = true, arg = help_flag(), arg = version_flag())]
pub(super) struct Args {
    /// The configuration file [default: $SIGNBRIDGE_CONFIG, else ./signbridge.toml if it is there]
    #[arg(long, global = true, value_name = "FILE", help_heading = GENERAL)]
    pub(super) config: Option<PathBuf>,
    /// text for people, or json: one object, or one a line [default: text]
    #[arg(long, global = true, value_enum, default_value_t, help_heading = GENERAL)]
    #[arg(hide_default_value = true, hide_possible_values = true)]
    pub(super) format: Format,
    #[command(subcommand)]
    pub(super) command: Command,
}

fn help_flag() -> Arg {
    let flag = Arg::new("help").short('h').long("help").action(ArgAction::Help).global(true);
    flag.help("Print help").help_heading(GENERAL)
}

fn version_flag() -> Arg {
    Arg::new("version").short('V').long("version").action(ArgAction::Version).help("Print version").help_heading(GENERAL)
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
    #[command(after_help = "Example:\n  signbridge serve --config /etc/signbridge/signbridge.toml")]
    Serve,
    /// Run everything on this machine with a throw-away database: provider, phone services, a virtual phone, an example app
    #[cfg(feature = "demo")]
    #[command(after_help = DEMO_EXAMPLES)]
    Demo(DemoOptions),
    /// Run the simulated phone services and the virtual phone alone
    #[cfg(feature = "demo")]
    #[command(after_help = SIMULATE_EXAMPLES)]
    Simulate(SimulateOptions),
    /// What this build does not have
    #[cfg(not(feature = "demo"))]
    #[command(alias = "simulate", hide = true)]
    Demo(NotBuilt),
    /// Bring the database up to date (`serve` does so at start)
    #[command(after_help = "Examples:\n  signbridge migrate --check\n  signbridge migrate")]
    Migrate {
        /// Only list what is missing or unknown; fails when there is anything
        #[arg(long)]
        check: bool,
    },
    /// Back up the whole database into a new file, also while the server runs (SQLite)
    #[command(after_help = "Example:\n  signbridge backup /backups/signbridge.db --verify")]
    Backup(BackupFlags),
    /// Restore the database from a backup, once the server was stopped (SQLite)
    #[command(after_help = "Example:\n  signbridge restore /backups/signbridge.db --replace")]
    Restore(RestoreFlags),
    /// Manage clients: the apps that users sign in to
    #[command(subcommand, after_help = CLIENT_EXAMPLES)]
    Client(ClientCommand),
    /// Manage users
    #[command(subcommand, after_help = USER_EXAMPLES)]
    User(UserCommand),
    /// Manage devices: the phones that users registered
    #[command(subcommand, after_help = "Examples:\n  signbridge device list ada\n  signbridge device add ada --secsignid ada")]
    Device(DeviceCommand),
    /// Manage consents: what users allowed clients that ask them
    #[command(subcommand, after_help = "Examples:\n  signbridge consent list ada\n  signbridge consent revoke ada grafana")]
    Consent(ConsentCommand),
    /// Manage sessions: the browsers in which users are signed in
    #[command(subcommand, after_help = "Examples:\n  signbridge session list ada\n  signbridge session end --username ada")]
    Session(SessionCommand),
    /// Read the audit events: what happened to whom
    #[command(subcommand, after_help = super::audit::EXAMPLES)]
    Audit(AuditCommand),
    /// Preview tokens before they are issued
    #[command(subcommand, after_help = super::token::EXAMPLES)]
    Token(TokenCommand),
    /// Manage signing keys
    #[command(subcommand, after_help = "Examples:\n  signbridge key list\n  signbridge key rotate --alg ES256")]
    Key(KeyCommand),
    /// Check and print the configuration
    #[command(subcommand, after_help = CONFIG_EXAMPLES)]
    Config(ConfigCommand),
    /// Ask a phone once, without the server: whether a phone service, its account here and a phone work together
    #[command(subcommand, after_help = super::trial::EXAMPLES)]
    Try(TryCommand),
    /// Check everything that a working provider needs, and say what to do
    #[command(after_help = "Examples:\n  signbridge doctor\n  signbridge doctor --config /etc/signbridge/signbridge.toml")]
    Doctor,
    /// Ask the running server whether it is ready: for the health check of a container
    #[command(after_help = "Example:\n  signbridge healthcheck --config /etc/signbridge/signbridge.toml")]
    Healthcheck,
    /// Print the script by which a shell completes the commands of signbridge
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    /// Print the man page of signbridge, or write those of all commands into a directory
    #[command(after_help = "Examples:\n  signbridge man > signbridge.1\n  signbridge man /usr/local/share/man/man1")]
    Man {
        /// The directory; made where it is missing
        #[arg(value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

#[cfg(feature = "demo")]
const DEMO_EXAMPLES: &str = "Examples:
  signbridge demo
  signbridge demo --port 9000 --data-dir demo-data
  signbridge demo --self-test";

#[cfg(feature = "demo")]
const SIMULATE_EXAMPLES: &str = "Examples:
  signbridge simulate
  signbridge simulate --port 9000 --app-name Shop --format json";

const CLIENT_EXAMPLES: &str = "Examples:
  signbridge client create --recipe grafana --url https://grafana.example.com
  signbridge client list
  signbridge client check grafana";

const USER_EXAMPLES: &str = "Examples:
  signbridge user create --username ada --email ada@example.com --secsignid ada
  signbridge user list
  signbridge user lock ada";

const COMPLETIONS_EXAMPLES: &str = "Examples:
  signbridge completions bash > /usr/share/bash-completion/completions/signbridge
  signbridge completions zsh > /usr/share/zsh/site-functions/_signbridge
  signbridge completions fish > ~/.config/fish/completions/signbridge.fish";

const CONFIG_EXAMPLES: &str = "Examples:
  signbridge config reference > signbridge.toml
  signbridge config check
  signbridge config show";

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
    /// The id, as `list` prints it
    #[arg(value_name = "ID", required_unless_present = "id", conflicts_with = "id")]
    positional: Option<String>,
    /// The id as a flag
    #[arg(long, value_name = "ID")]
    id: Option<String>,
}

impl ById {
    pub(super) fn into_id(self) -> String {
        self.positional.or(self.id).unwrap_or_default()
    }
}

/// One user: `NAME` or `--username NAME`.
#[derive(Debug, ClapArgs)]
pub(super) struct ByName {
    /// The username, e-mail address or sub
    #[arg(value_name = "NAME", required_unless_present = "username", conflicts_with = "username")]
    positional: Option<String>,
    /// The name as a flag
    #[arg(long, alias = "user", value_name = "NAME")]
    username: Option<String>,
}

impl ByName {
    pub(super) fn into_name(self) -> String {
        self.positional.or(self.username).unwrap_or_default()
    }
}

/// Everybody, or one user: `[NAME]` or `--username NAME`.
#[derive(Debug, ClapArgs)]
pub(super) struct OfPerson {
    /// Of one user only: the username, e-mail address or sub
    #[arg(value_name = "NAME", conflicts_with = "username")]
    positional: Option<String>,
    /// The name as a flag
    #[arg(long, alias = "user", value_name = "NAME")]
    username: Option<String>,
}

impl OfPerson {
    pub(super) fn name(&self) -> Option<&str> {
        self.positional.as_deref().or(self.username.as_deref())
    }
}
