//! A look at our own listeners from outside: what `doctor` and `healthcheck` do. It goes to addresses of the configuration
//! only, never to one that a client registered.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::phone::read_capped;
use super::{OutboundError, SendError, builder, extra_authorities};

#[derive(Clone, Debug)]
pub(crate) struct Probe(reqwest::Client);

pub(crate) struct ProbeAnswer {
    pub status: u16,
    pub body: Vec<u8>,
    /// Its headers by name, in small letters; the values of several lines with commas between them.
    pub headers: BTreeMap<String, String>,
    /// DER; over https.
    pub certificate: Option<Vec<u8>>,
}

impl ProbeAnswer {
    /// 100 characters of the first line.
    pub(crate) fn gist(&self) -> String {
        String::from_utf8_lossy(&self.body).lines().next().unwrap_or_default().chars().take(100).collect()
    }
}

impl Probe {
    pub(crate) fn new(ca_file: Option<PathBuf>) -> Result<Self, OutboundError> {
        let authorities = extra_authorities(ca_file.as_deref())?;
        Ok(Self(builder(authorities).tls_info(true).pool_max_idle_per_host(0).build()?))
    }

    /// One GET with these headers, all within `limit`. Redirects are answers like others.
    pub(crate) async fn get(&self, url: Url, headers: &[(&str, &str)], limit: Duration) -> Result<ProbeAnswer, SendError> {
        tokio::time::timeout(limit, self.exchange(url, headers)).await.map_err(|_elapsed| SendError::TimedOut(limit))?
    }

    async fn exchange(&self, url: Url, headers: &[(&str, &str)]) -> Result<ProbeAnswer, SendError> {
        let request = headers.iter().fold(self.0.get(url), |request, (name, value)| request.header(*name, *value));
        let response = request.send().await.map_err(SendError::from_exchange)?;
        let text = |line: &reqwest::header::HeaderValue| String::from_utf8_lossy(line.as_bytes()).into_owned();
        let lines = |name: &reqwest::header::HeaderName| response.headers().get_all(name).iter().map(text).collect::<Vec<_>>();
        let headers = response.headers().keys().map(|name| (name.to_string(), lines(name).join(", "))).collect();
        let tls = response.extensions().get::<reqwest::tls::TlsInfo>();
        let certificate = tls.and_then(|tls| tls.peer_certificate()).map(<[u8]>::to_vec);
        let answer = read_capped(response).await?;
        Ok(ProbeAnswer { status: answer.status, body: answer.body, headers, certificate })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gist_of_an_answer_is_short_and_one_line() {
        let gist =
            |body: &[u8]| ProbeAnswer { status: 503, body: body.to_vec(), headers: BTreeMap::new(), certificate: None }.gist();
        assert_eq!(gist(b""), "");
        assert_eq!(gist(b"the database does not answer\nmore"), "the database does not answer");
        assert_eq!(gist("ü".repeat(101).as_bytes()), "ü".repeat(100));
        assert_eq!(gist(b"\xff!"), "\u{fffd}!");
    }
}
