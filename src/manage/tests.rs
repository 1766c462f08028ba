//! The use cases of operators against a database in a temporary file.

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::clients::Change;
use super::{Manage, ManageError, clients, declared, devices, sessions, users};
use crate::domain::assurance::Acr;
use crate::domain::brand::CLIENT_LOGO;
use crate::domain::browser::{Authentication, BrowserKey, BrowserSession, RequestSource};
use crate::domain::client::{Client, ClientPatch, DeclaredClient, Source};
use crate::domain::clock::{ManualClock, Timestamp};
use crate::domain::env::Env;
use crate::domain::id::{ClientId, DeviceId, SessionId, UserId};
use crate::domain::login::{Concern, Login};
use crate::domain::picture::Picture;
use crate::domain::picture::tests::SVG;
use crate::domain::secret::{Secret, SecretDigest};
use crate::domain::user::Upstream;
use crate::domain::written::{NewUser, WrittenProfile, WrittenUser};
use crate::protocol::client_metadata::ClientMetadata;
use crate::store::tests::samples::login;
use crate::store::{self, Store, audit, pushes};

pub(super) struct Bench {
    pub(super) store: Store,
    pub(super) env: Env,
    _dir: TempDir,
}

impl Bench {
    pub(super) async fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(1_800_000_000)));
        let env = Env::with_clock(clock);
        let url = format!("sqlite:{}", dir.path().join("test.db").display());
        let store = Store::open(&url, env.clone()).await.unwrap();
        store.migrate().await.unwrap();
        Self { store, env, _dir: dir }
    }

    pub(super) fn manage(&self) -> Manage<'_> {
        Manage::command(&self.store, &self.env)
    }

    pub(super) async fn apply(&self, clients: &[DeclaredClient], people: &[NewUser]) -> Result<(), ManageError> {
        declared::apply(&self.store, &self.env, clients, people).await
    }

    /// What the audit trail says, sorted: events of one millisecond have no order.
    pub(super) async fn trail(&self) -> Vec<String> {
        let records = audit::list(self.store.read(), 100).await.unwrap();
        let said = |record: &audit::AuditRecord| format!("{}: {}", record.kind, record.detail.clone().unwrap_or_default());
        let mut lines: Vec<String> = records.iter().map(said).collect();
        lines.sort();
        lines
    }

    /// Signs a person in with a device.
    pub(super) async fn sign_in(&self, user: &UserId, device: &DeviceId) -> SessionId {
        let (id, now) = (SessionId::generate(&self.env).unwrap(), self.env.now());
        let session = BrowserSession {
            id: id.clone(),
            authentication: Authentication {
                user_id: user.clone(),
                session_id: Some(id.clone()),
                auth_time: now,
                acr: Acr::Matched,
                device_id: Some(device.clone()),
                unnamed: false,
            },
            browser: BrowserKey(SecretDigest::of(b"browser")),
            origin: RequestSource::default(),
            created_at: now,
            last_seen_at: now,
            expires_at: now.plus(Duration::from_secs(3600)),
            ended_at: None,
        };
        let cookie = SecretDigest::of(id.as_str().as_bytes());
        let job = (session, cookie);
        self.store.write(job, |tx, (session, cookie)| Box::pin(store::sessions::insert(tx, session, cookie))).await.unwrap();
        id
    }

    pub(super) async fn has_ended(&self, session: &SessionId) -> bool {
        store::sessions::find(self.store.read(), session).await.unwrap().unwrap().ended_at.is_some()
    }
}

pub(super) fn web() -> ClientPatch {
    ClientPatch::default().with("redirect_uris", vec!["https://app.example/cb"])
}

pub(super) fn alice() -> WrittenUser {
    WrittenUser {
        username: Some("Alice".into()),
        profile: WrittenProfile { email: Some("alice@example.org".into()), ..WrittenProfile::default() },
        secsignid: Some("alice".into()),
        thumbsignin_user_id: Some("alice-1".into()),
    }
}

