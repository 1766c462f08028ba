//! Access tokens of both formats (decision 2.11). The database knows both by a digest. An opaque token is its own handle. A JWT
//! (RFC 9068) can only be signed after the commit that writes its row (decision 2.4), so its handle is its `jti`, set apart by a
//! prefix that no opaque token can have: a `jti` that somebody read in a JWT is not a token.

use crate::flow::prelude::*;
use crate::protocol::client_metadata::AccessTokenFormat;
use crate::store::access_tokens::FoundAccessToken;

/// Characters of an opaque token: 256 bits in base64url.
const OPAQUE_LENGTH: usize = 43;

/// Of an opaque token itself, or of the `jti` of a JWT.
pub(super) fn digest_of(format: AccessTokenFormat, handle: &Secret) -> SecretDigest {
    match format {
        AccessTokenFormat::Opaque => handle.digest(),
        AccessTokenFormat::Jwt => digest_of_jti(handle.expose()),
    }
}

fn digest_of_jti(jti: &str) -> SecretDigest {
    SecretDigest::of(format!("jti:{jti}").as_bytes())
}

/// `None` when the text cannot be an access token of ours. All of it counts: nothing is trimmed, padded or decoded first
/// (check 39). Costs no round trip; a signature is verified where the text looks like a JWT.
pub(in crate::flow) fn digest_of_presented(op: &Op, presented: &str) -> Option<SecretDigest> {
    if is_opaque(presented) {
        return Some(SecretDigest::of(presented.as_bytes()));
    }
    // A revoked signing key ends its tokens at once, wherever the row still says otherwise (check 71).
    let claims = op.keys.verify_access_token(presented, &op.settings.issuer).ok()?;
    Some(digest_of_jti(&claims.jti))
}

/// Access and refresh tokens alike.
pub(in crate::flow) fn is_opaque(presented: &str) -> bool {
    presented.len() == OPAQUE_LENGTH
        && presented.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Why a stored access token is worth nothing at `now`, if it is. A family that does not outlive its browser session is judged
/// by that session's row: nothing is written when a session runs out (decision 2.6).
pub(in crate::flow) fn dead_because(found: &FoundAccessToken, now: Timestamp) -> Option<&'static str> {
    let reasons = [
        (found.token.expires_at <= now, "the access token has expired"),
        (found.grant.revoked_at.is_some(), "the token family was revoked"),
        (found.grant.is_over_with(found.session.as_ref(), now), "the browser session is over"),
        (found.user.locked, "the person is locked"),
        (found.client_disabled, "the client is disabled"),
    ];
    reasons.into_iter().find_map(|(holds, reason)| holds.then_some(reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::env::Env;

    #[test]
    fn only_the_exact_form_is_an_opaque_token() {
        let token = Secret::generate(&Env::system()).unwrap();
        let text = token.expose();
        assert!(is_opaque(text));
        for other in [format!("{text}="), format!(" {text}"), format!("{text}A"), text[1..].to_owned(), String::new()] {
            assert!(!is_opaque(&other), "{other}");
        }
        assert!(!is_opaque(&format!("{}+", &text[..42])));
    }

    #[test]
    fn a_jti_is_not_an_opaque_token() {
        let handle = Secret::generate(&Env::system()).unwrap();
        assert_ne!(digest_of(AccessTokenFormat::Jwt, &handle), handle.digest());
        assert!(!is_opaque(&format!("jti:{}", handle.expose())));
    }
}
