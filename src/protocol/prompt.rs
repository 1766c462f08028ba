//! The `prompt` parameter (OIDC Core §3.1.2.1).

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Prompt {
    /// `none`: no page, no push; answer with a code or an error.
    pub none: bool,
    /// `login`: a fresh approval even where a session exists.
    pub login: bool,
    /// `consent`: ask for consent even where it was given.
    pub consent: bool,
    /// `select_account`: let the person choose the account, hence a fresh login.
    pub select_account: bool,
}

/// `none` together with another value (OIDC Core §3.1.2.1: an error).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("prompt=none cannot be combined with another value")]
pub(crate) struct InvalidPrompt;

impl Prompt {
    /// Parses a space-delimited list; values we do not know are ignored (`create` of Initiating User Registration).
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidPrompt> {
        let mut prompt = Self::default();
        let mut others = false;
        for value in text.split(' ').filter(|value| !value.is_empty()) {
            match value {
                "none" => prompt.none = true,
                "login" => prompt.login = true,
                "consent" => prompt.consent = true,
                "select_account" => prompt.select_account = true,
                _unknown => {}
            }
            others |= value != "none";
        }
        if prompt.none && others { Err(InvalidPrompt) } else { Ok(prompt) }
    }

    pub(crate) const fn wants_fresh_login(self) -> bool {
        self.login || self.select_account
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompt_none_excludes_other_values() {
        assert!(Prompt::parse("none").unwrap().none);
        assert_eq!(Prompt::parse("none login"), Err(InvalidPrompt));
        assert_eq!(Prompt::parse("create none"), Err(InvalidPrompt));
    }

    #[test]
    fn login_and_consent_combine() {
        let prompt = Prompt::parse("login consent").unwrap();
        assert!(prompt.login && prompt.consent && prompt.wants_fresh_login() && !prompt.none);
    }

    #[test]
    fn each_value_means_itself_and_nothing_else() {
        let only = |none, login, consent, select_account| Ok(Prompt { none, login, consent, select_account });
        for (text, expected) in [
            ("", only(false, false, false, false)),
            ("  ", only(false, false, false, false)),
            ("none", only(true, false, false, false)),
            (" none none ", only(true, false, false, false)),
            ("login", only(false, true, false, false)),
            ("consent", only(false, false, true, false)),
            ("select_account", only(false, false, false, true)),
            ("consent  login select_account", only(false, true, true, true)),
            ("create", only(false, false, false, false)),
            ("None", only(false, false, false, false)),
            ("none\tlogin", only(false, false, false, false)),
            ("None none", Err(InvalidPrompt)),
        ] {
            assert_eq!(Prompt::parse(text), expected, "{text:?}");
        }
        let fresh = |text| Prompt::parse(text).unwrap().wants_fresh_login();
        assert!(fresh("select_account") && fresh("login") && !fresh("consent") && !fresh("none"));
    }
}
