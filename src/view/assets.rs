//! The files that pages load: style sheet, script, icons. Their names carry a digest of their content, so that they can be
//! served as immutable for a year and still change with the next release.

use std::borrow::Cow;
use std::sync::LazyLock;

use rust_embed::RustEmbed;

use crate::domain::hex::hex;

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

pub(super) static ALL: LazyLock<Vec<Asset>> = LazyLock::new(load);

pub(crate) fn by_file_name(file_name: &str) -> Option<&'static Asset> {
    ALL.iter().find(|asset| asset.file_name == file_name)
}

pub(crate) fn by_name(name: &str) -> Option<&'static Asset> {
    ALL.iter().find(|asset| asset.name == name)
}

fn load() -> Vec<Asset> {
    Files::iter()
        .filter_map(|name| {
            let file = Files::get(&name)?;
            let (stem, extension) = name.rsplit_once('.')?;
            let digest = hex(file.metadata.sha256_hash().first_chunk::<8>()?);
            Some(Asset {
                file_name: format!("{stem}.{digest}.{extension}"),
                content_type: content_type(extension)?,
                bytes: file.data,
                name: name.into_owned(),
            })
        })
        .collect()
}

/// The media type of what we ship; nothing else is served.
fn content_type(extension: &str) -> Option<&'static str> {
    match extension {
        "css" => Some("text/css; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        "png" => Some("image/png"),
        _other => None,
    }
}
