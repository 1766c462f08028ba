//! Writing a login that is to begin: one commit decides whether it may, whatever else begins at the same moment on any node.
//! How often a phone may be asked (checks 134–136) is counted in the database, so that every node sees the same. A browser
//! that nobody used before is told of a limit by what was typed and where it came from, and by nothing else: a name that nobody
//! has is counted as one that somebody has. What is counted by the user, for all spellings of their name together, is not told:
//! who is over it goes on as a decoy (checks 138, 139). Browsers that signed in as the user before have a quota of their own.

use super::{end, outcome};
use crate::domain::id::LoginId;
use crate::domain::login::{Concern, End, LoginStage};
use crate::domain::settings::Limits;
use crate::flow::prelude::*;
use crate::store::pushes;

const TEN_MINUTES: Duration = Duration::from_secs(600);
const DAY: Duration = Duration::from_secs(86_400);

/// But for the first two nothing was written: whoever answers one of the others has given back what slots it took.
pub(super) enum AttemptOutcome {
    /// Written as it is here, the slots taken, the attempt counted: create it. Some go on as a decoy.
    Begun(Box<Login>),
    /// Written as ended, unless what it is for is gone.
    Refused(Verdict),
    Same(Box<Login>),
    /// This browser has these under way for the same purpose, to be replaced.
    Replaces(Vec<Login>),
    /// This login has the slot of the browser or the user (`None`: its row is gone), and may be made to give it up.
    Busy(Option<Box<Login>>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing is in its way.
    Free,
    /// What it is for is gone.
    Gone,
    /// Another browser's login for the same name is open.
    Occupied,
    /// Nobody may be asked, and nobody may be told why: the attempt goes on as a decoy.
    Pretend,
    /// Too often: said by what was typed, by the browser or by where it came from.
    Told,
    /// Browsers that nobody used before asked too many users, all together: said whatever was typed. The first of these in ten
    /// minutes is `new`.
    Flooded { new: bool },
    /// As many logins are open as may be: said whatever was typed.
    Crowded,
}

struct Attempt {
    login: Login,
    hold_until: Option<Timestamp>,
    event: PendingEvent,
    alarm: PendingEvent,
    limits: Limits,
}

pub(super) async fn write(op: &Op, login: &Login) -> Result<AttemptOutcome, Internal> {
    let exclusive = op.upstreams.get(&login.upstream).is_some_and(|service| service.capabilities().exclusive);
    let attempt = Attempt {
        login: login.clone(),
        // The upstream's session may live a moment longer than the login: until the poller has withdrawn it.
        hold_until: exclusive.then_some(login.deadline.plus(end::POLLER_IS_DONE)),
        event: PendingEvent::new(&op.store, started(login))?,
        alarm: PendingEvent::new(&op.store, AuditEvent::new(AuditKind::LoginFlood))?,
        limits: op.settings.limits.clone(),
    };
    let outcome = op.store.write(attempt, |tx, attempt| Box::pin(attempt.run(tx))).await?;
    if let AttemptOutcome::Refused(verdict) = outcome {
        count_refused(op, login, verdict);
    }
    Ok(outcome)
}

impl Verdict {
    const fn how(self) -> End {
        End::Failed(if matches!(self, Self::Occupied) { Reason::Busy } else { Reason::RateLimited })
    }
}

fn count_refused(op: &Op, login: &Login, verdict: Verdict) {
    match verdict {
        Verdict::Free | Verdict::Pretend | Verdict::Gone => return,
        Verdict::Occupied => {}
        Verdict::Told => metrics::RATE_LIMITED.add(["asking_phones"]),
        Verdict::Crowded => metrics::RATE_LIMITED.add(["pending"]),
        Verdict::Flooded { new } => {
            metrics::RATE_LIMITED.add(["all_people"]);
            if new {
                let most = op.settings.limits.push_all_people_10min;
                tracing::warn!(most, "unknown browsers ask too many people: until it is quieter they are told to wait");
            }
        }
    }
    end::count(login, verdict.how());
}

/// Writes a login that ends before anybody was asked, so that its page can say why.
pub(super) async fn refuse(op: &Op, login: Login, reason: Reason) -> Result<LoginId, Internal> {
    let (now, how) = (op.env.now(), End::Failed(reason));
    let input = (login.clone(), PendingEvent::new(&op.store, end::event(&login, how))?);
    let written = op.store.write(input, move |tx, (login, event)| {
        Box::pin(async move {
            if outcome::on_begin(tx, &login.purpose).await? {
                insert_ended(tx, login, how).await?;
            }
            event.write(tx, now).await
        })
    });
    written.await?;
    end::count(&login, how);
    Ok(login.id)
}

async fn insert_ended(tx: &Tx, login: &Login, how: End) -> Result<(), StoreError> {
    logins::insert(tx, &Login { stage: LoginStage::Ended(how), ..login.clone() }, None).await.map(drop)
}

fn started(login: &Login) -> AuditEvent {
    end::about(login, AuditKind::LoginStarted, if login.subject == Subject::Decoy { "decoy" } else { "asked" })
}

impl Attempt {
    /// Rows are locked in this order everywhere: what the login is for; the browser, the name, the user, the source and all users;
    /// the slots of the browser, the name and the user.
    async fn run(&self, tx: &Tx) -> Result<AttemptOutcome, StoreError> {
        let login = &self.login;
        // Two equal forms at the same moment wait for each other here: the second finds the first one's login.
        if !outcome::on_begin(tx, &login.purpose).await? {
            return Ok(AttemptOutcome::Refused(Verdict::Gone));
        }
        let pending = match self.beside_others(tx).await? {
            Ok(others) => others,
            Err(found) => return Ok(found),
        };
        if self.is_occupied(tx).await? {
            return self.occupied(tx).await;
        }
        // Before a row is written for its name: a source that was told to wait costs nothing more.
        if !login.remembered && self.source_is_too_busy(tx).await? {
            return self.refused(tx, Verdict::Told).await;
        }
        if self.counts_user() {
            self.lock(tx, format!("name/{}/{}", login.upstream, login.counts_for().1)).await?;
        }
        // Whoever held the lock before may have begun.
        if self.is_occupied(tx).await? {
            return self.occupied(tx).await;
        }
        match self.verdict(tx, pending).await? {
            Verdict::Free => self.take_slots(tx, login).await,
            Verdict::Pretend => self.take_slots(tx, &Login { subject: Subject::Decoy, ..login.clone() }).await,
            reached => self.refused(tx, reached).await,
        }
    }

