//! The load: a few connections that each send one request after the other, and what came of it.

use std::time::Duration;

use futures_util::future::try_join_all;
use reqwest::cookie::{CookieStore as _, Jar};
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use crate::Outcome;
use crate::target::Target;
use crate::wire::{Answer, Connection};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// The metadata (OIDC Discovery §4).
    Discovery,
    /// In a browser that is signed in: authorization request, code, tokens (OIDC Core §3.1).
    CodeRoundTrip,
    /// A refresh (RFC 6749 §6).
    Refresh,
    /// Userinfo (OIDC Core §5.3).
    UserInfo,
    /// Introspection of an access token (RFC 7662).
    Introspection,
}

impl Operation {
    /// Every operation, in the order of the table.
    pub(crate) const ALL: [Self; 5] =
        [Self::Discovery, Self::CodeRoundTrip, Self::Refresh, Self::UserInfo, Self::Introspection];

    /// The name in the table.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Discovery => "discovery",
            Self::CodeRoundTrip => "code round trip",
            Self::Refresh => "refresh",
            Self::UserInfo => "userinfo",
            Self::Introspection => "introspection",
        }
    }
}

/// What one or several turns gave.
#[derive(Clone, Default)]
pub(crate) struct Sample {
    pub lasted: Duration,
    pub took: Vec<Duration>,
}

/// One connection with what its owner holds.
pub(crate) struct Worker {
    connection: Connection,
    cookies: Jar,
    access_token: String,
    refresh_token: String,
}

impl Worker {
    /// A worker with a copy of the cookies that a browser sends to the issuer, at the node with this address.
    pub(crate) fn new(address: &str, issuer: &Url, browser: &Jar) -> Self {
        let (connection, cookies) = (Connection::new(address), Jar::default());
        let sent = browser.cookies(issuer);
        for cookie in sent.iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split("; ")) {
            cookies.add_cookie_str(&format!("{cookie}; Path=/"), issuer);
        }
        Self { connection, cookies, access_token: String::new(), refresh_token: String::new() }
    }

    /// Sends `operation` once.
    pub(crate) async fn perform(&mut self, target: &Target, operation: Operation) -> Outcome<()> {
        match operation {
            Operation::Discovery => {
                let answer = self.connection.exchange(&target.get("/.well-known/openid-configuration", "")).await?;
                expect(&answer, 200)
            }
            Operation::CodeRoundTrip => self.code_round_trip(target).await,
            Operation::Refresh => {
                let fields = [("grant_type", "refresh_token"), ("refresh_token", self.refresh_token.as_str())];
                let request = target.post(&target.paths.token, &fields);
                self.take_tokens(&request).await
            }
            Operation::UserInfo => {
                let bearer = format!("authorization: Bearer {}\r\n", self.access_token);
                let answer = self.connection.exchange(&target.get(&target.paths.userinfo, &bearer)).await?;
                expect(&answer, 200)
            }
            Operation::Introspection => {
                let request = target.post(&target.paths.introspection, &[("token", self.access_token.as_str())]);
                let answer = self.connection.exchange(&request).await?;
                expect(&answer, 200)?;
                match serde_json::from_slice::<Value>(&answer.body)?.get("active") {
                    Some(Value::Bool(true)) => Ok(()),
                    _inactive => Err("the token is not active".into()),
                }
            }
        }
    }

    /// Follows the authorization request to the redirect URI, as a signed-in browser, and redeems the code.
    async fn code_round_trip(&mut self, target: &Target) -> Outcome<()> {
        let mut url = target.authorization_url();
        let code = loop {
            let cookies = cookie_line(&self.cookies, &url);
            let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
            let answer = self.connection.exchange(&target.get(&path, &cookies)).await?;
            expect(&answer, 303)?;
            for cookie in answer.headers("set-cookie") {
                self.cookies.add_cookie_str(cookie, &url);
            }
            let location = url.join(answer.header("location").ok_or("a redirect without a location")?)?;
            if location.as_str().starts_with(&target.redirect_uri) {
                break code_in(&location)?;
            }
            url = location;
        };
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", target.redirect_uri.as_str()),
            ("code_verifier", target.verifier.as_str()),
        ];
        let request = target.post(&target.paths.token, &fields);
        self.take_tokens(&request).await
    }

    async fn take_tokens(&mut self, request: &str) -> Outcome<()> {
        let answer = self.connection.exchange(request).await?;
        expect(&answer, 200)?;
        let tokens: Value = serde_json::from_slice(&answer.body)?;
        let text = |name: &str| tokens.get(name).and_then(Value::as_str).map(str::to_owned);
        text("id_token").ok_or("no ID token")?;
        self.access_token = text("access_token").ok_or("no access token")?;
        if let Some(token) = text("refresh_token") {
            self.refresh_token = token;
        }
        Ok(())
    }
}

/// The header line with the cookies for `url`, if there are any.
pub(crate) fn cookie_line(cookies: &Jar, url: &Url) -> String {
    let cookies = cookies.cookies(url);
    let text = cookies.as_ref().and_then(|line| line.to_str().ok());
    text.map(|cookies| format!("cookie: {cookies}\r\n")).unwrap_or_default()
}

fn code_in(location: &Url) -> Outcome<String> {
    let code = location.query_pairs().find(|(name, _value)| name == "code").map(|(_name, code)| code.into_owned());
    code.ok_or_else(|| format!("no code in {location}").into())
}

fn expect(answer: &Answer, status: u16) -> Outcome<()> {
    if answer.status == status {
        return Ok(());
    }
    let body: String = String::from_utf8_lossy(&answer.body).chars().take(300).collect();
    Err(format!("HTTP {} instead of {status}: {body}", answer.status).into())
}

/// Every worker of `target` performs `operation` again and again for `turn`.
pub(crate) async fn run(target: &mut Target, operation: Operation, turn: Duration) -> Outcome<Sample> {
    let mut workers = std::mem::take(&mut target.workers);
    for worker in &mut workers {
        worker.connection.reopen().await?;
    }
    let begun = Instant::now();
    let until = begun + turn;
    let target_ref = &*target;
    let all = workers.iter_mut().map(|worker| async move {
        let mut took = Vec::new();
        while Instant::now() < until {
            let begun = Instant::now();
            worker.perform(target_ref, operation).await?;
            took.push(begun.elapsed());
        }
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(took)
    });
    let took = try_join_all(all).await?.concat();
    let sample = Sample { lasted: begun.elapsed(), took };
    target.workers = workers;
    Ok(sample)
}
