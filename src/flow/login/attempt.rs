//! Writing a login that is to begin: one commit decides whether it may, whatever else begins at the same moment on any node.

use crate::domain::audit::{AuditEvent, AuditKind};
use crate::domain::clock::Timestamp;
use crate::domain::id::LoginId;
use crate::domain::login::{Concern, End, Login, LoginStage, Purpose, Reason, Subject};
use crate::flow::Op;
use crate::flow::error::Internal;
use crate::flow::settings::Limits;
use crate::flow::audit::PendingEvent;
use crate::metrics;
use crate::store::logins::LoginInserted;
use crate::store::pushes::Push;
use crate::store::{StoreError, Tx, authorizations, logins, pushes};

use super::begin::Wish;
use super::end;
use super::limits::{self, Verdict};

/// Whom a wish means.
pub(super) struct Meant {
    /// Who would be asked.
    pub(super) subject: Subject,
    /// Whether they used this browser before.
    pub(super) remembered: bool,
    /// Whom it concerns, asked or not.
    pub(super) concern: Concern,
}

/// What became of an attempt.
pub(super) enum Written {
    /// Written as it is here, the slots taken, the attempt counted: create it. Some go on as a decoy.
    Begun(Box<Login>),
    /// Written as ended: a limit is reached, or a stranger's request for the same name is open.
    Refused,
    /// Nothing written: this browser has the same login under way.
    Same(Box<Login>),
    /// Nothing written: this browser has these under way for the same purpose, to be replaced.
    Replaces(Vec<Login>),
    /// Nothing written: this login has the slot of the browser or the person (`None`: its row is gone), and may be made to
    /// give it up.
    Busy(Option<Box<Login>>),
}

/// What the write found, and what is to be told of it once it is committed.
enum Found {
    Written(Written),
    Limited(Verdict),
    Occupied,
}

