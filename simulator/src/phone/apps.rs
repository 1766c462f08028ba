//! Creating applications, as at the vendor's dashboard: a page for people and calls for scripts. Both show secrets, so both
//! answer callers of this machine only.

use std::collections::HashMap;

use actix_web::HttpRequest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Mistake, multipart};
use crate::call;
use crate::logo::Logo;
use crate::simulation::World;
use crate::thumbsignin::apps::{About, App, Device};

const LONGEST_NAME: usize = 60;
const LONGEST_DESCRIPTION: usize = 500;

/// An application as a script orders it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    name: String,
    description: Option<String>,
    /// Base64 of a PNG or SVG image.
    logo: Option<String>,
}

pub(super) fn list(world: &World) -> Value {
    world.thumbsignin.apps.iter().map(app_json).collect()
}

pub(super) fn app_json(app: &App) -> Value {
    json!({
        "appId": app.id,
        "secret": app.secret,
        "name": app.about.name,
        "description": app.about.description,
        "logo": app.about.logo.as_ref().map(Logo::as_url),
    })
}

/// Answers the new application's id.
pub(super) fn create(world: &mut World, order: Order) -> Result<String, Mistake> {
    let logo = order.logo.map(|logo| STANDARD.decode(logo)).transpose();
    let logo = logo.map_err(|_not_base64| Mistake::bad_request("logo is an image in base64"))?;
    world.thumbsignin.create_app(about(&order.name, &order.description.unwrap_or_default(), logo.as_deref())?)
}

/// The texts of a form, by the names of its fields.
pub(super) type Texts = HashMap<String, String>;

/// As [`create`]. Where the form was no good, its texts come back, to be shown again.
pub(super) fn create_by_form(world: &mut World, request: &HttpRequest, body: &[u8]) -> Result<String, (Mistake, Texts)> {
    let content_type = call::header(request, "content-type").unwrap_or_default();
    let unreadable = || (Mistake::bad_request("the form could not be read"), Texts::new());
    let fields = multipart::fields(&content_type, body).ok_or_else(unreadable)?;
    let (files, texts): (Vec<_>, Vec<_>) = fields.into_iter().partition(|(name, _)| name == "logo");
    let texts: Texts = texts.into_iter().map(|(name, value)| (name, call::text(&value))).collect();
    let said = |name: &str| texts.get(name).map_or("", String::as_str);
    // Where no file was chosen, browsers send an empty one.
    let logo = files.first().map(|(_, image)| image.as_slice()).filter(|image| !image.is_empty());
    let created = about(said("name"), said("description"), logo).and_then(|about| world.thumbsignin.create_app(about));
    created.map_err(|mistake| (mistake, texts))
}

fn about(name: &str, description: &str, logo: Option<&[u8]>) -> Result<About, Mistake> {
    let (name, description) = (name.trim(), description.trim());
    if name.is_empty() || name.chars().count() > LONGEST_NAME {
        return Err(Mistake::bad_request(format!("an application has a name of at most {LONGEST_NAME} characters")));
    }
    if description.chars().count() > LONGEST_DESCRIPTION {
        return Err(Mistake::bad_request(format!("a description has at most {LONGEST_DESCRIPTION} characters")));
    }
    let logo = logo.map(Logo::new).transpose().map_err(Mistake::bad_request)?;
    Ok(About { name: name.to_owned(), description: description.to_owned(), logo })
}

/// The phones that are registered for applications, of one user or of all.
pub(super) fn devices(world: &World, user: Option<&str>) -> Value {
    let mut found = Vec::new();
    for app in &world.thumbsignin.apps {
        for (name, devices) in app.users.iter().filter(|(name, _)| user.is_none_or(|user| name.as_str() == user)) {
            found.extend(devices.iter().map(|device| device_json(app, name, device)));
        }
    }
    found.into()
}

fn device_json(app: &App, user: &str, device: &Device) -> Value {
    json!({
        "appId": app.id,
        "app": app.about.name,
        "userId": user,
        "deviceId": device.id,
        "deviceName": device.name,
    })
}
