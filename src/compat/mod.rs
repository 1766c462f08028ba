//! The addresses that the ThumbSignIn widget asks for in the pages of other sites (`[[site]]`), and the widget itself. Without a
//! site, none of them exists.

mod text_messages;
mod transactions;
mod widget;

use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig};

use crate::web::error::Audience;

pub(crate) fn mount(config: &mut ServiceConfig) {
    let api = |path| Audience::Api.resource(path);
    config
        .service(api("/tsAuth/authenticate").get(transactions::authenticate))
        .service(api("/tsAuth/register").get(transactions::register))
        .service(Audience::Browser.resource("/tsAuth/return/{id}").get(transactions::go_on))
        .service(api("/sendSMS").post(text_messages::send).route(web::method(Method::OPTIONS).to(text_messages::preflight)))
        .service(api("/thumbsign_widget.js").get(widget::script))
        .service(api("/thumbsign_widget.d.ts").get(widget::declarations));
    // The vendor's page has both of the first two, its sample sites the others (ThumbSignIn notes §3.1).
    for path in ["/txnStatus/{id}", "/tsAuth/txnStatus/{id}", "/ts/secure/authStatus/{id}", "/ts/secure/regStatus/{id}"] {
        config.service(api(path).get(transactions::status));
    }
}
