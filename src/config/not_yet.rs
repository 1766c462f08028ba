//! Keys that are named in the design and have no effect yet: refused, so that nobody believes to have switched on what does not
//! exist.

/// (section, key); without a key, every key of the section.
const NOT_YET: &[(&str, Option<&str>)] = &[
    ("secsign", Some("mobile_url")),
    ("secsign", Some("pin_user")),
    ("secsign", Some("pin_password")),
    ("lifetimes", Some("request_uri")),
    ("registration", None),
];

pub(super) const MESSAGE: &str = "not available yet: leave it out; nothing would come of it";

/// Whether `key` of `section` is one of them, also as the path of a file (`pin_password_file`).
pub(super) fn is_key(section: &str, key: &str) -> bool {
    let key = key.strip_suffix("_file").unwrap_or(key);
    NOT_YET.iter().any(|(in_section, later)| *in_section == section && later.is_none_or(|later| later == key))
}

pub(super) fn is_section(section: &str) -> bool {
    NOT_YET.iter().any(|(later, key)| *later == section && key.is_none())
}
