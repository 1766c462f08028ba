//! Rows of two releases against each other: what 77ee0d4 wrote is read by this program, and what a newer one would write (members,
//! columns and words that this one does not know) keeps no row from being served, and survives being written back.

use super::samples::{NOW, after, digest, login, populate, write};
use super::schema::execute;
use crate::domain::assurance::Acr;
use crate::domain::authorization::AuthorizationStage;
use crate::domain::browser::BrowserKey;
use crate::domain::client::{Client, Source};
use crate::domain::clock::Timestamp;
use crate::domain::id::{AuthorizationId, ClientId, DeviceId, GrantId, LoginId, SessionId, UserId};
use crate::domain::login::{Challenge, End, LoginStage, Reason};
use crate::domain::secret::SecretDigest;
use crate::domain::user::{Upstream, User};
use crate::protocol::authorization::ResponseMode;
use crate::protocol::client_metadata::{AuthMethod, ClientMetadata, ConsentPolicy, GrantType};
use crate::store::{
    Store, StoreError, access_tokens, authorizations, clients, codes, consents, devices, entity, logins, refresh_tokens,
    remembered_browsers, sessions, signing_keys, users,
};

const ROWS: &str = include_str!("rows_of_77ee0d4.sql");

fn stored(text: &str) -> SecretDigest {
    SecretDigest::from_stored(text.to_owned())
}

pub(super) async fn rows_of_the_release_before_are_read(store: Store) {
    execute(&store, ROWS).await;
    let db = store.read();
    let alice = users::find_by_username(db, "alice").await.unwrap().unwrap();
    assert_eq!((alice.groups.as_slice(), alice.email_verified), (["staff".to_owned()].as_slice(), true));
    assert!(!alice.confirm_without_symbol, "what an older program never wrote is no");
    assert_eq!(devices::list_for_user(db, &alice.id).await.unwrap().len(), 2);
    let (_, phones) = devices::find_account(db, "alice", Upstream::SecSign).await.unwrap().unwrap();
    assert_eq!(phones.len(), 1);
    let web = clients::find(db, &ClientId::new("web")).await.unwrap().unwrap();
    assert_eq!(web.metadata.consent, ConsentPolicy::Ask);
    assert!(web.metadata.backchannel_logout_uri.is_some() && web.metadata.redirect_uris.len() == 1);
    assert_eq!(clients::list(db).await.unwrap().len(), 2);
    assert!(consents::find(db, &alice.id, &web.id).await.unwrap().unwrap().scope.contains("offline_access"));

    let code = codes::find(db, &stored("wfsmTWcV79WuJ4Jod5R0iWzOo4P6ftCCSDYnw6KYZ-I")).await.unwrap().unwrap();
    assert_eq!(code.content.authentication.user_id, alice.id);
    let token = access_tokens::find(db, &stored("Dxq2G_hjpyodca4aHPUCIiASqtJXpCaqLYEihN7qey4")).await.unwrap().unwrap();
    assert!(token.grant.is_offline() && token.session.unwrap().authentication.acr == Acr::Matched);
    let token = refresh_tokens::find(db, &stored("Ap1iwMkg9ftZZTTr0-GhSv6-dMP-3zcEPvHFoeF6tUk")).await.unwrap().unwrap();
    assert_eq!((token.user, token.session.is_some()), (alice.clone(), true));

    let waiting = LoginId::new("01a22651-7d57-7eaf-921c-944854885d61");
    let login = logins::find(db, &waiting).await.unwrap().unwrap();
    assert!(matches!((&login.stage, &login.challenge), (LoginStage::Pending(_), Some(Challenge::QrCode { .. }))));
    let approved = logins::find(db, &LoginId::new("01a22651-752f-7fcb-b26f-b010138c3ae9")).await.unwrap().unwrap();
    assert!(matches!(approved.stage, LoginStage::Approved { .. }) && approved.consumed_at.is_some());
    assert_eq!(logins::list_unleased_open(db, NOW, 10).await.unwrap().len(), 1);
    let authorization = AuthorizationId::new("01a22651-7d3a-77d5-9140-8faca304dc6d");
    let (authorization, client) = authorizations::find_with_client(db, &authorization).await.unwrap().unwrap();
    assert!(matches!(authorization.stage, AuthorizationStage::Open) && client.id == web.id);
    assert!(authorization.request.prompt.login && authorization.request.response_mode == ResponseMode::FormPost);
    let issued = AuthorizationId::new("01a22651-7477-77d8-bc72-2f8ab36ba173");
    let issued = authorizations::find(db, &issued).await.unwrap().unwrap();
    assert_eq!((issued.request.max_age, issued.request.ui_locales.len()), (Some(3600), 2));
    let then = Timestamp::from_millis(1_795_939_204_500);
    let browser = BrowserKey(stored("TWolKkfGPTJpHkJpXSmQGAjjD58jDgt2v5006VDRcuk"));
    let year = std::time::Duration::from_secs(365 * 86_400);
    assert!(remembered_browsers::is_remembered(db, &browser, &alice.id, then, year).await.unwrap());
}

