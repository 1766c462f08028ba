//! `demo --self-test`: one sign-in through each phone service, over HTTP as a browser without JavaScript would do it.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::http::HttpError;
use super::phone::{PhoneError, VirtualPhone};
use super::walker::{Page, WalkError, Walker, Which};
use crate::domain::user::Upstream;

/// How long one sign-in may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Pages of one sign-in, before it is taken for a circle.
const MAX_STEPS: usize = 30;

/// Why a sign-in did not reach the app's result page.
#[derive(Debug, thiserror::Error)]
pub enum SelfTestError {
    /// A page.
    #[error(transparent)]
    Walk(#[from] WalkError),
    /// The phone.
    #[error(transparent)]
    Phone(#[from] PhoneError),
    /// The HTTP client.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A page that no sign-in leads to.
    #[error("{upstream}: a page was not expected: {url} (HTTP {status}): {text}")]
    Unexpected {
        /// Which sign-in.
        upstream: Upstream,
        /// Where it was.
        url: String,
        /// Its status.
        status: u16,
        /// The beginning of its text.
        text: String,
    },
    /// The page of the login shows nothing to approve with.
    #[error("{0}: the page shows neither an access pass nor a link for the phone")]
    NothingToApprove(Upstream),
    /// The approval did not arrive.
    #[error("{0}: the approval did not arrive in time")]
    Late(Upstream),
    /// The result page has no claims.
    #[error("{0}: the result page has no ID token claims")]
    NoClaims(Upstream),
}

/// One sign-in: through which service, as whom, and how.
#[derive(Clone, Debug)]
pub struct SignInBy<'a> {
    /// Where the app sends people to sign in.
    pub login_url: &'a str,
    /// The phone service to choose.
    pub upstream: Upstream,
    /// What to type on the page that asks who signs in.
    pub identifier: &'a str,
    /// The name by which the phone service knows them.
    pub phone_user: &'a str,
}

/// Signs in and answers the app's result page.
///
/// # Errors
/// See [`SelfTestError`].
pub async fn sign_in(browser: &mut Walker, phone: &VirtualPhone, by: &SignInBy<'_>) -> Result<Page, SelfTestError> {
    let until = Instant::now() + PATIENCE;
    let mut page = browser.get(by.login_url).await?;
    let mut answered = false;
    for _step in 0..MAX_STEPS {
        let unexpected = |page: &Page| SelfTestError::Unexpected {
            upstream: by.upstream,
            url: page.url.to_string(),
            status: page.status,
            text: page.summary(),
        };
        page = match page.main("data-page").as_deref() {
            Some("choose") => browser.submit(&page, Which::Control("provider"), &[("provider", by.upstream.as_str())]).await?,
            Some("identify") => browser.submit(&page, Which::Control("identifier"), &[("identifier", by.identifier)]).await?,
            Some("consent") => browser.submit(&page, Which::Id("consent"), &[("decision", "allow")]).await?,
            Some("wait") => {
                if !answered {
                    answer(phone, &page, by).await?;
                    answered = true;
                }
                let approved = approved(browser, page, until, by.upstream).await?;
                browser.submit(&approved, Which::Id("continue"), &[]).await?
            }
            None if page.element("id-token").is_some() => return Ok(page),
            _other => return Err(unexpected(&page)),
        };
    }
    Err(SelfTestError::Late(by.upstream))
}

/// Does on the phone what the page asks for: picks the symbol that it shows, or scans its code.
///
/// # Errors
/// See [`SelfTestError`].
pub async fn answer(phone: &VirtualPhone, page: &Page, by: &SignInBy<'_>) -> Result<(), SelfTestError> {
    let attribute = |id: &str, name: &str| page.element(id).and_then(|element| element.attribute(name).map(str::to_owned));
    match by.upstream {
        Upstream::SecSign => {
            let shown = attribute("access-pass", "src").ok_or(SelfTestError::NothingToApprove(by.upstream))?;
            let push = phone.push(by.phone_user).await?;
            phone.answer_push(by.phone_user, &push, "fetch", None).await?;
            let symbol = shown.rsplit(',').next();
            phone.answer_push(by.phone_user, &push, "approve", symbol).await?;
        }
        Upstream::ThumbSignIn => {
            let link = attribute("deep-link", "href").ok_or(SelfTestError::NothingToApprove(by.upstream))?;
            let transaction = phone.scan(&link).await?;
            phone.answer_transaction(&transaction, "approve", by.phone_user).await?;
        }
    }
    Ok(())
}

/// The page of the login once it says that the phone approved: read again and again, as a person presses reload.
///
/// # Errors
/// When the login ends otherwise, or not in time.
pub async fn approved(browser: &mut Walker, page: Page, until: Instant, upstream: Upstream) -> Result<Page, SelfTestError> {
    let mut page = page;
    loop {
        match page.main("data-login-state").as_deref() {
            Some("approved") => return Ok(page),
            Some("pending" | "fetched") if Instant::now() < until => {
                sleep(Duration::from_millis(100)).await;
                page = browser.get(page.url.as_str()).await?;
            }
            Some("pending" | "fetched") => return Err(SelfTestError::Late(upstream)),
            _over => {
                let (url, text) = (page.url.to_string(), page.summary());
                return Err(SelfTestError::Unexpected { upstream, url, status: page.status, text });
            }
        }
    }
}

/// Signs `alice` in through each phone service, with a browser that has never been here. Answers the claims of the ID tokens.
///
/// # Errors
/// See [`SelfTestError`].
pub async fn run(app_url: &str, upstream_url: &str) -> Result<Vec<Value>, SelfTestError> {
    let (browser, phone) = (Walker::new()?, VirtualPhone::new(upstream_url)?);
    let login_url = format!("{app_url}/login");
    let mut claims = Vec::new();
    for upstream in Upstream::ALL {
        let by = SignInBy { login_url: &login_url, upstream, identifier: "alice", phone_user: "alice" };
        let page = sign_in(&mut browser.fresh(), &phone, &by).await?;
        let shown = page.element("id-token").map(|element| element.text).unwrap_or_default();
        claims.push(serde_json::from_str(&shown).map_err(|_no_json| SelfTestError::NoClaims(upstream))?);
    }
    Ok(claims)
}
