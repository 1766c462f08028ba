//! `[brand]`, and the files of logos: they are read with the configuration, so that one that cannot be shown refuses a start.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use toml::Value;

use super::document::{Document, Parse, text};
use crate::domain::brand::{Accent, Brand, ContactLink, LARGEST_LOGO, PageLink};
use crate::domain::picture::Picture;

/// In characters: a title and a footer have room for so many, and an error page.
const LONGEST_NAME: usize = 60;
const LONGEST_SUPPORT: usize = 200;

pub(super) fn brand(document: &mut Document) -> Option<Brand> {
    let brand = Brand::read(document)?;
    if brand.logo_dark.is_some() && brand.logo.is_none() {
        document.report("brand.logo", "missing: logo_dark is the same for the dark theme alone");
    }
    let mut at_most = |key: &str, text: &str, most: usize| {
        if text.chars().count() > most {
            document.report(key, format!("is longer than {most} characters"));
        }
    };
    at_most("brand.name", &brand.name, LONGEST_NAME);
    at_most("brand.support_text", brand.support_text.as_deref().unwrap_or_default(), LONGEST_SUPPORT);
    Some(brand)
}

/// The logo in a file of at most so many bytes.
pub(crate) fn read_logo(path: &Path, most: usize) -> Result<Picture, String> {
    if !path.is_file() {
        return Err(format!("there is no file {}", path.display()));
    }
    let bytes = read(path, most).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Picture::of(&path.to_string_lossy(), &bytes, most).map_err(|problem| format!("{} {problem}", path.display()))
}

/// At most one byte more than fits: that tells that it does not.
fn read(path: &Path, most: usize) -> std::io::Result<Vec<u8>> {
    let most = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

impl Parse for Picture {
    fn parse(value: &Value, document: &Document) -> Result<Self, String> {
        read_logo(&document.path(text(value)), LARGEST_LOGO)
    }
}

impl Parse for Accent {
    fn parse(value: &Value, _document: &Document) -> Result<Self, String> {
        Self::parse(text(value))
    }
}

impl Parse for PageLink {
    fn parse(value: &Value, _document: &Document) -> Result<Self, String> {
        Self::parse(text(value)).map_err(str::to_owned)
    }
}

impl Parse for ContactLink {
    fn parse(value: &Value, _document: &Document) -> Result<Self, String> {
        Self::parse(text(value)).map_err(str::to_owned)
    }
}
