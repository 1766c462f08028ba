//! The protocols that the services speak, and what every call of them passes through.

pub(crate) mod secsign_form;
pub(crate) mod secsign_rest;
pub(crate) mod thumbsignin;

use std::sync::Arc;
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse};

use crate::auto::Action;
use crate::call::{Answer, Call, Created, Provider};
use crate::faults::{Kind, Strike, tamper, wire};
use crate::secsign::PhoneAction as SessionAction;
use crate::simulation::{Simulation, World};
use crate::thumbsignin::PhoneAction as TransactionAction;

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

/// The lock is held until the phones have answered: no other call comes between.
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
    let world = &mut *simulation.world();
    let mut answer = work(world);
    match answer.created.clone() {
        Some(created) if strike.kind == Some(Kind::ApprovedAtOnce) => {
            apply(world, &created, Action::Approve);
            tamper::say_approved(&mut answer);
        }
        Some(created) => answer_by_itself(simulation, world, &created),
        None => {}
    }
    match strike.kind {
        Some(Kind::DropAfter) => wire::cut(request),
        kind => {
            let value = strike.value.as_deref();
            if let Some(kind) = kind {
                answer = tamper::change(kind, value, answer);
            }
            wire::send(kind, value, &answer)
        }
    }
}

/// Lets the user's phone answer a request that was just created: at once where no wait was asked for, so that the very
/// next status call sees it.
fn answer_by_itself(simulation: &Arc<Simulation>, world: &mut World, created: &Created) {
    let rules = match created {
        Created::Session { secsignid, .. } => world.auto.of(Provider::SecSign, secsignid),
        Created::Transaction { user: Some(user), .. } => world.auto.of(Provider::ThumbSignIn, user),
        Created::Transaction { user: None, .. } => return,
    };
    for rule in rules {
        let Some(wait) = rule.after_ms.filter(|wait| *wait > 0) else {
            apply(world, created, rule.action);
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
                Action::Fetch | Action::Scan => SessionAction::Fetch,
                Action::Approve => SessionAction::Approve { symbol: None },
                Action::WrongSymbol => SessionAction::WrongSymbol,
                Action::Deny | Action::Decline | Action::Fail => SessionAction::Deny,
            };
            world.secsign.act(now, (secsignid, *id), &action).ok();
        }
        Created::Transaction { id, .. } => {
            let action = match action {
                Action::Fetch | Action::Scan => TransactionAction::Scan,
                Action::Approve => TransactionAction::Approve { user: None, device: None },
                Action::WrongSymbol | Action::Deny | Action::Decline => TransactionAction::Decline,
                Action::Fail => TransactionAction::Fail { reason: None, user: None },
            };
            world.thumbsignin.act(now, id, &action).ok();
        }
    }
}
