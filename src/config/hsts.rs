//! `hsts`: for how long browsers come back by https only (RFC 6797 §6.1).

use toml::Value;

use super::values::{Parse, Values, text};

/// A year: what browsers' lists of such hosts ask for at least.
const YEAR: u64 = 31_536_000;

#[derive(Clone, Debug)]
pub(super) struct HstsPolicy(pub(super) Option<String>);

impl Parse for HstsPolicy {
    fn parse(value: &Value, _values: &Values<'_>) -> Result<Self, String> {
        parse(text(value)).map(Self)
    }
}

fn parse(text: &str) -> Result<Option<String>, String> {
    if text == "off" {
        return Ok(None);
    }
    let expected =
        || "expected \"off\", or \"max-age=SECONDS\" with \"; includeSubDomains\" and \"; preload\" as wanted".to_owned();
    let (mut max_age, mut subdomains, mut preload) = (None, false, false);
    for directive in text.split(';').map(|part| part.trim().to_ascii_lowercase()) {
        let twice = match directive.as_str() {
            "includesubdomains" => std::mem::replace(&mut subdomains, true),
            "preload" => std::mem::replace(&mut preload, true),
            other => {
                let seconds = other.strip_prefix("max-age=").filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
                let seconds = seconds.and_then(|digits| digits.parse().ok()).ok_or_else(expected)?;
                max_age.replace(seconds).is_some()
            }
        };
        if twice {
            return Err(expected());
        }
    }
    let max_age: u64 = max_age.ok_or_else(expected)?;
    if preload && (!subdomains || max_age < YEAR) {
        return Err(format!("preload needs includeSubDomains and a max-age of at least {YEAR}"));
    }
    let subdomains = if subdomains { "; includeSubDomains" } else { "" };
    let preload = if preload { "; preload" } else { "" };
    Ok(Some(format!("max-age={max_age}{subdomains}{preload}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_written_in_one_form_and_off_is_none() {
        for (text, written) in [
            ("max-age=31536000; includeSubDomains", "max-age=31536000; includeSubDomains"),
            ("Max-Age=0", "max-age=0"),
            ("preload;max-age=63072000;INCLUDESUBDOMAINS", "max-age=63072000; includeSubDomains; preload"),
        ] {
            assert_eq!(parse(text).unwrap().unwrap(), written);
        }
        assert_eq!(parse("off"), Ok(None));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "on",
            "includeSubDomains",
            "max-age=",
            "max-age=1d",
            "max-age=+1",
            "max-age=1; max-age=2",
            "max-age=1;",
            "max-age=1; x",
            "max-age=1\r\nx: y",
            "max-age=31536000; preload",
            "max-age=3600; includeSubDomains; preload",
            "max-age=99999999999999999999",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
