//! What people see: the pages, their words in each language, and the files that they load.
//! One struct per page ([`pages`]) holds everything that its template may show; [`render()`] turns it into HTML. Templates,
//! messages and static files are embedded in the binary. Design 3 ("Pages without JavaScript") fixes the element ids, the
//! `data-` attributes and the input names.

pub(crate) mod assets;
pub(crate) mod brand;
pub(crate) mod locale;
mod messages;
pub(crate) mod pages;
mod render;
#[cfg(test)]
mod tests;
pub(crate) mod user_agent;

pub(crate) use locale::Locale;
pub(crate) use render::{LanguageLink, Page, PageContext, ViewError, render};