struct Attempt {
    login: Login,
    hold_until: Option<Timestamp>,
    push: Push,
    event: PendingEvent,
    alarm: PendingEvent,
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
        concern: Concern { client: Some(wish.client.clone()), ..meant.concern.clone() },
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

/// Writes the row, takes the slots, and counts the attempt. One commit.
pub(super) async fn write(op: &Op, login: &Login) -> Result<Written, Internal> {
    let exclusive = op.upstreams.get(login.upstream).is_some_and(|service| service.capabilities().exclusive);
    let attempt = Attempt {
        login: login.clone(),
        // The service's session may live a moment longer than the login: until the broker has withdrawn it.
        hold_until: exclusive.then_some(login.deadline.plus(end::BROKER_IS_DONE)),
        push: Push {
            login_id: login.id.clone(),
            upstream: login.upstream,
            target: login.concern.target.clone().unwrap_or_default(),
            typed: login.typed.clone().unwrap_or_default(),
            source: login.origin.source(),
            network: login.origin.network(),
            browser: login.browser.clone(),
            remembered: login.remembered,
            sent: false,
            at: login.created_at,
        },
        event: PendingEvent::new(&op.env, started(login))?,
        alarm: PendingEvent::new(&op.env, AuditEvent::new(AuditKind::LoginFlood))?,
        limits: op.settings.limits.clone(),
    };
    let found = op.store.write(attempt, |tx, attempt| Box::pin(attempt.run(tx))).await?;
    Ok(match found {
        Found::Written(written) => written,
        Found::Limited(verdict) => {
            limited(op, verdict);
            end::count(login, End::Failed(Reason::RateLimited));
            Written::Refused
        }
        Found::Occupied => {
            end::count(login, End::Failed(Reason::Busy));
            Written::Refused
        }
    })
}

/// Tells operators of a limit that was reached.
fn limited(op: &Op, verdict: Verdict) {
    let Verdict::Flooded { new } = verdict else { return metrics::RATE_LIMITED.add(["asking_phones"]) };
    metrics::RATE_LIMITED.add(["all_people"]);
    if new {
        let most = op.settings.limits.push_all_people_10min;
        tracing::warn!(most, "unknown browsers ask too many people: until it is quieter they are told to wait");
    }
}

/// Writes a login that ends before anybody was asked, so that its page can say why.
pub(super) async fn refuse(op: &Op, login: Login, reason: Reason) -> Result<LoginId, Internal> {
    let refused = refused(&login, reason);
    let now = op.env.now();
    let input = (refused, PendingEvent::new(&op.env, end::event(&login, End::Failed(reason)))?);
    op.store
        .write(input, move |tx, (refused, event)| {
            Box::pin(async move {
                let Purpose::Authorization(id) = &refused.purpose;
                if authorizations::lock_row(tx, id).await? {
                    logins::insert(tx, refused, None).await?;
                }
                event.write(tx, now).await
            })
        })
        .await?;
    end::count(&login, End::Failed(reason));
    Ok(login.id)
}

fn refused(login: &Login, reason: Reason) -> Login {
    Login { stage: LoginStage::Ended(End::Failed(reason)), ..login.clone() }
}

/// The audit event of a beginning: whether somebody was asked, or it was pretended.
fn started(login: &Login) -> AuditEvent {
    end::about(login, AuditKind::LoginStarted, if login.subject == Subject::Decoy { "decoy" } else { "asked" })
}

impl Attempt {
    async fn run(&self, tx: &Tx) -> Result<Found, StoreError> {
        let login = &self.login;
        // Two equal forms at the same moment take turns here: the second finds the first one's login.
        let Purpose::Authorization(id) = &login.purpose;
        // Rows are locked in this order everywhere: the authorization; the turns of the browser, the name, the person, the
        // source and all people; the slots of the browser, the name and the person.
        if !authorizations::lock_row(tx, id).await? {
            // It made room for another one a moment ago: its pages are gone, and with them this login's.
            return Ok(Found::Written(Written::Refused));
        }
        limits::take_browser_turn(tx, &self.limits, &self.push).await?;
        let open = logins::list_open_for_browser(tx, &login.browser, login.created_at).await?;
        let (mut own, others): (Vec<Login>, Vec<Login>) = open.into_iter().partition(|open| open.purpose == login.purpose);
        if let Some(at) = own.iter().position(|open| open.upstream == login.upstream && open.typed == login.typed) {
            return Ok(Found::Written(Written::Same(Box::new(own.swap_remove(at)))));
        }
        if !own.is_empty() {
            return Ok(Found::Written(Written::Replaces(own)));
        }
        // Approved by now, and another tab has not gone on with it yet: no phone is asked again for the same.
        let approved = logins::find_approved(tx, &login.browser, &login.purpose, login.created_at).await?;
        if let Some(approved) = approved.filter(|approved| approved.upstream == login.upstream && approved.typed == login.typed)
        {
            return Ok(Found::Written(Written::Same(Box::new(approved))));
        }
        if self.is_occupied(tx).await? {
            return self.occupied(tx).await;
        }
        // Before a row is written for its name: a source that was told to wait costs nothing more.
        if !login.remembered && limits::source_is_too_busy(tx, &self.limits, &self.push).await? {
            self.end(tx, Reason::RateLimited).await?;
            return Ok(Found::Limited(Verdict::Told));
        }
        limits::take_name_turn(tx, &self.limits, &self.push).await?;
        // Whoever had the turn before may have begun.
        if self.is_occupied(tx).await? {
            return self.occupied(tx).await;
        }
        let verdict = limits::verdict(tx, &self.limits, &self.push, others.len()).await?;
        match verdict {
            Verdict::Free => self.take_slots(tx, login).await,
            Verdict::Pretend => self.take_slots(tx, &Login { subject: Subject::Decoy, ..login.clone() }).await,
            Verdict::Told | Verdict::Flooded { .. } => {
                self.end(tx, Reason::RateLimited).await?;
                if verdict == (Verdict::Flooded { new: true }) {
                    self.alarm.write(tx, self.push.at).await?;
                }
                Ok(Found::Limited(verdict))
            }
        }
    }