#[tokio::test]
async fn a_client_is_created_once_and_its_secret_is_kept_as_a_digest() {
    let bench = Bench::new().await;
    let issued = clients::create(&bench.manage(), Some("app".into()), web()).await.unwrap();
    let found = clients::find(&bench.manage(), &ClientId::new("app")).await.unwrap();
    assert!(found.secret.unwrap().matches(&issued.secret.unwrap()));
    let again = clients::create(&bench.manage(), Some("app".into()), web()).await.unwrap_err();
    assert!(matches!(again, ManageError::Exists(_)), "{again}");
    let wrong = clients::create(&bench.manage(), Some("a b".into()), web()).await.unwrap_err();
    assert!(matches!(wrong, ManageError::Invalid(_)), "{wrong}");
    let unnamed = clients::create(&bench.manage(), None, web()).await.unwrap();
    assert_eq!(unnamed.client.id.as_str().len(), 36);
    assert_eq!(bench.trail().await, ["client.changed: created", "client.changed: created"]);
}

#[tokio::test]
async fn a_client_is_replaced_and_keeps_the_secret_that_is_known() {
    let bench = Bench::new().await;
    let (manage, id) = (bench.manage(), ClientId::new("app"));
    let named = |name: &str| web().with("client_name", name);
    let replace = async |name: &str, known: Option<&Secret>| {
        let issued = clients::replace(&manage, "app".into(), named(name), known.cloned()).await?;
        let found = clients::find(&manage, &id).await?;
        let secret = issued.secret.unwrap();
        assert!(found.secret.unwrap().matches(&secret) && found.metadata.client_name == name);
        Ok::<Secret, ManageError>(secret)
    };
    let first = replace("One", None).await.unwrap();
    assert!(replace("One", Some(&first)).await.unwrap().matches(first.expose()));
    assert_eq!(bench.trail().await, ["client.changed: created"], "nothing was to be changed");
    assert!(replace("Two", Some(&first)).await.unwrap().matches(first.expose()));
    for unknown in [None, Some(&Secret::new("another"))] {
        assert!(!replace("Two", unknown).await.unwrap().matches(first.expose()));
    }
    clients::change(&manage, &id, Change::Update(ClientPatch::default(), Some(true))).await.unwrap();
    replace("Three", None).await.unwrap();
    assert!(clients::find(&manage, &id).await.unwrap().disabled, "what was switched off stays so");
    let said = |detail: &str| format!("client.changed: {detail}");
    let trail = ["created", "disabled", "replaced", "replaced", "replaced", "replaced"].map(said);
    assert_eq!(bench.trail().await, trail);

    let declared = declared_client("declared", "first-secret", "App");
    bench.apply(&[declared], &[]).await.unwrap();
    let refused = clients::replace(&manage, "declared".into(), web(), Some(Secret::new("first-secret"))).await;
    assert!(matches!(refused, Err(ManageError::Declared(_))));
    let kept = clients::find(&manage, &ClientId::new("declared")).await.unwrap();
    assert!(kept.secret.unwrap().matches(&Secret::new("first-secret")) && kept.metadata.client_name == "App");
}

#[tokio::test]
async fn a_client_that_changes_its_kind_loses_or_gets_a_secret() {
    let bench = Bench::new().await;
    let id = ClientId::new("app");
    clients::create(&bench.manage(), Some("app".into()), web()).await.unwrap();
    let method = |method: &str| ClientPatch::default().with("token_endpoint_auth_method", method);
    let public = clients::change(&bench.manage(), &id, Change::Update(method("none"), None)).await.unwrap();
    assert!(public.secret.is_none() && clients::find(&bench.manage(), &id).await.unwrap().secret.is_none());
    assert!(matches!(clients::change(&bench.manage(), &id, Change::Rotate).await, Err(ManageError::Refused(_))));
    let confidential = clients::change(&bench.manage(), &id, Change::Update(method("client_secret_post"), None)).await.unwrap();
    let kept = clients::find(&bench.manage(), &id).await.unwrap();
    assert!(kept.secret.unwrap().matches(&confidential.secret.unwrap()));
    let renamed = ClientPatch::default().with("client_name", "App");
    assert!(clients::change(&bench.manage(), &id, Change::Update(renamed, Some(true))).await.unwrap().secret.is_none());
    let kept = clients::find(&bench.manage(), &id).await.unwrap();
    assert!(kept.disabled && kept.secret.is_some() && kept.metadata.client_name == "App");
}

