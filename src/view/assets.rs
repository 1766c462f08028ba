//! The files that pages load: style sheet, script, typeface, icons, and the operator's logos. Their names carry a digest of their
//! content, so that they can be served as immutable for a year and still change with the next release.

use std::borrow::Cow;
use std::sync::LazyLock;

use rust_embed::RustEmbed;

use crate::domain::picture::file_name;

#[derive(RustEmbed)]
#[folder = "templates/static/"]
struct Files;

pub(crate) struct Asset {
    /// Its name in the source tree: `app.css`.
    pub name: String,
    /// Its name in URLs: `app.<sixteen hexadecimal digits of SHA-256>.css`.
    pub file_name: String,
    pub content_type: &'static str,
    pub bytes: Cow<'static, [u8]>,
}

impl Asset {
    /// `None` where it has a type that is not served.
    pub(crate) fn new(name: String, bytes: Cow<'static, [u8]>) -> Option<Self> {
        let (stem, extension) = name.rsplit_once('.')?;
        let file_name = file_name(stem, &bytes, extension);
        Some(Self { file_name, content_type: content_type(extension)?, bytes, name })
    }

    /// Where pages find it.
    pub(crate) fn path(&self) -> String {
        path_of(&self.file_name)
    }
}

pub(crate) fn path_of(file_name: &str) -> String {
    format!("/static/{file_name}")
}

pub(super) static ALL: LazyLock<Vec<Asset>> = LazyLock::new(load);

pub(crate) fn by_file_name(file_name: &str) -> Option<&'static Asset> {
    ALL.iter().find(|asset| asset.file_name == file_name)
}

pub(crate) fn by_name(name: &str) -> Option<&'static Asset> {
    ALL.iter().find(|asset| asset.name == name)
}

fn load() -> Vec<Asset> {
    let (sheets, others): (Vec<_>, Vec<_>) = Files::iter().partition(|name| name.ends_with(".css"));
    let asset = |name: Cow<'static, str>| Asset::new(name.clone().into_owned(), Files::get(&name)?.data);
    let mut assets: Vec<Asset> = others.into_iter().filter_map(asset).collect();
    let sheets: Vec<Asset> = sheets.into_iter().filter_map(|name| sheet(&name, &assets)).collect();
    assets.extend(sheets);
    assets
}

/// A style sheet, in which each file that it loads goes by its name in URLs.
fn sheet(name: &str, assets: &[Asset]) -> Option<Asset> {
    let mut text = String::from_utf8(Files::get(name)?.data.into_owned()).ok()?;
    for asset in assets {
        text = text.replace(&format!("url(\"{}\")", asset.name), &format!("url(\"{}\")", asset.file_name));
    }
    Asset::new(name.to_owned(), Cow::Owned(text.into_bytes()))
}

/// The media type of what is served; there is nothing else.
fn content_type(extension: &str) -> Option<&'static str> {
    match extension {
        "css" => Some("text/css; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        "png" => Some("image/png"),
        "woff2" => Some("font/woff2"),
        _other => None,
    }
}
