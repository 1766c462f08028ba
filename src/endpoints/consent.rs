//! The consent page (OIDC Core §3.1.2.4).

use actix_web::{HttpRequest, web};

use super::app::{app_info, page_options};
use super::interaction::{enter, give_up, next, show};
use crate::domain::browser::Authentication;
use crate::domain::id::AuthorizationId;
use crate::domain::user::User;
use crate::flow::authorization::{Interaction, Next, consent};
use crate::flow::error::Internal;
use crate::flow::login::outcome::App;
use crate::store::{consents, users};
use crate::view::pages::{Consent, ScopeLine};
use crate::web::browser::Visit;
use crate::web::form::PageForm;
use crate::web::{HandlerResult, Surface, csrf, page};

/// The token of a consent form names the person as well: it never allows anything for somebody else who signed in meanwhile.
fn about(id: &AuthorizationId, authentication: &Authentication) -> String {
    format!("consent/{id}/{}", authentication.user_id)
}

pub(super) async fn get(surface: web::Data<Surface>, request: HttpRequest, id: web::Path<String>) -> HandlerResult {
    let (visit, next) = enter(&surface, &request, &id).await?;
    let Next::Consent(interaction, authentication) = next else { return show(&surface, &visit, next).await };
    let page = consent_page(&surface, &visit, &interaction, &authentication).await?;
    page::answer(&surface, &visit, &page, &page_options(&App::of(&interaction)))
}

async fn consent_page(
    surface: &Surface,
    visit: &Visit,
    interaction: &Interaction,
    authentication: &Authentication,
) -> Result<Consent, Internal> {
    let db = surface.op.store.read();
    let user = users::find(db, &authentication.user_id).await?;
    let request = &interaction.authorization.request;
    let known = consents::find(db, &authentication.user_id, &request.client_id).await?;
    let is_new = |scope: &str| known.as_ref().is_none_or(|known| !known.scope.contains(scope));
    let id = &interaction.authorization.id;
    let line = |scope: &str| {
        let value = user.as_ref().and_then(|user| value_of(scope, user));
        ScopeLine { scope: scope.to_owned(), value, new: is_new(scope) }
    };
    Ok(Consent {
        app: app_info(&App::of(interaction)),
        action: format!("/interaction/{id}/consent"),
        csrf: csrf::token(surface, &visit.browser.key, &about(id, authentication)),
        account: user.as_ref().map(|user| user.username.clone()).unwrap_or_default(),
        scopes: request.scope.for_people().into_iter().map(line).collect(),
    })
}

/// What a scope would tell the app about this person, so that they know what they allow (C1).
fn value_of(scope: &str, user: &User) -> Option<String> {
    let parts: Vec<&str> = match scope {
        "profile" => vec![user.name.as_str(), user.username.as_str()],
        "email" => vec![user.email.as_deref().unwrap_or_default()],
        "groups" => user.groups.iter().map(String::as_str).collect(),
        _nothing_about_the_person => Vec::new(),
    };
    let text = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
    (!text.is_empty()).then_some(text)
}

pub(super) async fn post(id: web::Path<String>, form: PageForm) -> HandlerResult {
    let (surface, visit) = (&form.surface, &form.visit);
    let next = next(surface, visit, &id).await?;
    let Next::Consent(interaction, authentication) = next else { return show(surface, visit, next).await };
    form.demand(&about(&interaction.authorization.id, &authentication))?;
    match form.get("decision") {
        Some("allow") => {
            consent::allow(&surface.op, &interaction.authorization, *authentication, visit.origin.clone()).await?;
            Ok(page::see_other(surface, visit, &format!("/interaction/{id}")))
        }
        Some("deny") => give_up(surface, visit, &interaction).await,
        _undecided => Ok(page::see_other(surface, visit, &format!("/interaction/{id}/consent"))),
    }
}