#[tokio::test]
async fn a_rotated_secret_replaces_the_old_one() {
    let bench = Bench::new().await;
    let old = clients::create(&bench.manage(), Some("app".into()), web()).await.unwrap().secret.unwrap();
    let new = clients::change(&bench.manage(), &ClientId::new("app"), Change::Rotate).await.unwrap().secret.unwrap();
    let kept = clients::find(&bench.manage(), &ClientId::new("app")).await.unwrap().secret.unwrap();
    assert!(kept.matches(&new) && !kept.matches(&old));
}

#[tokio::test]
async fn a_refused_change_changes_nothing() {
    let bench = Bench::new().await;
    let id = ClientId::new("app");
    clients::create(&bench.manage(), Some("app".into()), web()).await.unwrap();
    let bad = ClientPatch::default().with("client_name", "New").with("redirect_uris", vec!["http://evil"]);
    assert!(matches!(clients::change(&bench.manage(), &id, Change::Update(bad, None)).await, Err(ManageError::Invalid(_))));
    assert_eq!(clients::find(&bench.manage(), &id).await.unwrap().metadata.client_name, "");
    let other = ClientId::new("other");
    assert!(matches!(clients::change(&bench.manage(), &other, Change::Delete).await, Err(ManageError::NotFound(_))));
    assert_eq!(bench.trail().await, ["client.changed: created"]);
    clients::change(&bench.manage(), &id, Change::Delete).await.unwrap();
    assert!(clients::list(&bench.manage()).await.unwrap().is_empty());
    assert_eq!(bench.trail().await, ["client.changed: created", "client.changed: deleted"]);
}

#[tokio::test]
async fn a_person_is_created_with_phones_and_no_name_is_given_twice() {
    let bench = Bench::new().await;
    let person = users::create(&bench.manage(), alice()).await.unwrap();
    assert_eq!(person.devices.len(), 2);
    for name in ["ALICE", "alice@example.org", person.user.id.as_str()] {
        assert_eq!(users::find(&bench.manage(), name).await.unwrap().user.id, person.user.id, "{name}");
    }
    let someone = |change: fn(&mut WrittenUser)| {
        let mut written = WrittenUser { username: Some("bob".into()), ..WrittenUser::default() };
        change(&mut written);
        written
    };
    for (taken, name) in [
        (someone(|bob| bob.username = Some("alice".into())), "username"),
        (someone(|bob| bob.profile.email = Some("alice@example.org".into())), "e-mail"),
        (someone(|bob| bob.username = Some("alice@example.org".into())), "a username that is an e-mail address"),
        (someone(|bob| bob.secsignid = Some("Alice".into())), "SecSign ID"),
        (someone(|bob| bob.thumbsignin_user_id = Some("alice-1".into())), "ThumbSignIn"),
    ] {
        assert!(matches!(users::create(&bench.manage(), taken).await, Err(ManageError::Exists(_))), "{name}");
    }
    assert_eq!(users::list(&bench.manage()).await.unwrap().len(), 1);
    // The same text may name two people at two services.
    users::create(&bench.manage(), someone(|bob| bob.thumbsignin_user_id = Some("alice".into()))).await.unwrap();
    assert_eq!(bench.trail().await, ["user.changed: created", "user.changed: created"]);
}

