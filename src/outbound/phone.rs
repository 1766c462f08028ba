//! One exchange with a phone service: a total time limit, a capped answer, and an error that says whether the request may
//! have arrived, which decides whether anything may be created again (decision 2.7).

use std::time::Duration;

use url::Url;

/// The longest answer that is read; what is longer is cut off, never buffered (R18).
pub(crate) const MAX_BODY: usize = 256 * 1024;

/// Whether a request may reach the service twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// It creates something: a fresh connection, never sent again.
    AtMostOnce,
    /// It reads, or can be repeated: a kept connection will do.
    Repeatable,
}

/// What to send. Without `Debug`: bodies and URLs hold session ids that act as bearer secrets.
pub(crate) enum PhoneRequest {
    Get(Url, Vec<(&'static str, String)>),
    Delete(Url, Vec<(&'static str, String)>),
    /// A form that is encoded already (`application/x-www-form-urlencoded`).
    PostForm(Url, String),
}

pub(crate) struct PhoneAnswer {
    pub status: u16,
    /// At most [`MAX_BODY`] bytes.
    pub body: Vec<u8>,
    /// The header `Date` (RFC 9110 §6.6.1), if there was one: what time it is over there.
    pub date: Option<String>,
}

/// Why there is no answer. The texts never hold the URL (it can name a session).
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// The request never left this machine.
    #[error("no connection")]
    Unreachable(#[source] reqwest::Error),
    /// The request may have arrived. So it is with [`Self::TimedOut`].
    #[error("the connection broke")]
    Broken(#[source] reqwest::Error),
    #[error("no complete answer within {0:?}")]
    TimedOut(Duration),
    #[error("the answer (HTTP {status}) is longer than {MAX_BODY} bytes")]
    TooLong { status: u16 },
}

impl SendError {
    pub(crate) const fn never_left(&self) -> bool {
        matches!(self, Self::Unreachable(_))
    }

    /// Connection and TLS failures end before anything is written, as does a request that cannot be put together.
    /// Everything else counts as written, also where that is not certain.
    pub(super) fn from_exchange(error: reqwest::Error) -> Self {
        let error = error.without_url();
        if error.is_connect() || error.is_builder() { Self::Unreachable(error) } else { Self::Broken(error) }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct PhoneClient {
    pub(super) once: reqwest::Client,
    pub(super) repeatable: reqwest::Client,
}

impl PhoneClient {
    /// Sends `request` once and reads the whole answer, all within `limit`. Redirects are answers like others.
    /// A `limit` shorter than [`super::CONNECT_TIMEOUT`] makes a connection that hangs count as written.
    pub(crate) async fn send(
        &self,
        request: PhoneRequest,
        delivery: Delivery,
        limit: Duration,
    ) -> Result<PhoneAnswer, SendError> {
        let client = match delivery {
            Delivery::AtMostOnce => &self.once,
            Delivery::Repeatable => &self.repeatable,
        };
        let with = |builder: reqwest::RequestBuilder, headers: Vec<_>| {
            headers.into_iter().fold(builder, |builder, (name, value): (&str, String)| builder.header(name, value))
        };
        let builder = match request {
            PhoneRequest::Get(url, headers) => with(client.get(url), headers),
            PhoneRequest::Delete(url, headers) => with(client.delete(url), headers),
            PhoneRequest::PostForm(url, body) => {
                client.post(url).header("content-type", "application/x-www-form-urlencoded").body(body)
            }
        };
        let exchange = async { read_capped(builder.send().await.map_err(SendError::from_exchange)?).await };
        tokio::time::timeout(limit, exchange).await.map_err(|_elapsed| SendError::TimedOut(limit))?
    }
}

pub(super) async fn read_capped(mut response: reqwest::Response) -> Result<PhoneAnswer, SendError> {
    let status = response.status().as_u16();
    let too_long = SendError::TooLong { status };
    if response.content_length().is_some_and(|length| length > MAX_BODY as u64) {
        return Err(too_long);
    }
    let date = response.headers().get("date").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(SendError::from_exchange)? {
        if chunk.len() > MAX_BODY - body.len() {
            return Err(too_long);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(PhoneAnswer { status, body, date })
}
