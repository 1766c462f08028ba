//! `hsts`: for how long browsers come back by https only (RFC 6797 §6.1).

use std::fmt;

/// A year: what browsers' lists of such hosts ask for at least.
const YEAR: u64 = 31_536_000;

/// The value of `Strict-Transport-Security`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hsts {
    max_age: u64,
    subdomains: bool,
    preload: bool,
}

impl fmt::Display for Hsts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "max-age={}", self.max_age)?;
        f.write_str(if self.subdomains { "; includeSubDomains" } else { "" })?;
        f.write_str(if self.preload { "; preload" } else { "" })
    }
}

/// Reads the key; `None` is "off".
///
/// # Errors
/// A sentence that says what is wrong.
pub(super) fn parse(text: &str) -> Result<Option<Hsts>, String> {
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
    let hsts = Hsts { max_age: max_age.ok_or_else(expected)?, subdomains, preload };
    if preload && (!subdomains || hsts.max_age < YEAR) {
        return Err(format!("preload needs includeSubDomains and a max-age of at least {YEAR}"));
    }
    Ok(Some(hsts))
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
            assert_eq!(parse(text).unwrap().unwrap().to_string(), written);
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
