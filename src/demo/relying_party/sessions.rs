//! What the example app remembers, in memory: per browser the sign-ins under way and the account, behind one cookie.
//!
//! Any cookie store would do; what matters is that tokens, `nonce` and the PKCE verifier never reach the browser, that a
//! sign-in is answered once, and that the cookie changes when somebody signs in (session fixation).

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use openidconnect::CsrfToken;

use super::sign_in::{Account, Answer, Attempt};
use crate::domain::clock::Timestamp;
use crate::domain::env::Env;
use crate::domain::random::RandomError;
use crate::domain::secret::{Secret, SecretDigest};

/// Forgotten when unused for so long.
const IDLE: Duration = Duration::from_secs(12 * 3600);
/// Browsers remembered at most; the longest unused gives way.
const BROWSERS: usize = 10_000;
/// Sign-ins under way per browser (tabs); the oldest gives way.
const ATTEMPTS: usize = 20;
/// How long a posted answer waits for its browser.
const POSTED: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Browser {
    attempts: VecDeque<Attempt>,
    account: Option<Arc<Account>>,
    sign_out_state: Option<CsrfToken>,
    used_at: Option<Timestamp>,
}

struct Posted {
    answer: Answer,
    at: Timestamp,
}

/// The sessions of the app.
pub struct Sessions {
    env: Env,
    browsers: Mutex<HashMap<SecretDigest, Browser>>,
    posted: Mutex<HashMap<SecretDigest, Posted>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing is left half-written when a holder panics: every change is one assignment.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sessions {
    /// No sessions.
    pub fn new(env: Env) -> Self {
        Self { env, browsers: Mutex::default(), posted: Mutex::default() }
    }

    /// Remembers a sign-in that begins. Answers the cookie to set.
    ///
    /// # Errors
    /// When the random number generator fails.
    pub fn begin(&self, cookie: Option<Secret>, attempt: Attempt) -> Result<Secret, RandomError> {
        let (cookie, mut browser) = self.take_or_new(cookie)?;
        if browser.attempts.len() >= ATTEMPTS {
            browser.attempts.pop_front();
        }
        browser.attempts.push_back(attempt);
        self.put(&cookie, browser);
        Ok(cookie)
    }

    /// The sign-in of this browser to which `state` belongs; it is used up.
    pub fn take_attempt(&self, cookie: &Secret, state: &str) -> Option<Attempt> {
        let mut browsers = lock(&self.browsers);
        let attempts = &mut browsers.get_mut(&cookie.digest())?.attempts;
        let at = attempts.iter().position(|attempt| Secret::new(attempt.state.secret()).matches(state))?;
        attempts.remove(at)
    }

    /// Signs somebody in, under a new cookie.
    ///
    /// # Errors
    /// When the random number generator fails.
    pub fn sign_in(&self, cookie: &Secret, account: Account) -> Result<Secret, RandomError> {
        let mut browser = lock(&self.browsers).remove(&cookie.digest()).unwrap_or_default();
        browser.account = Some(Arc::new(account));
        let cookie = Secret::generate(&self.env)?;
        self.put(&cookie, browser);
        Ok(cookie)
    }

    /// Who is signed in.
    pub fn account(&self, cookie: &Secret) -> Option<Arc<Account>> {
        let mut browsers = lock(&self.browsers);
        let browser = browsers.get_mut(&cookie.digest())?;
        browser.used_at = Some(self.env.now());
        browser.account.clone()
    }

    /// Puts refreshed tokens in place of the old ones.
    pub fn refreshed(&self, cookie: &Secret, account: Account) {
        if let Some(browser) = lock(&self.browsers).get_mut(&cookie.digest()) {
            browser.account = Some(Arc::new(account));
        }
    }

    /// Signs out here, whatever the provider will say, and remembers the state of the sign-out. Answers the account, and the
    /// cookie to set.
    ///
    /// # Errors
    /// When the random number generator fails.
    pub fn sign_out(&self, cookie: &Secret, state: CsrfToken) -> Result<(Option<Arc<Account>>, Secret), RandomError> {
        let account = lock(&self.browsers).remove(&cookie.digest()).and_then(|browser| browser.account);
        let cookie = Secret::generate(&self.env)?;
        self.put(&cookie, Browser { sign_out_state: Some(state), ..Browser::default() });
        Ok((account, cookie))
    }

    /// Whether `state` is the one of this browser's sign-out; it is used up.
    pub fn signed_out(&self, cookie: &Secret, state: &str) -> bool {
        let sent = lock(&self.browsers).get_mut(&cookie.digest()).and_then(|browser| browser.sign_out_state.take());
        sent.is_some_and(|sent| Secret::new(sent.secret()).matches(state))
    }

    /// Keeps an answer that arrived by POST until its browser fetches it. Answers the handle to fetch it with.
    ///
    /// # Errors
    /// When the random number generator fails.
    pub fn post(&self, answer: Answer) -> Result<Secret, RandomError> {
        let (handle, now) = (Secret::generate(&self.env)?, self.env.now());
        let mut posted = lock(&self.posted);
        posted.retain(|_handle, waiting| now.since(waiting.at) < POSTED);
        if posted.len() < BROWSERS {
            posted.insert(handle.digest(), Posted { answer, at: now });
        }
        Ok(handle)
    }

    /// The answer behind `handle`, once.
    pub fn take_posted(&self, handle: &Secret) -> Option<Answer> {
        let waiting = lock(&self.posted).remove(&handle.digest())?;
        (self.env.now().since(waiting.at) < POSTED).then_some(waiting.answer)
    }

    fn take_or_new(&self, cookie: Option<Secret>) -> Result<(Secret, Browser), RandomError> {
        // A cookie that names no session of ours is never adopted: somebody may have planted it.
        if let Some(cookie) = cookie
            && let Some(browser) = lock(&self.browsers).remove(&cookie.digest())
        {
            return Ok((cookie, browser));
        }
        Ok((Secret::generate(&self.env)?, Browser::default()))
    }

    fn put(&self, cookie: &Secret, mut browser: Browser) {
        let now = self.env.now();
        browser.used_at = Some(now);
        let mut browsers = lock(&self.browsers);
        if browsers.len() >= BROWSERS {
            browsers.retain(|_key, known| known.used_at.is_some_and(|at| now.since(at) < IDLE));
        }
        if browsers.len() >= BROWSERS
            && let Some(oldest) = browsers.iter().min_by_key(|(_key, known)| known.used_at).map(|(key, _known)| key.clone())
        {
            browsers.remove(&oldest);
        }
        browsers.insert(cookie.digest(), browser);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(state: &str) -> Answer {
        Answer { state: Some(state.to_owned()), ..Answer::default() }
    }

    #[test]
    fn a_posted_answer_is_fetched_once() {
        let sessions = Sessions::new(Env::system());
        let handle = sessions.post(answer("a")).unwrap();
        assert_eq!(sessions.take_posted(&handle).and_then(|posted| posted.state).as_deref(), Some("a"));
        assert!(sessions.take_posted(&handle).is_none());
    }

    #[test]
    fn the_state_of_a_sign_out_counts_once_and_in_its_browser_only() {
        let sessions = Sessions::new(Env::system());
        let sign_out = || sessions.sign_out(&Secret::new("old"), CsrfToken::new("s".to_owned())).unwrap().1;
        let (cookie, other) = (sign_out(), Secret::new("other"));
        assert!(!sessions.signed_out(&other, "s"));
        assert!(sessions.signed_out(&cookie, "s"));
        assert!(!sessions.signed_out(&cookie, "s"));
        assert!(!sessions.signed_out(&sign_out(), "t"));
    }
}