/// Changes the metadata of the client `c` as a newer program would have written them.
async fn newer_metadata(store: &Store) {
    let newer = r#"{"client_name":"App","redirect_uris":["https://app.example/cb"],"token_endpoint_auth_method":"private_key_jwt",
        "grant_types":["authorization_code","urn:ietf:params:oauth:grant-type:device_code"],"consent":"each_time",
        "application_type":"spa","id_token_signed_response_alg":"ML-DSA-65","access_token_format":"sealed",
        "id_token_claims":"some","require_pkce":false,"tos_uri":"https://app.example/tos","jwks":{"keys":[]}}"#;
    execute(store, &format!("UPDATE clients SET metadata = '{newer}', source = 'console' WHERE id = 'c'")).await;
}

async fn stored_metadata(store: &Store) -> serde_json::Value {
    use sea_orm::EntityTrait as _;
    let row = entity::client::Entity::find_by_id(ClientId::new("c")).one(store.read()).await.unwrap().unwrap();
    assert_eq!(row.source, "console");
    serde_json::from_str(&row.metadata).unwrap()
}

pub(super) async fn a_client_of_a_newer_release_is_served_and_keeps_what_only_that_one_knows(store: Store) {
    populate(&store).await;
    newer_metadata(&store).await;
    let before = stored_metadata(&store).await;
    let id = ClientId::new("c");
    let client = clients::find(store.read(), &id).await.unwrap().unwrap();
    let metadata = &client.metadata;
    assert_eq!((metadata.client_name.as_str(), metadata.redirect_uris.len(), metadata.require_pkce), ("App", 1, false));
    // The most cautious reading of what is not known.
    assert_eq!(metadata.grant_types, [GrantType::AuthorizationCode]);
    assert_eq!((metadata.consent, metadata.token_endpoint_auth_method), (ConsentPolicy::Ask, AuthMethod::ClientSecretBasic));
    assert_eq!(client.source, Source::Command);

    let renamed = ClientMetadata { client_name: "Renamed".to_owned(), ..metadata.clone() };
    assert!(write!(store, Client { metadata: renamed, ..client.clone() }, |tx, client| clients::update(tx, client)));
    let after = stored_metadata(&store).await;
    for (member, value) in before.as_object().unwrap() {
        let expected = if member == "client_name" { &serde_json::json!("Renamed") } else { value };
        assert_eq!(&after[member], expected, "{member}");
    }
    // What is changed is changed, whatever stood there.
    let changed = ClientMetadata { consent: ConsentPolicy::None, grant_types: GrantType::ALL.to_vec(), ..metadata.clone() };
    assert!(write!(store, Client { metadata: changed, ..client }, |tx, client| clients::update(tx, client)));
    let after = stored_metadata(&store).await;
    assert_eq!((after["consent"].as_str(), after["grant_types"].as_array().unwrap().len()), (Some("none"), 2));
    assert_eq!(after["tos_uri"], before["tos_uri"]);
}

async fn is_left_to_the_newer(outcome: Result<Option<impl std::fmt::Debug>, StoreError>) {
    let error = outcome.unwrap_err();
    assert!(matches!(error, StoreError::Unknown { .. }) && error.is_unavailable(), "{error}");
}

