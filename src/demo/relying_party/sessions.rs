//! What the example app remembers. Any cookie store would do; what matters is that tokens, `nonce` and the PKCE verifier never
//! reach the browser, that a sign-in is answered once, and that the cookie changes when somebody signs in (session fixation).

use std::collections::VecDeque;
use std::sync::Arc;

use openidconnect::CsrfToken;
use parking_lot::Mutex;

use super::sign_in::{Account, Attempt};

/// Browsers remembered at most; the longest unused is forgotten.
const BROWSERS: usize = 1_000;
/// Sign-ins under way per browser (tabs); the oldest is forgotten.
const ATTEMPTS: usize = 20;

#[derive(Default)]
struct Browser {
    cookie: String,
    attempts: VecDeque<Attempt>,
    account: Option<Arc<Account>>,
    sign_out_state: Option<String>,
}

/// The sessions of the app, the one used last at the end.
#[derive(Default)]
pub(super) struct Sessions(Mutex<VecDeque<Browser>>);

/// 128 random bits.
pub(super) fn random() -> String {
    CsrfToken::new_random().into_secret()
}

impl Sessions {
    /// What `look` finds in the session of this cookie; the session becomes the one used last.
    fn with<T>(&self, cookie: &str, look: impl FnOnce(&mut Browser) -> Option<T>) -> Option<T> {
        let mut browsers = self.0.lock();
        let at = browsers.iter().position(|browser| browser.cookie == cookie)?;
        let mut browser = browsers.remove(at)?;
        let found = look(&mut browser);
        browsers.push_back(browser);
        found
    }

    /// Puts a session under a new cookie in the place of the one that `cookie` names. Answers the new cookie.
    fn replace(&self, cookie: Option<&str>, change: impl FnOnce(&mut Browser)) -> String {
        let mut browsers = self.0.lock();
        // A cookie that names no session of ours is never adopted: somebody may have planted it.
        let at = browsers.iter().position(|browser| Some(browser.cookie.as_str()) == cookie);
        let mut browser = at.and_then(|at| browsers.remove(at)).unwrap_or_default();
        change(&mut browser);
        browser.cookie = random();
        let cookie = browser.cookie.clone();
        if browsers.len() >= BROWSERS {
            browsers.pop_front();
        }
        browsers.push_back(browser);
        cookie
    }

    /// Remembers a sign-in that begins. Answers the cookie to set: the same, so that several tabs can sign in at once.
    pub(super) fn begin(&self, cookie: Option<String>, attempt: Attempt) -> String {
        let known = cookie.filter(|cookie| self.with(cookie, |_known| Some(())).is_some());
        let cookie = known.unwrap_or_else(|| self.replace(None, |_new| ()));
        self.with(&cookie, |browser| {
            browser.attempts.push_back(attempt);
            (browser.attempts.len() > ATTEMPTS).then(|| browser.attempts.pop_front())
        });
        cookie
    }

    /// The sign-in of this browser to which `state` belongs; it is used up.
    pub(super) fn take_attempt(&self, cookie: &str, state: &str) -> Option<Attempt> {
        self.with(cookie, |browser| {
            let at = browser.attempts.iter().position(|attempt| attempt.state == state)?;
            browser.attempts.remove(at)
        })
    }

    /// Answers a new cookie.
    pub(super) fn sign_in(&self, cookie: &str, account: Account) -> String {
        self.replace(Some(cookie), |browser| browser.account = Some(Arc::new(account)))
    }

    pub(super) fn account(&self, cookie: &str) -> Option<Arc<Account>> {
        self.with(cookie, |browser| browser.account.clone())
    }

    pub(super) fn refreshed(&self, cookie: &str, account: Account) {
        self.with(cookie, |browser| browser.account.replace(Arc::new(account)));
    }

    /// Signs out here, whatever the provider will say, and remembers the state of the sign-out. Answers the cookie to set.
    pub(super) fn sign_out(&self, cookie: &str, state: &str) -> String {
        let forgotten = Browser { sign_out_state: Some(state.to_owned()), ..Browser::default() };
        self.replace(Some(cookie), |browser| *browser = forgotten)
    }

    /// Whether `state` is the one of this browser's sign-out; it is used up.
    pub(super) fn signed_out(&self, cookie: &str, state: &str) -> bool {
        self.with(cookie, |browser| browser.sign_out_state.take()).is_some_and(|sent| sent == state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_a_sign_out_counts_once_and_in_its_browser_only() {
        let sessions = Sessions::default();
        let sign_out = || sessions.sign_out("old", "s");
        let cookie = sign_out();
        assert!(!sessions.signed_out("other", "s"));
        assert!(sessions.signed_out(&cookie, "s"));
        assert!(!sessions.signed_out(&cookie, "s"));
        assert!(!sessions.signed_out(&sign_out(), "t"));
    }

    #[test]
    fn the_browser_that_was_used_last_is_kept_longest() {
        let sessions = Sessions::default();
        let (used, unused) = (sessions.sign_out("", "a"), sessions.sign_out("", "b"));
        for _browser in 0..BROWSERS - 2 {
            sessions.sign_out("", "x");
        }
        assert!(sessions.account(&used).is_none());
        sessions.sign_out("", "one too many");
        assert!(sessions.signed_out(&used, "a"));
        assert!(!sessions.signed_out(&unused, "b"));
        assert_eq!(sessions.0.lock().len(), BROWSERS);
    }
}
