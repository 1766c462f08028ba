//! Requests of relying parties.

use super::samples::{NOW, after, authentication, authorization, client, populate, user, write};
use crate::domain::authorization::{Authorization, AuthorizationStage};
use crate::domain::id::AuthorizationId;
use crate::protocol::error::ErrorCode;
use crate::store::{Store, authorizations, clients, users};

async fn stage(store: &Store, id: &str) -> AuthorizationStage {
    authorizations::find(store.read(), &AuthorizationId::new(id)).await.unwrap().unwrap().stage
}

pub(super) async fn an_authorization_comes_back_as_it_was_written(store: Store) {
    write!(store, (), |tx, _none| users::insert(tx, &user("alice")));
    write!(store, (), |tx, _none| clients::insert(tx, &client("c")));
    let signed_in = AuthorizationStage::Authenticated { authentication: authentication(&user("alice"), "s"), consented: true };
    let failed = AuthorizationStage::Failed(ErrorCode::UnmetAuthenticationRequirements);
    for (id, stage) in [("a", AuthorizationStage::Open), ("b", signed_in), ("c", AuthorizationStage::Issued), ("d", failed)] {
        let written = Authorization { stage, ..authorization(id) };
        write!(store, written.clone(), |tx, written| authorizations::insert(tx, written, ""));
        let read = authorizations::find(store.read(), &written.id).await.unwrap().unwrap();
        assert_eq!(format!("{read:?}"), format!("{written:?}"));
    }
    assert!(authorizations::find(store.read(), &AuthorizationId::new("x")).await.unwrap().is_none());
}

pub(super) async fn stages_follow_one_another_and_no_other_way(store: Store) {
    let alice = populate(&store).await;
    let id = AuthorizationId::new("a");
    let (alices, wrong) = (authentication(&alice, "s"), user("mallory").id);
    assert!(!write!(store, id.clone(), |tx, id| authorizations::finish_issued(tx, id, NOW)), "nobody signed in");
    assert!(!write!(store, (id.clone(), alice.id.clone()), |tx, v| authorizations::consent(tx, &v.0, &v.1, NOW)));
    let input = (id.clone(), alices.clone());
    assert!(write!(store, input.clone(), |tx, v| authorizations::authenticate(tx, &v.0, &v.1, NOW)));
    assert!(!write!(store, (id.clone(), wrong), |tx, v| authorizations::consent(tx, &v.0, &v.1, NOW)), "not hers to give");
    assert!(write!(store, (id.clone(), alice.id), |tx, v| authorizations::consent(tx, &v.0, &v.1, NOW)));
    assert!(
        matches!(stage(&store, "a").await, AuthorizationStage::Authenticated { consented: true, authentication } if authentication == alices)
    );
    assert!(write!(store, input.clone(), |tx, v| authorizations::authenticate(tx, &v.0, &v.1, NOW)));
    assert!(
        matches!(stage(&store, "a").await, AuthorizationStage::Authenticated { consented: false, .. }),
        "a new login, a new consent"
    );

    assert!(write!(store, id.clone(), |tx, id| authorizations::finish_issued(tx, id, NOW)));
    assert!(!write!(store, id.clone(), |tx, id| authorizations::finish_issued(tx, id, NOW)), "one code");
    assert!(!write!(store, id, |tx, id| authorizations::fail(tx, id, ErrorCode::AccessDenied)));
    assert!(!write!(store, input, |tx, v| authorizations::authenticate(tx, &v.0, &v.1, NOW)));
    assert!(matches!(stage(&store, "a").await, AuthorizationStage::Issued));
}

pub(super) async fn an_expired_authorization_cannot_go_on(store: Store) {
    let alice = populate(&store).await;
    let input = (AuthorizationId::new("a"), authentication(&alice, "s"));
    assert!(!write!(store, input.clone(), |tx, v| authorizations::authenticate(tx, &v.0, &v.1, after(1800))));
    assert!(write!(store, input.clone(), |tx, v| authorizations::authenticate(tx, &v.0, &v.1, after(1799))));
    assert!(!write!(store, input.0.clone(), |tx, id| authorizations::finish_issued(tx, id, after(1800))));
    assert!(write!(store, input.0, |tx, id| authorizations::fail(tx, id, ErrorCode::AccessDenied)));
    assert!(matches!(stage(&store, "a").await, AuthorizationStage::Failed(ErrorCode::AccessDenied)));
}

pub(super) async fn an_authorization_comes_with_its_client(store: Store) {
    populate(&store).await;
    let found = authorizations::find_with_client(store.read(), &AuthorizationId::new("a")).await.unwrap();
    let (authorization, client) = found.unwrap();
    assert_eq!((authorization.id.as_str(), client.id.as_str()), ("a", "c"));
    assert!(authorizations::find_with_client(store.read(), &AuthorizationId::new("x")).await.unwrap().is_none());
    let lock = async |id: &str| write!(store, AuthorizationId::new(id), |tx, id| authorizations::lock_row(tx, id));
    assert!(lock("a").await && !lock("x").await);
}
