//! The cookies of a walking browser (RFC 6265 §5.3), kept per host *and port*: stricter than a real browser, so that two
//! services on one machine cannot come to rely on each other's cookies.

use std::collections::BTreeMap;

use url::Url;

#[derive(Clone, Debug)]
struct Kept {
    value: String,
    path: String,
}

/// A cookie jar. `Domain` and `Secure` are ignored; a cookie that expires at once is removed, others stay.
#[derive(Clone, Debug, Default)]
pub struct CookieJar(BTreeMap<(String, String), Kept>);

fn authority(url: &Url) -> String {
    url.authority().to_owned()
}

impl CookieJar {
    /// Takes a `Set-Cookie` header of an answer from `url`.
    pub fn take(&mut self, url: &Url, set_cookie: &str) {
        let mut parts = set_cookie.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
        let (mut path, mut over) = ("/".to_owned(), false);
        for attribute in parts {
            let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            match key.to_ascii_lowercase().as_str() {
                "path" if value.starts_with('/') => value.clone_into(&mut path),
                "max-age" => over = value.parse().is_ok_and(|seconds: i64| seconds <= 0),
                // Whoever removes a cookie by date writes the epoch.
                "expires" if value.contains("1970") => over = true,
                _other => {}
            }
        }
        let key = (authority(url), name.to_owned());
        if over {
            self.0.remove(&key);
        } else {
            self.0.insert(key, Kept { value: value.to_owned(), path });
        }
    }

    /// The `Cookie` header for a request to `url`, if any cookie belongs there.
    pub fn header(&self, url: &Url) -> Option<String> {
        let here = authority(url);
        let fitting = self.0.iter().filter(|((at, _name), kept)| *at == here && path_matches(url.path(), &kept.path));
        let header = fitting.map(|((_at, name), kept)| format!("{name}={}", kept.value)).collect::<Vec<_>>().join("; ");
        (!header.is_empty()).then_some(header)
    }

    /// Names and values of the cookies that `url`'s host and port have set.
    pub fn at(&self, url: &Url) -> Vec<(String, String)> {
        let here = authority(url);
        let fitting = self.0.iter().filter(|((at, _name), _kept)| *at == here);
        fitting.map(|((_at, name), kept)| (name.clone(), kept.value.clone())).collect()
    }

    /// Forgets every cookie.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// RFC 6265 §5.1.4.
fn path_matches(path: &str, cookie_path: &str) -> bool {
    match path.strip_prefix(cookie_path) {
        Some(rest) => rest.is_empty() || cookie_path.ends_with('/') || rest.starts_with('/'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn a_cookie_returns_to_its_own_port_and_path_only() {
        let mut jar = CookieJar::default();
        jar.take(&url("http://localhost:8080/a"), "s=1; Path=/account; HttpOnly; SameSite=Lax");
        assert_eq!(jar.header(&url("http://localhost:8080/account/x")).as_deref(), Some("s=1"));
        assert_eq!(jar.header(&url("http://localhost:8080/accounts")), None);
        assert_eq!(jar.header(&url("http://localhost:8081/account")), None);
    }

    #[test]
    fn a_cookie_is_replaced_and_removed() {
        let (mut jar, here) = (CookieJar::default(), url("http://localhost:8080/"));
        jar.take(&here, "s=1");
        jar.take(&here, "s=2; Max-Age=60");
        assert_eq!(jar.header(&here).as_deref(), Some("s=2"));
        jar.take(&here, "s=; Max-Age=0");
        assert_eq!(jar.header(&here), None);
    }
}