#[tokio::test]
async fn limits_are_reset_for_every_name_of_a_person_and_nobody_else() {
    let bench = Bench::new().await;
    users::create(&bench.manage(), alice()).await.unwrap();
    let attempt = |number: u8, target: &str, typed: &str| Login {
        concern: Concern { target: Some(target.to_owned()), ..Concern::default() },
        typed: Some(typed.to_owned()),
        remembered: false,
        created_at: bench.env.now(),
        ..login(&format!("l{number}"))
    };
    // One of them from before she was added, when nobody had her name.
    let attempts = [
        attempt(1, "alice-id", "alice"),
        attempt(2, "alice-id", "alice@example.org"),
        attempt(3, "? alice", "alice"),
        attempt(4, "bob-id", "bob"),
    ];
    for attempt in attempts {
        bench.store.write(attempt, |tx, attempt| Box::pin(pushes::insert(tx, attempt))).await.unwrap();
    }
    let typed = async |name: &str| {
        pushes::count_typed(bench.store.read(), Upstream::SecSign, name, Timestamp::from_seconds(0)).await.unwrap()
    };
    assert_eq!((typed("alice").await, typed("alice@example.org").await, typed("bob").await), (2, 1, 1));
    let (paused, until) = (users::find(&bench.manage(), "alice").await.unwrap().user.id, bench.env.now());
    bench.store.write(paused, move |tx, id| Box::pin(store::users::pause_strangers(tx, id, until))).await.unwrap();
    assert_eq!(users::find(&bench.manage(), "alice").await.unwrap().user.strangers_until, Some(until));
    let reset = users::reset_limits(&bench.manage(), "alice@example.org").await.unwrap();
    assert_eq!(
        (reset.user.strangers_until, users::find(&bench.manage(), "alice").await.unwrap().user.strangers_until),
        (None, None)
    );
    assert_eq!((typed("alice").await, typed("alice@example.org").await, typed("bob").await), (0, 0, 1));
    assert_eq!(bench.trail().await, ["user.changed: created", "user.changed: limits reset"]);
    assert!(matches!(users::reset_limits(&bench.manage(), "nobody").await, Err(ManageError::NotFound(_))));
}

#[tokio::test]
async fn a_lock_ends_every_session_at_once() {
    let bench = Bench::new().await;
    let person = users::create(&bench.manage(), alice()).await.unwrap();
    let (user, device) = (&person.user.id, &person.devices[0].id);
    let (one, two) = (bench.sign_in(user, device).await, bench.sign_in(user, device).await);
    assert!(users::set_locked(&bench.manage(), "alice", true).await.unwrap().user.locked);
    assert!(bench.has_ended(&one).await && bench.has_ended(&two).await);
    users::set_locked(&bench.manage(), "alice", true).await.unwrap();
    assert!(!users::set_locked(&bench.manage(), "alice@example.org", false).await.unwrap().user.locked);
    assert!(bench.has_ended(&one).await);
    assert_eq!(bench.trail().await, ["user.changed: created", "user.changed: locked", "user.changed: unlocked"]);
    assert!(matches!(users::set_locked(&bench.manage(), "nobody", true).await, Err(ManageError::NotFound(_))));
}

