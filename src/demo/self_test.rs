//! `demo --self-test`: one login through each phone service, over HTTP as a browser without JavaScript would do it. The
//! benchmark takes the same steps.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::DemoError;
use super::phone::VirtualPhone;
use super::walker::{Page, Walker, Which};
use crate::domain::user::Upstream;

/// How long one approval may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(20);
/// Pages before the one of the login, or after it.
const MAX_STEPS: usize = 6;

/// A page that no login leads to, or one that lacks what it promises.
fn unexpected(upstream: Upstream, page: &Page) -> DemoError {
    format!("{upstream}: unexpected: {}", page.summary()).into()
}

/// The wait page of a login that begins at `url` and is for `user`, who is known by the same name everywhere.
pub async fn wait_page(browser: &Walker, url: &str, upstream: Upstream, user: &str) -> Result<Page, DemoError> {
    let mut page = browser.get(url).await?;
    for _step in 0..MAX_STEPS {
        page = match page.main("data-page").as_deref() {
            Some("choose") => browser.submit(&page, Which::Control("provider"), &[("provider", upstream.as_str())]).await?,
            Some("identify") => browser.submit(&page, Which::Control("identifier"), &[("identifier", user)]).await?,
            Some("wait") => return Ok(page),
            _other => break,
        };
    }
    Err(unexpected(upstream, &page))
}

/// Does on the phone what the page asks for: picks the symbol that it shows, or scans its code. Answers the moment of the
/// approval, which comes `look` after the request is opened on the phone.
pub async fn approve(
    phone: &VirtualPhone,
    page: &Page,
    upstream: Upstream,
    user: &str,
    look: Duration,
) -> Result<Instant, DemoError> {
    let shown = |id: &str, attribute: &str| page.attribute(id, attribute).ok_or_else(|| unexpected(upstream, page));
    let approved_at;
    match upstream {
        Upstream::SecSign => {
            let picture = shown("access-pass", "src")?;
            let session = phone.push(user).await?;
            let session = format!("/secsign/{user}/sessions/{session}");
            phone.act(&session, &json!({ "action": "fetch" })).await?;
            sleep(look).await;
            approved_at = Instant::now();
            let symbol = picture.rsplit(',').next().unwrap_or_default();
            phone.act(&session, &json!({ "action": "approve", "symbol": symbol })).await?;
        }
        Upstream::ThumbSignIn => {
            let transaction = format!("/thumbsignin/transactions/{}", phone.scan(&shown("deep-link", "href")?).await?);
            sleep(look).await;
            approved_at = Instant::now();
            phone.act(&transaction, &json!({ "action": "approve", "userId": user })).await?;
        }
    }
    Ok(approved_at)
}

/// The page of the login once it says that the phone approved: read again and again, as a person presses reload.
pub async fn approved(browser: &Walker, mut page: Page, upstream: Upstream) -> Result<Page, DemoError> {
    let until = Instant::now() + ARRIVAL;
    loop {
        match page.main("data-login-state").as_deref() {
            Some("approved") => return Ok(page),
            Some("pending" | "fetched") if Instant::now() < until => {
                sleep(Duration::from_millis(100)).await;
                page = browser.get(page.url.as_str()).await?;
            }
            Some("pending" | "fetched") => return Err(format!("{upstream}: the approval did not arrive in time").into()),
            _over => return Err(unexpected(upstream, &page)),
        }
    }
}

/// Signs `alice` in through each phone service, with a browser that has never been here. Answers the claims of the ID tokens.
pub async fn run(app_url: &str, upstream_url: &str) -> Result<Vec<Value>, DemoError> {
    let (browser, phone) = (Walker::new()?, VirtualPhone::new(upstream_url)?);
    let mut claims = Vec::new();
    for upstream in Upstream::ALL {
        let browser = browser.fresh();
        let page = wait_page(&browser, &format!("{app_url}/login"), upstream, "alice").await?;
        approve(&phone, &page, upstream, "alice", Duration::ZERO).await?;
        let approved = approved(&browser, page, upstream).await?;
        let result = browser.submit(&approved, Which::Id("continue"), &[]).await?;
        let shown = result.text("id-token").and_then(|text| serde_json::from_str(&text).ok());
        claims.push(shown.ok_or_else(|| unexpected(upstream, &result))?);
    }
    Ok(claims)
}
