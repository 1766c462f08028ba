//! From the tap on the phone to the redirect in the browser, as a page with a script feels it: the approval is sent to the
//! virtual phone, the page hears of it by its event stream, continues, and meets the app's redirect URI. Four phones at a
//! time: two people, two services. How long the person looks at the phone before the tap varies from login to login, because
//! where in a polling interval the tap falls decides most of what is measured.

use std::time::Duration;

use futures_util::future::try_join_all;
use signbridge::Upstream;
use signbridge::demo::phone::VirtualPhone;
use signbridge::demo::self_test;
use signbridge::demo::walker::{Page, Walker, Which};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::load::cookie_line;
use crate::target::Target;
use crate::wire::Connection;
use crate::{Outcome, Plan};

/// How long an approval may take to reach the page.
const PATIENCE: Duration = Duration::from_secs(15);

pub(crate) struct Taps {
    /// From tap to redirect, per login.
    pub took: Vec<Duration>,
    /// Calls that the phone services received, over all logins.
    pub upstream_calls: usize,
}

/// Signs in again and again with four phones.
pub(crate) async fn measure(upstream_url: &str, target: &Target, plan: Plan) -> Outcome<Taps> {
    let phone = VirtualPhone::new(upstream_url)?;
    let browser = Walker::new()?.stop_at(&target.redirect_uri);
    let before = phone.calls().await?;
    let lanes = [
        ("alice", Upstream::SecSign),
        ("bob", Upstream::SecSign),
        ("alice", Upstream::ThumbSignIn),
        ("bob", Upstream::ThumbSignIn),
    ];
    let lanes = lanes.into_iter().enumerate().map(|(lane, (user, upstream))| {
        let (phone, browser) = (&phone, &browser);
        async move {
            let mut took = Vec::new();
            for login in 0..plan.logins_per_phone {
                let look = Duration::from_millis(300 + u64::try_from((login * 4 + lane) * 137 % 1000)?);
                let login = Login { target, phone, user, upstream, look };
                took.push(login.run(browser.fresh()).await?);
            }
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(took)
        }
    });
    let took = try_join_all(lanes).await?.concat();
    let after = phone.calls().await?;
    Ok(Taps { took, upstream_calls: after.saturating_sub(before) })
}

struct Login<'a> {
    target: &'a Target,
    phone: &'a VirtualPhone,
    user: &'a str,
    upstream: Upstream,
    look: Duration,
}

impl Login<'_> {
    /// One login in a browser that was never here. Answers the time from tap to redirect.
    async fn run(&self, browser: Walker) -> Outcome<Duration> {
        let start = self.target.authorization_url();
        let page = self_test::wait_page(&browser, start.as_str(), self.upstream, self.user).await?;
        let mut events = self.events(&browser, &page).await?;
        let tapped = self_test::approve(self.phone, &page, self.upstream, self.user, self.look).await?;
        timeout(PATIENCE, until_approved(&mut events)).await.map_err(|_late| "the approval did not reach the page")??;
        let mut page = browser.submit(&page, Which::Id("continue"), &[]).await?;
        if page.main("data-page").as_deref() == Some("wait") {
            // The page of a login without a name asks once more; a slow node may say so a moment later.
            page = browser.submit(&page, Which::Id("continue"), &[]).await?;
        }
        let took = tapped.elapsed();
        match page.url.as_str().starts_with(&self.target.redirect_uri) && page.query("code").is_some() {
            true => Ok(took),
            false => Err(format!("the login did not end at the app but at {}", page.summary()).into()),
        }
    }

    async fn events(&self, browser: &Walker, page: &Page) -> Outcome<TcpStream> {
        let url = page.url.join(&page.main("data-events-url").ok_or("the page names no event stream")?)?;
        let address = self.target.addresses.first().ok_or("the target has no address")?;
        let headers = format!("accept: text/event-stream\r\n{}", cookie_line(&browser.cookies, &url));
        Ok(Connection::new(address).open(&self.target.get(url.path(), &headers)).await?)
    }
}

/// Reads the stream until it says that the phone approved.
async fn until_approved(events: &mut TcpStream) -> Outcome<()> {
    let mut heard = Vec::new();
    loop {
        if events.read_buf(&mut heard).await? == 0 {
            return Err("the event stream ended early".into());
        }
        let heard = String::from_utf8_lossy(&heard);
        if heard.contains(r#""state":"approved""#) {
            return Ok(());
        }
        let over =
            ["denied", "expired", "cancelled", "failed"].iter().find(|state| heard.contains(&format!(r#""state":"{state}""#)));
        if let Some(state) = over {
            return Err(format!("the login ended: {state}").into());
        }
    }
}
