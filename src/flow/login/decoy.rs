//! Logins that ask nobody (decision 2.7): a stranger who names an unknown or frozen person sees *pending* with a picture of
//! the usual kind, and then *expired*. Nothing is created at the service and nothing is queued for later.
//!
//! The pictures are passes that the service really showed before, once it has shown enough of them, chosen by a purpose key from
//! (browser, login): a reload shows the same one, the next login another, as the service does, and nobody can compute which. Until
//! then they are drawn, each another. Never one that an open login of the same person shows.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::domain::login::{Challenge, Login, Reason, UpstreamHandle};
use crate::domain::secret::{Secret, SecretDigest};
use crate::domain::user::Upstream;
use crate::flow::Op;
use crate::flow::error::Internal;
use crate::store::{access_passes, logins};
use crate::upstream::{BeginError, Begun};

use super::{code, symbol};

/// How many passes the service must have shown before decoys show them: of fewer, everybody would see the same few.
const ENOUGH: usize = 8;

/// Begins a decoy: fails where a create call would.
///
/// # Errors
/// When something of ours fails.
pub(super) async fn begin(op: &Op, login: &Login, failed: Option<Reason>) -> Result<Result<Begun, BeginError>, Internal> {
    Ok(match failed {
        None => Ok(disguise(op, login).await?),
        Some(Reason::UpstreamDown) => Err(BeginError::Unreachable("as the calls of late".into())),
        Some(_nonsense) => {
            Err(BeginError::Unusable { detail: "as the calls of late".to_owned(), in_doubt: false, handle: None })
        }
    })
}

/// What the service would have answered.
///
/// # Errors
/// When something of ours fails.
pub(super) async fn disguise(op: &Op, login: &Login) -> Result<Begun, Internal> {
    let handle = UpstreamHandle(Secret::new(String::new()));
    Ok(match login.upstream {
        Upstream::SecSign => Begun { handle, challenge: access_pass(op, login).await?, expires_in: None },
        Upstream::ThumbSignIn => {
            let (challenge, expires_in) = code::decoy(op).await?;
            Begun { handle, challenge, expires_in: Some(expires_in) }
        }
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
    let mac = op.keys.purposes.decoys.mac(&[login.browser.0.as_str().as_bytes(), login.id.as_str().as_bytes()]);
    let at = mac.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes)) % u64::try_from(free.len().max(1)).unwrap_or(1);
    let chosen = free.into_iter().nth(usize::try_from(at).unwrap_or_default()).filter(|_digest| enough);
    let pass = match chosen {
        Some(digest) => access_passes::find(db, &digest).await?,
        None => None,
    };
    let drawn = || symbol::png(&mac).map(|png| STANDARD.encode(png));
    Ok(Challenge::AccessPass(Some(pass.map_or_else(drawn, Ok)?)))
}