    /// How many other logins this browser has under way; or, for the same purpose, what is to be gone on with or replaced.
    async fn beside_others(&self, tx: &Tx) -> Result<Result<usize, AttemptOutcome>, StoreError> {
        let login = &self.login;
        let Some(browser) = &login.browser else { return Ok(Ok(0)) };
        if self.limits.pending_per_browser.is_some() {
            self.lock(tx, format!("browser/{}", browser.0.as_str())).await?;
        }
        let open = logins::list_open_for_browser(tx, browser, login.created_at).await?;
        let (mut own, others): (Vec<Login>, Vec<Login>) = open.into_iter().partition(|open| open.purpose == login.purpose);
        if let Some(at) = own.iter().position(|open| open.asks_the_same(login)) {
            return Ok(Err(AttemptOutcome::Same(Box::new(own.swap_remove(at)))));
        }
        if !own.is_empty() {
            return Ok(Err(AttemptOutcome::Replaces(own)));
        }
        // Approved by now, and another tab has not gone on with it yet: no phone is asked again for the same.
        let approved = logins::find_approved(tx, browser, &login.purpose, login.created_at).await?;
        Ok(match approved.filter(|approved| approved.asks_the_same(login)) {
            Some(approved) => Err(AttemptOutcome::Same(Box::new(approved))),
            None => Ok(others.len()),
        })
    }

    /// Attempts at the same moment, here or on other nodes, wait for each other: they cannot all find room.
    async fn lock(&self, tx: &Tx, key: String) -> Result<(), StoreError> {
        pushes::lock_counter(tx, key, self.login.created_at).await
    }

