//! The link of a transaction by text message (ThumbSignIn notes §3.7): in our own words, to the number that a visitor types, handed
//! over to a service of the site's operator. What the browser would have the message say counts for nothing.

use url::Url;

use super::Visitor;
use crate::domain::login::Challenge;
use crate::flow::prelude::*;
use crate::outbound::CallError;
use crate::store::pushes;

const TEN_MINUTES: Duration = Duration::from_secs(600);
const CALL_LIMIT: Duration = Duration::from_secs(5);
/// In ten minutes: from one source, and to one number.
const MOST_OF_SOURCE: u32 = 5;
const MOST_TO_NUMBER: u32 = 2;

#[derive(Debug, thiserror::Error)]
pub(crate) enum TextError {
    #[error("this site sends no text messages")]
    NoService,
    #[error("write the number with its country: +15551234567")]
    NoNumber,
    /// Of this browser.
    #[error("no transaction is open that a link could lead to")]
    NoTransaction,
    #[error("too many text messages: wait a little")]
    TooMany,
    #[error("the text message could not be handed over")]
    Failed,
    #[error(transparent)]
    Internal(#[from] Internal),
}

/// `to` is a number as people write it.
pub(crate) async fn send_link(op: &Op, visitor: &Visitor, to: &str) -> Result<(), TextError> {
    let service = visitor.site.sms_url.as_ref().and_then(|url| Url::parse(url.expose()).ok());
    let service = service.ok_or(TextError::NoService)?;
    let number = number(to).ok_or(TextError::NoNumber)?;
    let now = op.env.now();
    let open = logins::list_open_for_browser(op.store.read(), &visitor.browser.key, now).await.map_err(Internal::from)?;
    let with_link = |login: Login| match login.challenge {
        Some(Challenge::QrCode { deep_link, .. }) => Some((login.id.to_string(), deep_link)),
        _without => None,
    };
    let (transaction, link) = open.into_iter().find_map(with_link).ok_or(TextError::NoTransaction)?;
    let of_source = op.settings.limits.push_per_source_10min.map(|_limited| visitor.origin.source());
    let input = (transaction, SecretDigest::of(number.as_bytes()), of_source);
    let admitted = op.store.write(input, move |tx, (transaction, number, source)| {
        Box::pin(admit(tx, transaction, number.as_str(), source.as_deref(), now))
    });
    if !admitted.await.map_err(Internal::from)? {
        metrics::RATE_LIMITED.add(["text_messages"]);
        return Err(TextError::TooMany);
    }
    let (_scheme, host) = visitor.site.origin.scheme_and_host();
    let message = serde_json::json!({ "to": number, "text": format!("Open this link to go on at {host}: {link}") });
    match op.outbound.post_json(&service, &message, CALL_LIMIT).await {
        Ok(200..=299) => Ok(()),
        Ok(status) => failed(visitor, format!("HTTP {status}")),
        Err(CallError::Failed(_connection)) => failed(visitor, "no answer".to_owned()),
        Err(error) => failed(visitor, error.to_string()),
    }
}

/// The reason never holds the service's address.
fn failed(visitor: &Visitor, error: String) -> Result<(), TextError> {
    tracing::warn!(site = visitor.site.origin.as_str(), error, "a text message was not handed over");
    Err(TextError::Failed)
}

/// Within what the number and its source have, and once for a transaction, on any node.
async fn admit(tx: &Tx, transaction: &str, number: &str, source: Option<&str>, now: Timestamp) -> Result<bool, StoreError> {
    let of_source = source.map(|source| (format!("sms/from/{source}"), MOST_OF_SOURCE));
    // Last: after a number that had enough another one may be typed.
    let once = (format!("sms/{transaction}"), 1);
    for (key, most) in [(format!("sms/to/{number}"), MOST_TO_NUMBER)].into_iter().chain(of_source).chain([once]) {
        if !has_room(tx, &key, most, now).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn has_room(tx: &Tx, key: &str, most: u32, now: Timestamp) -> Result<bool, StoreError> {
    for place in 0..most {
        if pushes::is_first(tx, format!("{key}/{place}"), now.minus(TEN_MINUTES), now).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The international form of a number (ITU-T E.164): `+`, the country, at most 15 digits.
fn number(written: &str) -> Option<String> {
    let kept: String = written.chars().filter(|char| !matches!(char, ' ' | '-' | '.' | '(' | ')' | '/')).collect();
    let digits = kept.strip_prefix('+')?;
    let fits = (8..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    fits.then_some(kept)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_has_its_country() {
        assert_eq!(number("+1 (555) 123-4567").as_deref(), Some("+15551234567"));
        assert_eq!(number("+49 170/1234567").as_deref(), Some("+491701234567"));
        for none in [
            "",
            "5551234567",
            "+0551234567",
            "+1234567",
            "+1234567890123456",
            "+1555123456x",
            "++15551234567",
            "+1\n5551234567",
        ] {
            assert_eq!(number(none), None, "{none:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_but_digits_goes_to_the_service(written in "\\PC{0,24}|\\+[0-9 ()./-]{0,24}") {
            if let Some(number) = number(&written) {
                prop_assert!(number.len() <= 16 && number.bytes().skip(1).all(|byte| byte.is_ascii_digit()) && number.starts_with('+'));
            }
        }
    }
}
