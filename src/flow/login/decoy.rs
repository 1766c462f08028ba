//! Logins that ask nobody (decision 2.7): a stranger who names an unknown or frozen person sees *pending* with a picture of
//! the usual kind, and then *expired*. Nothing is created at the service and nothing is queued for later.
//!
//! The pictures are passes that the service really showed before, once it has shown enough of them, chosen by a purpose key from
//! (browser, login): a reload shows the same one, the next login another, as the service does, and nobody can compute which. Until
//! then they are drawn, each another. Never one that an open login of the same person shows.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::domain::clock::Timestamp;
use crate::domain::login::{Challenge, Login, Reason, UpstreamHandle};
use crate::domain::secret::{Secret, SecretDigest};
use crate::domain::user::Upstream;
use crate::flow::Op;
use crate::flow::error::Internal;
use crate::store::{access_passes, instance, logins};
use crate::upstream::{BeginError, Begun};

use super::pace::Call;
use super::{qr, symbol};

/// How many passes the service must have shown before decoys show them: of fewer, everybody would see the same few.
const ENOUGH: usize = 8;

/// ThumbSignIn gives its transactions 90 s (protocol §2.2), so that is what a stranger sees count down.
const TRANSACTION: Duration = Duration::from_secs(90);

/// Begins a decoy: takes as long as a create call at present, and fails where one would.
///
/// # Errors
/// When something of ours fails.
pub(super) async fn begin(op: &Op, login: &Login) -> Result<Result<Begun, BeginError>, Internal> {
    let started = op.env.now();
    let begun = disguise(op, login).await?;
    Ok(match wait_like(op, login.upstream, Call::Create, started).await? {
        None => Ok(begun),
        Some(Reason::UpstreamDown) => Err(BeginError::Unreachable("as the calls of late".into())),
        Some(_nonsense) => {
            Err(BeginError::Unusable { detail: "as the calls of late".to_owned(), in_doubt: false, handle: None })
        }
    })
}

/// Waits until as much time has passed since `started` as such a call takes at present; returns why it would fail, if so.
pub(super) async fn wait_like(op: &Op, upstream: Upstream, call: Call, started: Timestamp) -> Result<Option<Reason>, Internal> {
    let [chance] = op.env.random_bytes()?;
    let now = op.env.now();
    let like = op.pace.like_now(upstream, call, now, chance);
    tokio::time::sleep(like.took.saturating_sub(now.since(started))).await;
    Ok(like.failed)
}

/// What the service would have answered.
///
/// # Errors
/// When something of ours fails.
pub(super) async fn disguise(op: &Op, login: &Login) -> Result<Begun, Internal> {
    let handle = UpstreamHandle(Secret::new(String::new()));
    Ok(match login.upstream {
        Upstream::SecSign => Begun { handle, challenge: access_pass(op, login).await?, expires_in: None },
        Upstream::ThumbSignIn => Begun { handle, challenge: qr_code(op).await?, expires_in: Some(TRANSACTION) },
    })
}

async fn access_pass(op: &Op, login: &Login) -> Result<Challenge, Internal> {
    let db = op.store.read();
    let target = login.concern.target.as_deref().unwrap_or_default();
    let shown = logins::list_symbols(db, login.upstream, target, &login.id, op.env.now()).await?;
    let shown: Vec<SecretDigest> = shown.iter().map(|image| access_passes::digest(image)).collect();
    let seen = access_passes::list(db).await?;
    let enough = seen.len() >= ENOUGH;
    let free: Vec<String> = seen.into_iter().filter(|seen| shown.iter().all(|shown| shown.as_str() != seen)).collect();
    let mac = op.keys.decoy_mac(&[login.browser.0.as_str().as_bytes(), login.id.as_str().as_bytes()]);
    let at = mac.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes)) % u64::try_from(free.len().max(1)).unwrap_or(1);
    let chosen = free.into_iter().nth(usize::try_from(at).unwrap_or_default()).filter(|_digest| enough);
    let pass = match chosen {
        Some(digest) => access_passes::find(db, &digest).await?,
        None => None,
    };
    let drawn = || symbol::png(&mac).map(|png| STANDARD.encode(png));
    Ok(Challenge::AccessPass(Some(pass.map_or_else(drawn, Ok)?)))
}

/// A link that looks like the service's last one, and the QR code of it.
async fn qr_code(op: &Op) -> Result<Challenge, Internal> {
    let sample = instance::find(op.store.read(), instance::THUMBSIGNIN_DEEP_LINK).await?;
    let random: [u8; 64] = op.env.random_bytes()?;
    let deep_link = redrawn(sample.as_deref().unwrap_or(FIRST_LINK), &random);
    let image = STANDARD.encode(qr::png(&deep_link)?);
    Ok(Challenge::QrCode { image, deep_link })
}

/// The shape of a link until the service has shown its first.
const FIRST_LINK: &str = "https://thumbsignin.app.link/AbCdEfGhIjK";

/// The same link with other letters and digits in its last long run of them, which is the part that differs from login to
/// login: hex digits stay hex digits.
fn redrawn(link: &str, random: &[u8]) -> String {
    let end = link.rfind(|c: char| c.is_ascii_alphanumeric()).map_or(0, |at| at + 1);
    let (head, tail) = link.split_at(end);
    let start = head.rfind(|c: char| !c.is_ascii_alphanumeric()).map_or(0, |at| at + 1);
    let (head, run) = head.split_at(start);
    let hex = run.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let alphabet: &[u8] =
        if hex { b"0123456789abcdef" } else { b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" };
    let letter = |byte: &u8| alphabet.get(usize::from(*byte) % alphabet.len()).copied().map_or('0', char::from);
    let other: String = random.iter().cycle().take(run.len()).map(letter).collect();
    format!("{head}{other}{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disguised_link_differs_only_in_its_last_run() {
        let link = "http://127.0.0.1:8081/phone/t/7e8eeb82d86c";
        let other = redrawn(link, &[1, 2, 3]);
        assert!(other.starts_with("http://127.0.0.1:8081/phone/t/") && other.len() == link.len() && other != link);
        assert!(other.rsplit('/').next().unwrap().bytes().all(|b| b.is_ascii_hexdigit()));
    }
}
