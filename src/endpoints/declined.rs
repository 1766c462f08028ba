//! "You declined a request to sign in": the question after a login whether it was theirs (check 136), and the answer.

use actix_web::{HttpRequest, web};

use super::interaction::{app_info, enter, next, page_options, show};
use crate::domain::clock::{Timestamp, utc};
use crate::domain::id::{AuthorizationId, UserId};
use crate::domain::user::User;
use crate::flow::authorization::Next;
use crate::flow::login::disown;
use crate::flow::login::outcome::App;
use crate::store::clients;
use crate::store::declines::Decline;
use crate::view::pages::{Declined, DeclinedRequest};
use crate::view::user_agent::browser_name;
use crate::web::browser::Visit;
use crate::web::error::Failure;
use crate::web::form::{PageForm, form_token};
use crate::web::{HandlerResult, Surface, page};

/// The token of the form names the user as well: it never answers for somebody else who signed in meanwhile.
fn about(id: &AuthorizationId, user: &UserId) -> String {
    format!("declined/{id}/{user}")
}

/// Who is asked.
fn asked(visit: &Visit) -> Result<&User, Failure> {
    visit.browser.session.as_ref().map(|(_, user)| user).ok_or_else(Failure::not_found)
}

pub(super) async fn ask(surface: web::Data<Surface>, request: HttpRequest, id: web::Path<String>) -> HandlerResult {
    let (visit, next) = enter(&surface, &request, &id).await?;
    let Next::Declined(interaction) = next else { return show(&visit, next).await };
    let user = asked(&visit)?;
    let declined = disown::list_open(&surface.op, user, &visit.browser.key).await?;
    let until = declined.first().map_or(0, |latest| latest.at.as_millis());
    let mut requests = Vec::new();
    for decline in declined {
        requests.push(shown(&surface, decline).await?);
    }
    let app = App::of(&interaction);
    let page = Declined {
        app: app_info(&surface, &app),
        interaction: interaction.authorization.id.clone(),
        csrf: form_token(&visit, &about(&interaction.authorization.id, &user.id)),
        account: user.username.clone(),
        until,
        requests,
    };
    page::answer(&visit, &page, &page_options(&app))
}

async fn shown(surface: &Surface, decline: Decline) -> Result<DeclinedRequest, Failure> {
    let client = match &decline.client_id {
        Some(id) => clients::find(surface.op.store.read(), id).await?,
        None => None,
    };
    Ok(DeclinedRequest {
        at: utc(decline.at),
        app: client.map(|client| client.display_name().to_owned()),
        browser: browser_name(&decline.user_agent),
        address: decline.address,
    })
}

pub(super) async fn answered(id: web::Path<String>, form: PageForm) -> HandlerResult {
    let visit = &form.visit;
    let next = next(visit, &id).await?;
    let Next::Declined(interaction) = next else { return show(visit, next).await };
    form.demand(&about(&interaction.authorization.id, &asked(visit)?.id))?;
    let until = form.get("until").and_then(|millis| millis.parse().ok()).map(Timestamp::from_millis);
    let was_theirs = match form.get("decision") {
        Some("mine") => Some(true),
        Some("not_mine") => Some(false),
        _undecided => None,
    };
    match (until, was_theirs) {
        (Some(until), Some(was_theirs)) => disown::answer(visit.op(), &visit.browser, until, was_theirs).await?,
        // Nobody is kept from their app by a question.
        _unanswered => disown::pass_over(visit.op(), &interaction.authorization.id).await?,
    }
    Ok(page::see_other(visit, &interaction.location()))
}
