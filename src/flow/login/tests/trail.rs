//! What the audit trail says of a login: each event once, with whose login it was, and no secret (check 151).

use std::time::Duration;

use super::scene::Scene;
use crate::domain::audit::AuditKind;
use crate::domain::browser::RequestSource;
use crate::domain::login::{Challenge, End, Login, Reason, Subject};
use crate::flow::login::end::{self, UpstreamSession};
use crate::flow::login::finish::{Finished, finish};
use crate::flow::login::progress::apply;
use crate::store::audit::{self, AuditRecord};
use crate::upstream::Progress;

/// What the phone service of the scene calls each of its sessions.
const SESSION: &str = "4088003598462927442";
const REQUEST: &str = "7DB1FC51C425A3EC";

/// Logins that begin one after another, each at an address of its own: equal events of one source share a row in the end.
struct Played {
    scene: Scene,
    logins: Vec<Login>,
}

impl Played {
    async fn begin(&mut self, name: &str) -> Login {
        let number = self.logins.len();
        let login = self.scene.begin_at(&address(number), &format!("browser {number}"), name).await;
        assert_eq!(login.stage.state(), "pending", "{name}, {number}");
        self.logins.push(login.clone());
        login
    }

    /// What the phone service says of a login.
    async fn hear(&self, login: &Login, progress: Progress) {
        let handle = end::open_handle(&self.scene.bench.op, login).unwrap().unwrap();
        apply(&self.scene.bench.op, login, &handle, progress).await.unwrap();
    }

    async fn finish(&self, login: &Login) -> Finished {
        let number = self.logins.iter().position(|begun| begun.id == login.id).unwrap();
        let origin = RequestSource { address: address(number), user_agent: "Test/1".to_owned() };
        finish(&self.scene.bench.op, self.scene.login(&login.id).await, None, origin).await.unwrap()
    }

    async fn trail(&self) -> Vec<AuditRecord> {
        audit::list(self.scene.bench.op.store.read(), 100).await.unwrap()
    }

    /// These events and no others, each with all that is known of its login.
    async fn assert_told(&self, expected: &[(AuditKind, &Login, &str)]) {
        let records = self.trail().await;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let mut told: Vec<(String, String, String)> =
            records.iter().map(|record| (record.kind.clone(), text(&record.subject), text(&record.detail))).collect();
        let mut expected: Vec<(String, String, String)> = expected
            .iter()
            .map(|(kind, login, detail)| (kind.as_str().to_owned(), login.id.to_string(), (*detail).to_owned()))
            .collect();
        // Events of one millisecond have no order.
        told.sort();
        expected.sort();
        assert_eq!(told, expected);
        let alice = self.scene.alice.to_string();
        for record in &records {
            let number = self.logins.iter().position(|login| record.subject.as_deref() == Some(login.id.as_str())).unwrap();
            let is_somebodys = self.logins[number].subject != Subject::Decoy;
            assert_eq!(record.user.as_deref(), is_somebodys.then_some(alice.as_str()), "{record:?}");
            assert_eq!(record.client.as_deref(), Some("app"), "{record:?}");
            assert_eq!((&record.address, record.user_agent.as_str()), (&address(number), "Test/1"), "{record:?}");
        }
    }

    async fn assert_no_secret(&self, secrets: &[&str]) {
        let trail = format!("{:?}", self.trail().await);
        assert!(self.logins.iter().all(|login| trail.contains(login.id.as_str())), "the search finds what is there");
        let pass = |login: &Login| match &login.challenge {
            Some(Challenge::AccessPass(Some(pass))) => pass.clone(),
            other => panic!("{other:?}"),
        };
        let passes = self.logins.iter().map(pass);
        for secret in passes.chain([SESSION, REQUEST].iter().chain(secrets).map(|secret| (*secret).to_owned())) {
            assert!(!trail.contains(&secret), "{secret}");
        }
    }
}

fn address(number: usize) -> String {
    format!("192.0.2.{number}")
}

fn approved_by(name: &str) -> Progress {
    Progress::Approved { upstream_user: name.to_owned() }
}

#[tokio::test]
async fn each_event_of_a_login_is_in_the_trail_once_and_no_secret_is() {
    let mut played = Played { scene: Scene::new(Duration::ZERO).await, logins: Vec::new() };
    let approved = played.begin("alice").await;
    played.hear(&approved, Progress::Fetched).await;
    played.hear(&approved, approved_by("alice")).await;
    played.hear(&approved, approved_by("alice")).await;
    let Finished::SignedIn { cookie: Some(cookie) } = played.finish(&approved).await else { panic!("approved") };
    assert!(matches!(played.finish(&approved).await, Finished::Before));
    let unfinished = played.begin("alice").await;
    played.hear(&unfinished, approved_by("alice")).await;
    let denied = played.begin("alice@example.org").await;
    played.hear(&denied, Progress::Ended(End::Denied)).await;
    let cancelled = played.begin("alice").await;
    end::withdraw(&played.scene.bench.op, &cancelled, None).await.unwrap();
    let mismatched = played.begin("alice").await;
    played.hear(&mismatched, approved_by("bob")).await;
    let failed = played.begin("alice").await;
    end::end(&played.scene.bench.op, &failed, End::Failed(Reason::Technical), UpstreamSession::Dead).await.unwrap();
    let decoy = played.begin("nobody").await;
    let expired = played.begin("alice").await;
    played.scene.bench.advance(121);
    end::close(&played.scene.bench.op, &expired, End::Expired).await.unwrap();
    assert!(matches!(played.finish(&expired).await, Finished::NotApproved));

    let asked = [&approved, &unfinished, &denied, &cancelled, &mismatched, &failed, &expired];
    let mut expected: Vec<(AuditKind, &Login, &str)> =
        asked.into_iter().map(|login| (AuditKind::LoginStarted, login, "asked")).collect();
    expected.extend([
        (AuditKind::LoginApproved, &approved, "secsign"),
        (AuditKind::LoginSucceeded, &approved, "secsign"),
        (AuditKind::LoginNewBrowser, &approved, "secsign"),
        (AuditKind::LoginApproved, &unfinished, "secsign"),
        (AuditKind::LoginFailed, &denied, "denied"),
        (AuditKind::LoginFailed, &cancelled, "cancelled"),
        (AuditKind::LoginMismatch, &mismatched, "secsign"),
        (AuditKind::LoginFailed, &mismatched, "failed/technical_reason"),
        (AuditKind::LoginFailed, &failed, "failed/technical_reason"),
        (AuditKind::LoginStarted, &decoy, "decoy: nobody"),
        (AuditKind::LoginFailed, &expired, "expired"),
    ]);
    played.assert_told(&expected).await;
    played.assert_no_secret(&[cookie.expose(), cookie.digest().as_str()]).await;
}