#[tokio::test]
async fn a_removed_device_takes_the_sessions_with_it_that_it_approved() {
    let bench = Bench::new().await;
    let person = users::create(&bench.manage(), alice()).await.unwrap();
    let (lost, kept) = (&person.devices[0].id, &person.devices[1].id);
    let by_lost = bench.sign_in(&person.user.id, lost).await;
    let by_kept = bench.sign_in(&person.user.id, kept).await;
    assert_eq!(devices::remove(&bench.manage(), lost).await.unwrap().0.source, Source::Command);
    assert!(bench.has_ended(&by_lost).await && !bench.has_ended(&by_kept).await);
    let left = devices::list(&bench.manage(), Some("alice")).await.unwrap();
    assert_eq!(left.iter().map(|(_, device)| &device.id).collect::<Vec<_>>(), [kept]);
    assert!(matches!(devices::remove(&bench.manage(), lost).await, Err(ManageError::NotFound(_))));
    assert!(bench.trail().await.contains(&"device.changed: removed secsign".to_owned()));
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one_or_all_at_once() {
    let bench = Bench::new().await;
    let person = users::create(&bench.manage(), alice()).await.unwrap();
    let (user, device) = (&person.user.id, &person.devices[0].id);
    let ids = [bench.sign_in(user, device).await, bench.sign_in(user, device).await, bench.sign_in(user, device).await];
    assert_eq!(sessions::list(&bench.manage(), None).await.unwrap().len(), 3);
    sessions::end(&bench.manage(), &ids[0]).await.unwrap();
    assert!(matches!(sessions::end(&bench.manage(), &ids[0]).await, Err(ManageError::NotFound(_))));
    assert!(matches!(sessions::end(&bench.manage(), &SessionId::new("x")).await, Err(ManageError::NotFound(_))));
    assert_eq!(sessions::end_all(&bench.manage(), "alice").await.unwrap(), 2);
    assert!(sessions::list(&bench.manage(), Some("alice")).await.unwrap().is_empty());
    assert_eq!(bench.trail().await.iter().filter(|line| line.starts_with("logout")).count(), 3);
}

fn declared_client(id: &str, secret: &str, name: &str) -> DeclaredClient {
    let written = web().with("client_name", name);
    let metadata = written.apply(&ClientMetadata::default(), false).unwrap();
    DeclaredClient { id: ClientId::new(id), metadata, secret: Some(Secret::new(secret)), logo: None }
}

#[tokio::test]
async fn a_logo_is_stored_beside_its_client_until_it_is_taken_away() {
    let bench = Bench::new().await;
    let id = clients::create(&bench.manage(), Some("app".into()), web()).await.unwrap().client.id;
    let logo = Picture::of("logo.svg", SVG.as_bytes(), 1024).unwrap();
    let file = logo.file_name(CLIENT_LOGO);
    let found = async |file: &str| store::clients::find_logo(bench.store.read(), file).await.unwrap();
    let changed = clients::set_logo(&bench.manage(), &id, Some(logo)).await.unwrap();
    assert_eq!(changed.stored_logo(), Some(file.as_str()));
    assert_eq!(found(&file).await.as_deref(), Some(SVG.as_bytes()));
    assert_eq!(found("app-logo.svg").await, None);
    // Another change leaves it as it is.
    let renamed = Change::Update(ClientPatch::default().with("client_name", "App"), None);
    assert_eq!(clients::change(&bench.manage(), &id, renamed).await.unwrap().client.stored_logo(), Some(file.as_str()));
    let found_client = clients::find(&bench.manage(), &id).await.unwrap();
    assert_eq!(found_client.stored_logo(), Some(file.as_str()));
    // What the file declares has its logo there.
    assert_eq!(Client { source: Source::File, ..found_client }.stored_logo(), None);
    let without = clients::set_logo(&bench.manage(), &id, None).await.unwrap();
    assert_eq!((without.stored_logo(), found(&file).await), (None, None));
    assert_eq!(bench.trail().await.iter().filter(|line| line.ends_with(": logo changed")).count(), 2);

    bench.apply(&[declared_client("web", "s3cret-s3cret", "Web")], &[]).await.unwrap();
    for (id, why) in [("web", "declared in the configuration file"), ("nobody", "there is no client")] {
        let refused = clients::set_logo(&bench.manage(), &ClientId::new(id), None).await.unwrap_err();
        assert!(refused.to_string().contains(why), "{refused}");
    }
}

pub(super) fn declared_user(name: &str, secsignid: &str) -> NewUser {
    let written = WrittenUser { username: Some(name.into()), secsignid: Some(secsignid.into()), ..WrittenUser::default() };
    written.check().unwrap()
}

#[tokio::test]
async fn what_the_file_declares_is_applied_once_and_followed() {
    let bench = Bench::new().await;
    let client = declared_client("app", "first-secret", "App");
    bench.apply(std::slice::from_ref(&client), &[declared_user("alice", "alice")]).await.unwrap();
    let sub = users::find(&bench.manage(), "alice").await.unwrap().user.id;
    let commits = bench.store.commits();
    bench.apply(&[client], &[declared_user("alice", "alice")]).await.unwrap();
    assert_eq!(bench.store.commits(), commits, "nothing was to be written");

    let named = NewUser { name: "Alice A.".into(), confirm_without_symbol: true, ..declared_user("alice", "alice-new") };
    bench.apply(&[declared_client("app", "second-secret", "App 2")], &[named]).await.unwrap();
    let found = clients::find(&bench.manage(), &ClientId::new("app")).await.unwrap();
    assert!(found.secret.unwrap().matches(&Secret::new("second-secret")) && found.metadata.client_name == "App 2");
    let person = users::find(&bench.manage(), "alice").await.unwrap();
    let user = &person.user;
    assert_eq!((&user.id, user.name.as_str(), user.confirm_without_symbol), (&sub, "Alice A.", true));
    assert_eq!(person.devices.iter().map(|device| device.upstream_user.as_str()).collect::<Vec<_>>(), ["alice-new"]);
}

#[tokio::test]
async fn what_the_file_declares_is_read_only_but_for_emergencies() {
    let bench = Bench::new().await;
    let (client, person) = (declared_client("app", "first-secret", "App"), declared_user("alice", "alice"));
    bench.apply(std::slice::from_ref(&client), std::slice::from_ref(&person)).await.unwrap();
    let id = ClientId::new("app");
    assert!(matches!(clients::change(&bench.manage(), &id, Change::Update(web(), None)).await, Err(ManageError::Declared(_))));
    assert!(matches!(clients::change(&bench.manage(), &id, Change::Rotate).await, Err(ManageError::Declared(_))));
    assert!(matches!(clients::change(&bench.manage(), &id, Change::Delete).await, Err(ManageError::Declared(_))));
    users::set_locked(&bench.manage(), "alice", true).await.unwrap();
    let device = users::find(&bench.manage(), "alice").await.unwrap().devices[0].id.clone();
    assert_eq!(devices::remove(&bench.manage(), &device).await.unwrap().0.source, Source::File);
    bench.apply(&[client], &[person]).await.unwrap();
    let alice = users::find(&bench.manage(), "alice").await.unwrap();
    assert!(alice.user.locked, "a start does not unlock anybody");
    assert_eq!(alice.devices.len(), 1);
}

#[tokio::test]
async fn what_the_file_no_longer_declares_loses_its_rights_and_keeps_its_identity() {
    let bench = Bench::new().await;
    let (client, person) = (declared_client("app", "first-secret", "App"), declared_user("alice", "alice"));
    bench.apply(std::slice::from_ref(&client), std::slice::from_ref(&person)).await.unwrap();
    let before = users::find(&bench.manage(), "alice").await.unwrap();
    let session = bench.sign_in(&before.user.id, &before.devices[0].id).await;
    bench.apply(&[], &[declared_user("bob", "alice")]).await.unwrap();
    let app = clients::find(&bench.manage(), &ClientId::new("app")).await.unwrap();
    assert!(app.disabled && app.source == Source::Command);
    let gone = users::find(&bench.manage(), "alice").await.unwrap();
    assert!(gone.user.locked && gone.devices.is_empty() && bench.has_ended(&session).await);
    assert_eq!(users::find(&bench.manage(), "bob").await.unwrap().devices[0].upstream_user, "alice");

    bench.apply(&[client], &[person]).await.unwrap();
    assert!(!clients::find(&bench.manage(), &ClientId::new("app")).await.unwrap().disabled);
    let back = users::find(&bench.manage(), "alice").await.unwrap();
    assert_eq!(back.user.id, before.user.id);
    assert!(back.user.locked && back.devices.len() == 1, "whether they may sign in again is for a person to say");
}

#[tokio::test]
async fn phones_can_change_hands_in_the_file() {
    let bench = Bench::new().await;
    bench.apply(&[], &[declared_user("alice", "one"), declared_user("bob", "two")]).await.unwrap();
    bench.apply(&[], &[declared_user("alice", "two"), declared_user("bob", "one")]).await.unwrap();
    assert_eq!(users::find(&bench.manage(), "alice").await.unwrap().devices[0].upstream_user, "two");
    assert_eq!(users::find(&bench.manage(), "bob").await.unwrap().devices[0].upstream_user, "one");
}

#[tokio::test]
async fn a_declared_name_that_belongs_to_somebody_else_is_refused() {
    let bench = Bench::new().await;
    users::create(&bench.manage(), alice()).await.unwrap();
    let error = bench.apply(&[], &[declared_user("carol", "alice")]).await.unwrap_err();
    assert!(matches!(error, ManageError::Exists(_)), "{error}");
    bench.apply(&[], &[declared_user("alice", "alice")]).await.unwrap();
    assert_eq!(users::find(&bench.manage(), "alice").await.unwrap().user.source, Source::File);
}