    async fn take_slots(&self, tx: &Tx, login: &Login) -> Result<Found, StoreError> {
        if let Some(until) = self.hold_until {
            if let Some(holder) = logins::take_browser_slot(tx, login, until).await? {
                return Ok(Found::Written(Written::Busy(logins::find(tx, &holder).await?.map(Box::new))));
            }
            // A browser that the person used before asks them, whoever else does: the name stays with its holder.
            if logins::take_name_slot(tx, login, until).await?.is_some() && !login.remembered {
                logins::release_all(tx, &login.id).await?;
                return self.occupied(tx).await;
            }
        }
        match logins::insert(tx, login, self.hold_until).await? {
            LoginInserted::Inserted => self.begun(tx, login.clone()).await,
            LoginInserted::Busy { login_id } => self.person_is_asked(tx, &login_id).await,
        }
    }

    /// Somebody's request for this person is open, and not for this name: for another of theirs; or their own browser's, which
    /// took the phone over from a stranger. A browser that the person used before may end it, this browser's own may be
    /// replaced; a stranger's may not and must not notice, and goes on as a decoy (decision 2.7).
    async fn person_is_asked(&self, tx: &Tx, holder: &LoginId) -> Result<Found, StoreError> {
        let held = logins::find(tx, holder).await?;
        let own = held.as_ref().is_some_and(|held| held.browser == self.login.browser);
        if own || self.login.remembered {
            logins::release_all(tx, &self.login.id).await?;
            return Ok(Found::Written(Written::Busy(held.map(Box::new))));
        }
        let decoy = Login { subject: Subject::Decoy, ..self.login.clone() };
        logins::insert(tx, &decoy, self.hold_until).await?;
        self.begun(tx, decoy).await
    }

    /// Whether a stranger finds another browser's login for the same name open. Asked before anything else is locked: of many at
    /// one moment all but one end here.
    async fn is_occupied(&self, tx: &Tx) -> Result<bool, StoreError> {
        let login = &self.login;
        if self.hold_until.is_none() || login.remembered {
            return Ok(false);
        }
        let Some(holder) = logins::find_name_holder(tx, login).await? else { return Ok(false) };
        Ok(logins::find(tx, &holder).await?.is_none_or(|held| held.browser != login.browser))
    }

    /// Another browser's login for the same name is open, whether anybody has that name or not: no picture is shown beside
    /// it, which somebody might take for the one to pick. Counts for its source alone.
    async fn occupied(&self, tx: &Tx) -> Result<Found, StoreError> {
        if limits::source_is_too_busy(tx, &self.limits, &self.push).await? {
            self.end(tx, Reason::RateLimited).await?;
            return Ok(Found::Limited(Verdict::Told));
        }
        let push = Push { target: String::new(), typed: String::new(), ..self.push.clone() };
        pushes::insert(tx, &push).await?;
        self.end(tx, Reason::Busy).await?;
        Ok(Found::Occupied)
    }

    /// Writes it as ended.
    async fn end(&self, tx: &Tx, reason: Reason) -> Result<(), StoreError> {
        logins::insert(tx, &refused(&self.login, reason), None).await?;
        self.event.telling(end::event(&self.login, End::Failed(reason))).write(tx, self.push.at).await
    }

    async fn begun(&self, tx: &Tx, login: Login) -> Result<Found, StoreError> {
        let sent = matches!(login.subject, Subject::Named(_));
        pushes::insert(tx, &Push { sent, ..self.push.clone() }).await?;
        self.event.telling(started(&login)).write(tx, self.push.at).await?;
        Ok(Found::Written(Written::Begun(Box::new(login))))
    }
}
