//! A POST of one of our pages, read once for all of them: its fields, the browser behind it, and that it comes from a page of
//! ours (security bar 16). What its token is bound to only the handler knows: it calls [`PageForm::demand`].

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::future::LocalBoxFuture;

use super::parameters::of_page;
use crate::flow::error::Internal;
use crate::protocol::parameters::Parameters;
use crate::view::pages::ErrorKind;
use crate::web::browser::Visit;
use crate::web::error::Failure;
use crate::web::{Surface, csrf};

/// A form of ours. Until [`PageForm::demand`] was called it may still be a forgery.
pub(super) struct PageForm {
    /// The browser that sent it.
    pub(super) visit: Visit,
    surface: web::Data<Surface>,
    fields: Parameters,
}

impl PageForm {
    /// The value of a field.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name)
    }

    /// Demands the token that this browser got for this thing.
    ///
    /// # Errors
    /// When it is missing, or another browser's, or for another thing. A browser that sent no cookie is told so.
    pub(super) fn demand(&self, about: &str) -> Result<(), Failure> {
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
        let body = web::Bytes::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let body = body.await.map_err(|error| Failure::of_framework(&error))?;
            let fields = of_page(&request, &body)?;
            let surface = request.app_data::<web::Data<Surface>>().cloned().ok_or(Internal::Stopped)?;
            if !csrf::same_site(&surface, &request) {
                return Err(Failure::forged());
            }
            let visit = Visit::of(&surface, &request).await?;
            Ok(Self { visit, surface, fields })
        })
    }
}
