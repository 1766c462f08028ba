//! Logins that ask nobody (decision 2.7): a stranger who names an unknown, busy or frozen person sees *pending* with a
//! picture of the usual kind, and then *expired*. Nothing is created at the service and nothing is queued for later.
//!
//! The pictures are passes that the service really showed before, chosen by a purpose key from (browser, login): a reload shows
//! the same one, the next login another, as the service does, and nobody can compute which.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::domain::login::{Challenge, Login, Reason, UpstreamHandle};
use crate::domain::secret::Secret;
use crate::domain::user::Upstream;
use crate::flow::Op;
use crate::flow::error::Internal;
use crate::store::access_passes;
use crate::upstream::{BeginError, Begun};

use super::code;

/// Drawn by us, shown only until the service has shown its first passes.
const FIRST_PASSES: [&[u8]; 4] = [
    include_bytes!("passes/anchor.png"),
    include_bytes!("passes/house.png"),
    include_bytes!("passes/key.png"),
    include_bytes!("passes/star.png"),
];

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
    let mut seen = access_passes::list(op.store.read()).await?;
    if seen.is_empty() {
        seen = FIRST_PASSES.iter().map(|png| STANDARD.encode(png)).collect();
    }
    let mac = op.keys.decoy_mac(&[login.browser.0.as_str().as_bytes(), login.id.as_str().as_bytes()]);
    let at = mac.first().copied().map_or(0, usize::from) % seen.len().max(1);
    Ok(Challenge::AccessPass(seen.into_iter().nth(at)))
}