    async fn take_slots(&self, tx: &Tx, login: &Login) -> Result<AttemptOutcome, StoreError> {
        if let Some(until) = self.hold_until {
            if let Some(holder) = logins::take_browser_slot(tx, login, until).await? {
                return Ok(AttemptOutcome::Busy(logins::find(tx, &holder).await?.map(Box::new)));
            }
            // A browser that the user used before asks them, whoever else does: the name stays with its holder.
            if logins::take_name_slot(tx, login, until).await?.is_some() && !login.remembered {
                logins::release_all(tx, &login.id).await?;
                return self.occupied(tx).await;
            }
        }
        match logins::insert(tx, login, self.hold_until).await? {
            None => self.begun(tx, login.clone()).await,
            Some(holder) => self.user_is_asked(tx, &holder).await,
        }
    }

    /// A request for this user is open under another name of theirs, or their own browser took the phone over. A browser that the
    /// user used before may end it, this browser's own may be replaced; any other must not notice, and goes on as a decoy
    /// (decision 2.7).
    async fn user_is_asked(&self, tx: &Tx, holder: &LoginId) -> Result<AttemptOutcome, StoreError> {
        let held = logins::find(tx, holder).await?;
        let own = held.as_ref().is_some_and(|held| held.shares_browser(&self.login));
        if own || self.login.remembered {
            logins::release_all(tx, &self.login.id).await?;
            return Ok(AttemptOutcome::Busy(held.map(Box::new)));
        }
        let decoy = Login { subject: Subject::Decoy, ..self.login.clone() };
        logins::insert(tx, &decoy, self.hold_until).await?;
        self.begun(tx, decoy).await
    }

    /// Asked before anything else is locked: of many at one moment all but one end here.
    async fn is_occupied(&self, tx: &Tx) -> Result<bool, StoreError> {
        if self.hold_until.is_none() || self.login.remembered {
            return Ok(false);
        }
        let Some(holder) = logins::find_name_holder(tx, &self.login).await? else { return Ok(false) };
        Ok(logins::find(tx, &holder).await?.is_none_or(|held| !held.shares_browser(&self.login)))
    }

    /// Another browser's login for the same name is open, whether anybody has that name or not: no picture is shown beside
    /// it, which somebody might take for the one to pick. Counts for its source alone.
    async fn occupied(&self, tx: &Tx) -> Result<AttemptOutcome, StoreError> {
        if self.source_is_too_busy(tx).await? {
            return self.refused(tx, Verdict::Told).await;
        }
        let nobodys = Login { subject: Subject::Unnamed, typed: None, concern: Concern::default(), ..self.login.clone() };
        pushes::insert(tx, &nobodys).await?;
        self.refused(tx, Verdict::Occupied).await
    }

    async fn refused(&self, tx: &Tx, verdict: Verdict) -> Result<AttemptOutcome, StoreError> {
        let (how, now) = (verdict.how(), self.login.created_at);
        insert_ended(tx, &self.login, how).await?;
        self.event.telling(end::event(&self.login, how)).write(tx, now).await?;
        if verdict == (Verdict::Flooded { new: true }) {
            self.alarm.write(tx, now).await?;
        }
        Ok(AttemptOutcome::Refused(verdict))
    }

    async fn begun(&self, tx: &Tx, login: Login) -> Result<AttemptOutcome, StoreError> {
        pushes::insert(tx, &login).await?;
        self.event.telling(started(&login)).write(tx, login.created_at).await?;
        Ok(AttemptOutcome::Begun(Box::new(login)))
    }

    /// A QR code without a name asks nobody in particular.
    fn counts_user(&self) -> bool {
        let limits = &self.limits;
        let limited = if self.login.remembered {
            limits.push_per_remembered_person_10min.is_some()
        } else {
            limits.push_per_person_10min.is_some() || limits.push_per_person_day.is_some()
        };
        limited && !self.login.counts_for().0.is_empty()
    }

