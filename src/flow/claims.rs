//! The claims about a person that a scope opens (OIDC Core §5.4): what is said in the ID token and at userinfo alike.

use crate::domain::user::User;
use crate::protocol::id_token::UserClaims;
use crate::protocol::scope::Scope;

/// What is not known is absent; `groups` are a list even when empty, so that relying parties can map them (decision 2.9).
pub(crate) fn of(user: &User, scope: &Scope) -> UserClaims {
    UserClaims {
        name: (!user.name.is_empty()).then(|| user.name.clone()),
        preferred_username: Some(user.username.clone()),
        updated_at: Some(user.updated_at.as_seconds()),
        email: user.email.clone(),
        email_verified: Some(user.email_verified),
        groups: Some(user.groups.clone()),
    }
    .limited_to(scope)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::client::Source;
    use crate::domain::clock::Timestamp;
    use crate::domain::id::UserId;

    fn alice() -> User {
        User {
            id: UserId::new("u1"),
            username: "alice".into(),
            email: Some("alice@example.org".into()),
            email_verified: true,
            name: "Alice Example".into(),
            groups: vec!["admins".into(), "staff".into()],
            locked: false,
            source: Source::Command,
            created_at: Timestamp::from_seconds(10),
            updated_at: Timestamp::from_millis(20_900),
        }
    }

    fn claims(user: &User, scope: &str) -> serde_json::Value {
        serde_json::to_value(of(user, &Scope::parse(scope).unwrap())).unwrap()
    }

    #[test]
    fn each_scope_opens_its_claims_and_no_others() {
        let alice = alice();
        assert_eq!(claims(&alice, "openid offline_access"), json!({}));
        let profile = json!({"name": "Alice Example", "preferred_username": "alice", "updated_at": 20});
        assert_eq!(claims(&alice, "openid profile"), profile);
        assert_eq!(claims(&alice, "email"), json!({"email": "alice@example.org", "email_verified": true}));
        assert_eq!(claims(&alice, "groups"), json!({"groups": ["admins", "staff"]}));
    }

    #[test]
    fn what_is_not_known_is_absent_but_groups_are_always_a_list() {
        let blank = User { name: String::new(), email: None, groups: Vec::new(), ..alice() };
        let expected = json!({"preferred_username": "alice", "updated_at": 20, "groups": []});
        assert_eq!(claims(&blank, "openid profile email groups"), expected);
    }

    #[test]
    fn every_claim_that_is_advertised_can_be_had_and_no_other() {
        let all = claims(&alice(), "openid profile email groups");
        let mut names: Vec<_> = all.as_object().unwrap().keys().map(String::as_str).collect();
        let mut advertised = UserClaims::NAMES.to_vec();
        names.sort_unstable();
        advertised.sort_unstable();
        assert_eq!(names, advertised);
    }
}
