//! What every upstream call passes through, whichever protocol it speaks: the log, the faults, the work itself, the
//! automatic answers, the wire.

use std::sync::Arc;
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse};

use crate::auto::Action;
use crate::call::{Answer, Call, Created};
use crate::faults::{Kind, Strike, tamper, wire};
use crate::simulation::{Simulation, World};
use crate::{secsign, thumbsignin};

/// Answers one call: notes it, lets the faults strike, does the work, and lets the phones answer that do so by themselves.
pub(crate) async fn answer(
    simulation: &Arc<Simulation>,
    request: &HttpRequest,
    call: Call,
    work: impl FnOnce(&mut World) -> Answer,
) -> HttpResponse {
    let (seq, epoch, strike) = {
        let mut world = simulation.world();
        let strike = world.faults.strike(&call);
        (world.log.begin(&call), world.epoch, strike)
    };
    if !strike.delay.is_zero() {
        tokio::time::sleep(strike.delay).await;
        if simulation.world().epoch != epoch {
            return wire::cut(request);
        }
    }
    let response = respond(simulation, request, &strike, work);
    if !matches!(strike.kind, Some(Kind::Refuse | Kind::Reset | Kind::DropBefore | Kind::DropAfter)) {
        simulation.world().log.finish(seq, response.status().as_u16());
    }
    response
}

fn respond(
    simulation: &Arc<Simulation>,
    request: &HttpRequest,
    strike: &Strike,
    work: impl FnOnce(&mut World) -> Answer,
) -> HttpResponse {
    match strike.kind {
        Some(Kind::Refuse | Kind::DropBefore) => return wire::cut(request),
        Some(Kind::Reset) => return wire::reset(request),
        Some(Kind::Redirect) => return wire::redirect(&simulation.settings.upstream_url, strike.value.as_deref()),
        Some(Kind::Status) => return wire::status(strike),
        _ => {}
    }
    let mut answer = work(&mut simulation.world());
    if strike.kind == Some(Kind::ApprovedAtOnce) {
        approve_at_once(&mut simulation.world(), &mut answer);
    } else if let Some(created) = &answer.created {
        answer_by_itself(simulation, created);
    }
    match strike.kind {
        Some(Kind::DropAfter) => wire::cut(request),
        Some(kind) => {
            let value = strike.value.as_deref();
            wire::send(kind, value, &tamper::change(kind, value, answer))
        }
        None => wire::whole(&answer),
    }
}

/// Approves what the call created, and says so in the same answer.
fn approve_at_once(world: &mut World, answer: &mut Answer) {
    let now = world.clock.now_ms();
    match &answer.created {
        Some(Created::Session { secsignid, id }) => {
            let approved = secsign::PhoneAction::State { state: secsign::AUTHENTICATED };
            world.secsign.act(now, (secsignid, *id), &approved).ok();
        }
        Some(Created::Transaction { id, .. }) => {
            world.thumbsignin.act(now, id, &thumbsignin::PhoneAction::Approve { user: None }).ok();
        }
        None => return,
    }
    tamper::say_approved(answer);
}

/// Lets the user's phone answer a request that was just created: at once where no wait was asked for, so that the very
/// next status call sees it.
fn answer_by_itself(simulation: &Arc<Simulation>, created: &Created) {
    let mut world = simulation.world();
    let Some(user) = created.user() else { return };
    for rule in world.auto.of(created.provider(), user) {
        let Some(wait) = rule.after_ms.filter(|wait| *wait > 0) else {
            apply(&mut world, created, rule.action);
            continue;
        };
        let (simulation, epoch, created) = (Arc::clone(simulation), world.epoch, created.clone());
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(wait)).await;
            let mut world = simulation.world();
            if world.epoch == epoch {
                apply(&mut world, &created, rule.action);
            }
        });
    }
}

/// A phone that comes too late finds nothing to answer; that is no error.
fn apply(world: &mut World, created: &Created, action: Action) {
    let now = world.clock.now_ms();
    match created {
        Created::Session { secsignid, id } => {
            let action = match action {
                Action::Fetch | Action::Scan => secsign::PhoneAction::Fetch,
                Action::Approve => secsign::PhoneAction::Approve { symbol: None },
                Action::WrongSymbol => secsign::PhoneAction::WrongSymbol,
                Action::Deny | Action::Decline | Action::Fail => secsign::PhoneAction::Deny,
            };
            world.secsign.act(now, (secsignid, *id), &action).ok();
        }
        Created::Transaction { id, .. } => {
            let action = match action {
                Action::Fetch | Action::Scan => thumbsignin::PhoneAction::Scan,
                Action::Approve => thumbsignin::PhoneAction::Approve { user: None },
                Action::WrongSymbol | Action::Deny | Action::Decline => thumbsignin::PhoneAction::Decline,
                Action::Fail => thumbsignin::PhoneAction::Fail { reason: None },
            };
            world.thumbsignin.act(now, id, &action).ok();
        }
    }
}
