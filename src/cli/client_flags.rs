//! The flags of `client create` and `client update`: one for each member of a client, as `protocol::client_metadata` declares it.

use clap::error::Error;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, value_parser};
use serde_json::Value as Json;

use crate::domain::client::ClientPatch;
use crate::protocol::client_metadata::{Kind, MEMBERS, Member};

impl Args for ClientPatch {
    fn augment_args(command: Command) -> Command {
        let profile = Arg::new("profile").long("profile").value_name("PROFILE").value_parser(profile);
        command.args(MEMBERS.iter().map(flag)).arg(profile.help("What it must keep to: standard"))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ClientPatch {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        Ok(Self::of(|member| written(matches, member)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn flag(member: &'static Member) -> Arg {
    let arg = Arg::new(member.name).long(member.flag).aliases(member.aliases).value_name(member.value_name).help(member.help);
    match member.kind {
        Kind::Text | Kind::Url => arg,
        Kind::Words | Kind::Scope | Kind::Texts => arg.action(ArgAction::Append),
        Kind::Switch => {
            let arg = arg.value_name("BOOL").num_args(0..=1).require_equals(true);
            arg.default_missing_value("true").value_parser(value_parser!(bool))
        }
        Kind::Choice(_) => arg.value_parser(|text: &str| choice(member, text)),
        Kind::Policy([off, on]) => {
            arg.num_args(0..=1).default_missing_value(on).value_parser(move |text: &str| policy(off, on, text))
        }
    }
}

fn written(matches: &ArgMatches, member: &Member) -> Option<Json> {
    match member.kind {
        Kind::Words | Kind::Scope => {
            let texts = matches.get_many::<String>(member.name)?;
            Some(texts.flat_map(|text| text.split_whitespace()).collect())
        }
        Kind::Texts => {
            let texts = matches.get_many::<String>(member.name)?;
            Some(texts.map(String::as_str).filter(|text| !text.is_empty()).collect())
        }
        Kind::Switch => matches.get_one::<bool>(member.name).map(|switch| Json::from(*switch)),
        _one => matches.get_one::<String>(member.name).map(|text| Json::from(text.as_str())),
    }
}

fn choice(member: &Member, text: &str) -> Result<String, String> {
    member.problems(&Json::from(text)).into_iter().next().map_or_else(|| Ok(text.to_owned()), Err)
}

fn policy(off: &str, on: &str, text: &str) -> Result<String, String> {
    match text {
        "true" => Ok(on.to_owned()),
        "false" => Ok(off.to_owned()),
        _word if text == off || text == on => Ok(text.to_owned()),
        _other => Err(format!("expected {on} (or true) or {off} (or false)")),
    }
}

/// The profile of the specifications that a client keeps to: there is one, OpenID Connect Core, and every client keeps to it.
fn profile(text: &str) -> Result<String, String> {
    match text {
        "standard" => Ok(text.to_owned()),
        "fapi2" => Err("the profile fapi2 is not supported yet: leave it out, or write standard".to_owned()),
        _other => Err("there is the profile standard".to_owned()),
    }
}
