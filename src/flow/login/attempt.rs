//! Writing a login that is to begin: one commit decides whether it may, whatever else begins at the same moment on any node.

use crate::domain::audit::{AuditEvent, AuditKind};
use crate::domain::clock::Timestamp;
use crate::domain::id::LoginId;
use crate::domain::login::{End, Login, LoginStage, Purpose, Reason, Subject};
use crate::flow::Op;
use crate::flow::error::Internal;
use crate::flow::settings::Limits;
use crate::flow::trail::Entry;
use crate::metrics;
use crate::store::logins::LoginInserted;
use crate::store::pushes::Push;
use crate::store::{StoreError, Tx, authorizations, logins, pushes};

use super::begin::Wish;
use super::{end, limits};

/// Whom a wish means.
pub(super) struct Meant {
    /// Who would be asked.
    pub(super) subject: Subject,
    /// Whether they used this browser before.
    pub(super) remembered: bool,
    /// The name under which the attempt counts: the service's for a person, what was typed for nobody.
    pub(super) target: String,
}

/// What became of an attempt.
pub(super) enum Written {
    /// Written as it is here, the person's slot taken where there is one, the attempt counted: create it. A stranger's login
    /// for somebody who is being asked already has become a decoy (decision 2.7).
    Begun(Box<Login>),
    /// Written as ended: a limit is reached.
    Limited,
    /// Nothing written: this browser has the same login under way.
    Same(Box<Login>),
    /// Nothing written: this browser has these under way for the same purpose, to be replaced.
    Replaces(Vec<Login>),
    /// Nothing written: this login has the slot of the browser or the person (`None`: its row is gone), and may be made to
    /// give it up.
    Busy(Option<Box<Login>>),
}

struct Attempt {
    login: Login,
    hold_until: Option<Timestamp>,
    push: Push,
    event: Entry,
    limits: Limits,
}

/// The login that is to begin.
pub(super) fn login(op: &Op, wish: &Wish, meant: &Meant) -> Result<Login, Internal> {
    let now = op.env.now();
    Ok(Login {
        id: LoginId::generate(&op.env)?,
        purpose: wish.purpose.clone(),
        browser: wish.browser.clone(),
        origin: wish.origin.clone(),
        upstream: wish.upstream,
        subject: meant.subject.clone(),
        remembered: meant.remembered,
        typed: wish.identifier.clone(),
        remember: wish.remember,
        challenge: None,
        stage: LoginStage::Creating,
        created_at: now,
        deadline: deadline(op, wish, now),
        consumed_at: None,
    })
}

/// The same login, beginning now: what was in its way may have taken seconds.
pub(super) fn restarted(op: &Op, wish: &Wish, login: Login) -> Login {
    let now = op.env.now();
    Login { created_at: now, deadline: deadline(op, wish, now), ..login }
}

/// No phone is asked for longer than its answer is of use.
fn deadline(op: &Op, wish: &Wish, now: Timestamp) -> Timestamp {
    now.plus(op.settings.lifetimes.login).min(wish.until)
}

/// Writes the row, takes the slots, and counts the attempt under `target`. One commit.
pub(super) async fn write(op: &Op, login: &Login, target: &str) -> Result<Written, Internal> {
    let exclusive = op.upstreams.get(login.upstream).is_some_and(|service| service.capabilities().exclusive);
    let mut event = AuditEvent::new(AuditKind::LoginStarted);
    event.subject = Some(login.id.to_string());
    event.origin = login.origin.clone();
    let attempt = Attempt {
        login: login.clone(),
        hold_until: exclusive.then_some(login.deadline),
        push: Push {
            login_id: login.id.clone(),
            upstream: login.upstream,
            target: target.to_owned(),
            address: login.origin.address.clone(),
            browser: login.browser.clone(),
            remembered: login.remembered,
            at: login.created_at,
        },
        event: Entry::new(&op.env, event)?,
        limits: op.settings.limits.clone(),
    };
    let written = op.store.write(attempt, |tx, attempt| Box::pin(attempt.run(tx))).await?;
    if matches!(written, Written::Limited) {
        metrics::RATE_LIMITED.add(["asking_phones"]);
        end::count(login, End::Failed(Reason::RateLimited));
    }
    Ok(written)
}

/// Writes a login that ends before anybody was asked, so that its page can say why.
pub(super) async fn refuse(op: &Op, login: Login, reason: Reason) -> Result<LoginId, Internal> {
    let refused = refused(&login, reason);
    op.store.write(refused, |tx, refused| Box::pin(async move { logins::insert(tx, refused, None).await })).await?;
    end::count(&login, End::Failed(reason));
    Ok(login.id)
}

fn refused(login: &Login, reason: Reason) -> Login {
    Login { stage: LoginStage::Ended(End::Failed(reason)), ..login.clone() }
}

impl Attempt {
    async fn run(&self, tx: &Tx) -> Result<Written, StoreError> {
        let login = &self.login;
        // Two equal forms at the same moment take turns here: the second finds the first one's login.
        let Purpose::Authorization(id) = &login.purpose;
        // Rows are locked in this order everywhere: the authorization; the turns of the browser, the person and the source;
        // the slots of the browser and the person.
        authorizations::lock(tx, id).await?;
        limits::take_browser_turn(tx, &self.limits, &self.push).await?;
        let open = logins::list_open_for_browser(tx, &login.browser, login.created_at).await?;
        let (mut own, others): (Vec<Login>, Vec<Login>) = open.into_iter().partition(|open| open.purpose == login.purpose);
        if let Some(at) = own.iter().position(|open| open.upstream == login.upstream && open.typed == login.typed) {
            return Ok(Written::Same(Box::new(own.swap_remove(at))));
        }
        if !own.is_empty() {
            return Ok(Written::Replaces(own));
        }
        if limits::exceeded(tx, &self.limits, &self.push, others.len()).await? {
            logins::insert(tx, &refused(login, Reason::RateLimited), None).await?;
            return Ok(Written::Limited);
        }
        if let Some(until) = self.hold_until
            && let Some(holder) = logins::take_browser_slot(tx, login, until).await?
        {
            return Ok(Written::Busy(logins::find(tx, &holder).await?.map(Box::new)));
        }
        match logins::insert(tx, login, self.hold_until).await? {
            LoginInserted::Inserted => self.begun(tx, login.clone()).await,
            LoginInserted::Busy { login_id } => self.busy(tx, &login_id).await,
        }
    }

    /// Somebody's request for this person is open. A browser that the person used before may end it, this browser's own may
    /// be replaced; a stranger's may not, and must not notice (decision 2.7).
    async fn busy(&self, tx: &Tx, holder: &LoginId) -> Result<Written, StoreError> {
        let held = logins::find(tx, holder).await?;
        let own = held.as_ref().is_some_and(|held| held.browser == self.login.browser);
        if own || self.login.remembered {
            logins::release_browser_slot(tx, &self.login.id).await?;
            return Ok(Written::Busy(held.map(Box::new)));
        }
        let decoy = Login { subject: Subject::Decoy, ..self.login.clone() };
        logins::insert(tx, &decoy, None).await?;
        self.begun(tx, decoy).await
    }

    async fn begun(&self, tx: &Tx, login: Login) -> Result<Written, StoreError> {
        pushes::insert(tx, &self.push).await?;
        match &login.subject {
            Subject::Named(asked) => {
                self.event.about(asked.user_id.as_str(), login.id.as_str()).write(tx, self.push.at).await?
            }
            Subject::Unnamed | Subject::Decoy => self.event.write(tx, self.push.at).await?,
        }
        Ok(Written::Begun(Box::new(login)))
    }
}
