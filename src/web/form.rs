//! A POST of one of our pages, read once for all of them: its fields, the browser behind it, and that it comes from a page of
//! ours (check 16). What its token is bound to only the handler knows: it calls [`PageForm::demand`].

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::future::LocalBoxFuture;

use super::browser::Visit;
use super::error::Failure;
use super::parameters::of_page;
use super::{Surface, csrf};
use crate::protocol::parameters::Parameters;
use crate::view::pages::ErrorKind;

/// A form of ours. Until [`PageForm::demand`] was called it may still be a forgery.
pub(crate) struct PageForm {
    pub visit: Visit,
    pub surface: web::Data<Surface>,
    fields: Parameters,
}

impl PageForm {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name)
    }

    /// Demands the token that this browser got for this thing. A browser that sent no cookie is told so.
    pub(crate) fn demand(&self, about: &str) -> Result<(), Failure> {
        let fits = csrf::is_valid(&self.surface, &self.visit.browser.key, about, self.get("csrf"));
        match (fits, &self.visit.new_cookie) {
            (true, _) => Ok(()),
            (false, None) => Err(Failure::forged()),
            (false, Some(_)) => Err(Failure::page(ErrorKind::OtherBrowser, StatusCode::FORBIDDEN)),
        }
    }
}

impl FromRequest for PageForm {
    type Error = Failure;
    type Future = LocalBoxFuture<'static, Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (surface, body) = (Surface::of(request), web::Bytes::from_request(request, payload));
        let request = request.clone();
        Box::pin(async move {
            let (surface, body) = (surface?, body.await.map_err(|error| Failure::of_framework(&error))?);
            let fields = of_page(&request, &body)?;
            if !csrf::same_site(&surface, &request) {
                return Err(Failure::forged());
            }
            let visit = Visit::of(&surface, &request).await?;
            Ok(Self { visit, surface, fields })
        })
    }
}