    /// Asked inside the write that counts the attempt, so that attempts at the same moment cannot all find room. `pending` is how
    /// many other logins the browser has under way.
    async fn verdict(&self, tx: &Tx, pending: usize) -> Result<Verdict, StoreError> {
        let (limits, login) = (&self.limits, &self.login);
        let (target, name) = login.counts_for();
        if limits.pending_per_browser.is_some_and(|most| pending >= usize::try_from(most).unwrap_or(usize::MAX)) {
            return Ok(Verdict::Told);
        }
        self.lock_counts(tx).await?;
        let since = login.created_at.minus(TEN_MINUTES);
        if login.remembered {
            let limit = limits.push_per_remembered_person_10min.filter(|_| !target.is_empty());
            let reached = is_reached(limit, pushes::count_sent(tx, login.upstream, target, since, true)).await?;
            return Ok(if reached { Verdict::Told } else { Verdict::Free });
        }
        if self.source_is_too_busy(tx).await? {
            return Ok(Verdict::Told);
        }
        if is_reached(limits.pending, logins::count_all_open(tx, login.created_at)).await? {
            return Ok(Verdict::Crowded);
        }
        if target.is_empty() {
            return Ok(Verdict::Free);
        }
        let denied = self.denied(tx).await?;
        let day = login.created_at.minus(DAY);
        let typed = |since| pushes::count_typed(tx, login.upstream, name, since);
        if denied == Verdict::Told || self.too_often(typed(since), typed(day)).await? {
            return Ok(Verdict::Told);
        }
        if is_reached(limits.push_all_people_10min, pushes::count_sent_by_strangers(tx, since)).await? {
            return Ok(Verdict::Flooded { new: pushes::is_first(tx, "alarm/all".to_owned(), since, login.created_at).await? });
        }
        let sent = |since| pushes::count_sent(tx, login.upstream, target, since, false);
        if self.too_often(sent(since), sent(day)).await? {
            return Ok(Verdict::Pretend);
        }
        Ok(denied)
    }

    /// Always in this order: two attempts never wait for each other.
    async fn lock_counts(&self, tx: &Tx) -> Result<(), StoreError> {
        let (limits, login) = (&self.limits, &self.login);
        let (stranger, (target, _)) = (!login.remembered, login.counts_for());
        let network = login.origin.network().filter(|_| stranger && limits.push_per_network_10min.is_some());
        let keys = [
            self.counts_user().then(|| format!("{}/{target}", login.upstream)),
            (stranger && limits.push_per_source_10min.is_some()).then(|| format!("source/{}", login.origin.source())),
            network.map(|network| format!("source/{network}")),
            (stranger && limits.push_all_people_10min.is_some() && !target.is_empty()).then(|| "all".to_owned()),
        ];
        for key in keys.into_iter().flatten() {
            self.lock(tx, key).await?;
        }
        Ok(())
    }

    async fn source_is_too_busy(&self, tx: &Tx) -> Result<bool, StoreError> {
        let (limits, login) = (&self.limits, &self.login);
        let (source, since) = (login.origin.source(), login.created_at.minus(TEN_MINUTES));
        if is_reached(limits.push_per_source_10min, pushes::count_source(tx, &source, since)).await? {
            return Ok(true);
        }
        let Some(network) = login.origin.network() else { return Ok(false) };
        is_reached(limits.push_per_network_10min, pushes::count_network(tx, &network, since)).await
    }

    /// Whether the user declined a request from this source a short while ago. Told where the same name was typed.
    async fn denied(&self, tx: &Tx) -> Result<Verdict, StoreError> {
        let (Some(pause), login) = (self.limits.denial_pause, &self.login) else { return Ok(Verdict::Free) };
        let ((target, name), source) = (login.counts_for(), login.origin.source());
        let denials = pushes::list_denials(tx, login.upstream, target, &source, login.created_at.minus(pause)).await?;
        Ok(match denials.as_slice() {
            [] => Verdict::Free,
            some if some.iter().any(|(_, typed)| typed == name) => Verdict::Told,
            _other_names => Verdict::Pretend,
        })
    }

    async fn too_often(&self, ten_minutes: impl Count, day: impl Count) -> Result<bool, StoreError> {
        let limits = &self.limits;
        Ok(is_reached(limits.push_per_person_10min, ten_minutes).await? || is_reached(limits.push_per_person_day, day).await?)
    }
}

/// A count that is not made unless it is awaited.
trait Count: Future<Output = Result<u64, StoreError>> + Send {}
impl<F: Future<Output = Result<u64, StoreError>> + Send> Count for F {}

async fn is_reached(limit: Option<u32>, count: impl Count) -> Result<bool, StoreError> {
    match limit {
        Some(most) => Ok(count.await? >= u64::from(most)),
        None => Ok(false),
    }
}