pub(super) async fn words_of_a_newer_release_stop_nothing_but_their_own_row(store: Store) {
    let alice: User = populate(&store).await;
    let db = store.read();
    for id in ["mine", "other"] {
        write!(store, login(id), |tx, login| logins::insert(tx, login, None));
    }
    let open = async || logins::list_unleased_open(store.read(), after(1), 10).await.unwrap().len();
    assert_eq!(open().await, 2, "before");
    execute(&store, "UPDATE logins SET purpose = 'pairing', authorization_id = NULL WHERE id = 'other'").await;
    assert_eq!(open().await, 1, "a login for another purpose is its own program's");
    is_left_to_the_newer(logins::find(db, &LoginId::new("other")).await).await;
    let mine = LoginId::new("mine");
    execute(&store, "UPDATE logins SET stage = 'weighed', challenge = '{\"chime\":\"c-e-g\"}' WHERE id = 'mine'").await;
    let weighed = logins::find(db, &mine).await.unwrap().unwrap();
    assert_eq!((weighed.stage.state(), weighed.challenge), ("pending", None));
    assert!(!write!(store, (), |tx, _none| logins::mark_fetched(tx, &LoginId::new("mine"))), "and nothing is decided");
    execute(&store, "UPDATE logins SET stage = 'failed', reason = 'bored', ended_at = 1 WHERE id = 'mine'").await;
    let bored = logins::find(db, &mine).await.unwrap().unwrap();
    assert!(matches!(bored.stage, LoginStage::Ended(End::Failed(Reason::Technical))));

    execute(&store, "UPDATE devices SET upstream = 'pigeon'").await;
    assert_eq!(devices::list_for_user(db, &alice.id).await.unwrap(), []);
    let phone = DeviceId::new("device-alice-phone");
    is_left_to_the_newer(devices::find(db, &phone).await).await;
    execute(&store, "UPDATE sessions SET acr = 'urn:signbridge:acr:sworn'").await;
    let session = sessions::find(db, &SessionId::new("s")).await.unwrap().unwrap();
    assert_eq!(session.authentication.acr, Acr::Approved, "never more than is known");
    execute(&store, "UPDATE authorizations SET stage = 'paired'").await;
    is_left_to_the_newer(authorizations::find(db, &AuthorizationId::new("a")).await).await;
    execute(&store, "UPDATE users SET source = 'directory'").await;
    assert_eq!(users::find(db, &UserId::new("user-alice")).await.unwrap().unwrap().source, Source::Command);
    execute(
        &store,
        "INSERT INTO signing_keys (kid, alg, state, public_jwk, sealed_private, created_at) \
         VALUES ('k', 'ML-DSA-65', 'active', '{}', '', 1)",
    )
    .await;
    assert_eq!(signing_keys::list(db).await.unwrap().len(), 0);
}

pub(super) async fn members_of_a_newer_release_are_passed_over(store: Store) {
    let alice = populate(&store).await;
    let db = store.read();
    let id = AuthorizationId::new("a");
    let before = authorizations::find(db, &id).await.unwrap().unwrap();
    // REPLACE is the same on both engines.
    execute(&store, r#"UPDATE authorizations SET request = REPLACE(request, '{"client_id"', '{"resource":["x"],"client_id"')"#)
        .await;
    let after = authorizations::find(db, &id).await.unwrap().unwrap();
    assert_eq!(format!("{:?}", after.request), format!("{:?}", before.request));
    execute(&store, r#"UPDATE authorizations SET request = REPLACE(request, '"form_post"', '"form_post.jwt"')"#).await;
    is_left_to_the_newer(authorizations::find(db, &id).await).await;
    for table in ["clients", "users", "devices", "sessions", "authorizations", "logins", "codes", "grants", "refresh_tokens"] {
        execute(&store, &format!("ALTER TABLE {table} ADD COLUMN novelty TEXT")).await;
    }
    assert_eq!(users::find(db, &alice.id).await.unwrap(), Some(alice));
    write!(store, login("beside"), |tx, login| logins::insert(tx, login, None));
    assert!(logins::find(db, &LoginId::new("beside")).await.unwrap().is_some());
    assert!(refresh_tokens::find(db, &digest("nothing")).await.unwrap().is_none());
    assert!(crate::store::grants::find(db, &GrantId::new("g")).await.is_ok());
}
