//! What `try` prints: an object a line for programs; for people the picture, where the terminal shows one, and a line for
//! whatever happens. Never the service's ids: they are secrets.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

use super::picture::PictureFile;
use super::{CliError, drawing};
use crate::cli::args::Format;
use crate::cli::output::{fields, plain};
use crate::domain::login::{Challenge, Reason};

/// Where the picture goes when nobody named a file and it cannot be drawn.
const FILE: &str = "signbridge-try.png";

pub(super) struct Screen {
    format: Format,
    draws: bool,
    file: Option<PictureFile>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ended<'a> {
    /// The words of `data-login-state` and `data-login-reason` (design 3).
    pub(super) state: &'a str,
    pub(super) reason: Option<Reason>,
    /// Who approved.
    pub(super) user: Option<&'a str>,
    /// Whether the service confirmed that the request is withdrawn, where it was told to.
    pub(super) confirmed: Option<bool>,
    /// The last line for people; where there is none, an error has the last word.
    pub(super) words: Option<&'a str>,
}

impl Screen {
    pub(super) fn new(format: Format, named: Option<PathBuf>) -> Result<Self, CliError> {
        let draws = format == Format::Text && drawing::is_possible();
        let path = named.or_else(|| (!draws).then(|| PathBuf::from(FILE)));
        Ok(Self { format, draws, file: path.map(PictureFile::create).transpose()? })
    }

    /// Shows what the phone's owner needs.
    pub(super) fn begun(&mut self, challenge: &Challenge, lifetime: Duration) -> io::Result<()> {
        let image = match challenge {
            Challenge::AccessPass(image) => image.as_ref(),
            Challenge::QrCode { image, .. } => Some(image),
        };
        let png = image.map(|image| STANDARD.decode(image)).transpose().map_err(io::Error::other)?;
        let path = match (self.file.take(), &png) {
            (Some(file), Some(png)) => Some(file.keep(png)?),
            _nothing_to_write => None,
        };
        let is_code = matches!(challenge, Challenge::QrCode { .. });
        let drawn = png.filter(|_png| self.draws).and_then(|png| drawing::draw(&png, is_code));
        let json = begun_json(challenge, path.as_deref(), lifetime);
        self.format
            .print(&json, || format!("{}{}", drawn.unwrap_or_default(), begun_text(challenge, path.as_deref(), lifetime)))
    }

    pub(super) fn state(&self, state: &str, reason: Option<Reason>) -> io::Result<()> {
        let json = json!({ "event": "state", "state": state, "reason": reason.map(Reason::as_str) });
        self.format.print(&json, || in_words(state, reason))
    }

    pub(super) fn end(&self, ended: &Ended<'_>) -> io::Result<()> {
        self.state(ended.state, ended.reason)?;
        let json = end_json(ended);
        match ended.words {
            Some(words) => self.format.print(&json, || plain(words)),
            None => self.format.print_for_programs(&json),
        }
    }
}

/// `denied`, or `failed/frozen`.
pub(super) fn in_words(state: &str, reason: Option<Reason>) -> String {
    reason.map_or_else(|| state.to_owned(), |reason| format!("{state}/{reason}"))
}

fn link(challenge: &Challenge) -> Option<&str> {
    match challenge {
        Challenge::QrCode { deep_link, .. } => Some(deep_link),
        Challenge::AccessPass(_) => None,
    }
}

fn begun_json(challenge: &Challenge, path: Option<&Path>, lifetime: Duration) -> Json {
    let path = path.map(|path| path.display().to_string());
    json!({ "event": "begun", "picture": path, "link": link(challenge), "expires_in": lifetime.as_secs() })
}

fn begun_text(challenge: &Challenge, path: Option<&Path>, lifetime: Duration) -> String {
    let what = match challenge {
        Challenge::AccessPass(Some(_)) => "pick this symbol on the phone",
        Challenge::AccessPass(None) => "approve on the phone: there is no symbol to pick",
        Challenge::QrCode { .. } => "scan this code with the app, or open the link on the phone",
    };
    let rows = fields(&[
        ("picture", path.map(|path| path.display().to_string()).unwrap_or_default()),
        ("link", link(challenge).unwrap_or_default().to_owned()),
        ("waits for", format!("{} s", lifetime.as_secs())),
    ]);
    format!("{what}\n{rows}")
}

fn end_json(ended: &Ended<'_>) -> Json {
    json!({
        "event": "end",
        "state": ended.state,
        "reason": ended.reason.map(Reason::as_str),
        "user": ended.user,
        "confirmed": ended.confirmed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_it_is() {
        assert_eq!(in_words("fetched", None), "fetched");
        assert_eq!(in_words("failed", Some(Reason::Frozen)), "failed/frozen");
        let denied = Ended { state: "denied", ..Ended::default() };
        let nobody = json!({ "event": "end", "state": "denied", "reason": null, "user": null, "confirmed": null });
        assert_eq!(end_json(&denied), nobody);
        let late = Ended { state: "failed", reason: Some(Reason::Technical), confirmed: Some(false), ..Ended::default() };
        assert_eq!(end_json(&late)["reason"], "technical_reason");
        assert_eq!(end_json(&late)["confirmed"], false);
    }

    #[test]
    fn what_is_shown_is_said_for_people_and_for_programs() {
        let lifetime = Duration::from_secs(89);
        let code = Challenge::QrCode { image: "iVBO".to_owned(), deep_link: "https://app.example/t/1".to_owned() };
        let text = begun_text(&code, Some(Path::new("a.png")), lifetime);
        assert_eq!(
            text.lines().skip(1).collect::<Vec<_>>(),
            ["picture    a.png", "link       https://app.example/t/1", "waits for  89 s"]
        );
        let said = json!({ "event": "begun", "picture": "a.png", "link": "https://app.example/t/1", "expires_in": 89 });
        assert_eq!(begun_json(&code, Some(Path::new("a.png")), lifetime), said);
        let pass = Challenge::AccessPass(Some("iVBO".to_owned()));
        assert_eq!(begun_text(&pass, None, lifetime), "pick this symbol on the phone\nwaits for  89 s\n");
        assert_eq!(begun_json(&pass, None, lifetime)["link"], Json::Null);
        assert!(begun_text(&Challenge::AccessPass(None), None, lifetime).contains("no symbol"));
    }
}
