//! Samples of the page `wait`: every state, reason and challenge.

use super::samples::{Sample, hostile_app, sample_app};
use crate::domain::clock::Timestamp;
use crate::domain::id::{LoginId, UserId};
use crate::domain::login::{Challenge, End, LoginStage, Reason, UpstreamHandle};
use crate::domain::secret::Secret;
use crate::domain::user::Upstream;
use crate::view::pages::Wait;

/// A symbol: black lines on a transparent ground, as SecSign draws them.
const SYMBOL: &str = "iVBORw0KGgoAAAANSUhEUgAAAHgAAAB4AQMAAAADqqSRAAAABlBMVEX///8AAABVwtN+AAAAAXRSTlMAQObYZgAAAS5JREFUeNrl1EtuwyAQgG\
    EjFl5yBG4SrpQTOEi9mKVeBCkXsNQNVZAp4JnxMGnqNMuWTfJJfvBn7AzD31hn4fhLpwOvwvnI/sCzcPjZt0W4C1DzZ2cdYhLuAsYQJ24TopPm\
    G7YhWmHDA9y9Rx5wCVEvXd2dFQtQt+LUm09EfxSzAH0tvrC8ahZk3otZwOZ9w/at2AizAKd7n6pZwFTNAtJ33gNUbF6FKUgvzW6f3mZP02umID\
    M3UwAaN2x98yhMAW7ofdpMAdNmCkgPPGEOGCaics4h1wU5ZP+U6/kzO/+l9/v8+l+Lzbi2YEden7I8nx48eMRpbvCD05xgICPOBb7QnOBAmhNc\
    iN4cvBHZ4zxx7vB2ik839MfheeK6dB8DebiPEbw8sAZjpwLPw/9bX9FePJDmVXODAAAAAElFTkSuQmCC";

const QR_CODE: &str = "iVBORw0KGgoAAAANSUhEUgAAAKQAAACkAQAAAAAxzrjsAAABNElEQVR42u2XwRXCMAxDtYH339IbGEkpbeFxi7i10L7k56DGlk3A/Lrw0BwFUF\
    XdBX04CVE+zficKs8zlGLNG2iqopJUC9ZK0ybk+1eS8rvCvkKToiubx/WV4x2qq1rzxqcn96hD7VRCyufedqlG9kdzZawYoVQqL3DUo6yGKLOo\
    Me++5XibcmIx+P0Ro5CSJeUWwQwduUOFol0cJEGt49LuOgyYoW1TM+pXjBJUUioVtjpc7gvQXkCuntN9CerutjKrEIWoy3vg4vbvSYjCQqWuzN\
    1cNb9LiaWhnGqQozIzVdSV3DhCVI52y3+7JUTd7ctyKu6aELWQJJZbukJ0nVbI7RBMjB4nFdXgFZ0MdZ+n9dRFo9SN2f6rSVE3Op+vuIeeFLU7\
    nE4VeN1PQVv0+X/xR/oCT156yc9vsbAAAAAASUVORK5CYII=";

fn access_pass() -> Challenge {
    Challenge::AccessPass(Some(SYMBOL.to_owned()))
}

fn qr_code() -> Challenge {
    let deep_link = "https://phone.example.com/phone/t/6f1c?a=1&b='2'".to_owned();
    Challenge::QrCode { image: QR_CODE.to_owned(), deep_link }
}

fn app_link() -> String {
    "com.secsign.secsignid://authenticate?secsignid=alice&authsessionid=-8337412603900330717\
     &returnurl=https%3A%2F%2Fid.example.com%2Flogin%2Fl1&idserverurl=id1.secsign.com"
        .to_owned()
}

fn fetched() -> LoginStage {
    LoginStage::Fetched(UpstreamHandle(Secret::new("sealed")))
}

fn approved() -> LoginStage {
    LoginStage::Approved { at: Timestamp::from_seconds(0), user_id: UserId::new("u1"), device_id: None }
}

pub(super) fn page(provider: Upstream, stage: &LoginStage) -> Wait {
    let is_open = stage.is_open();
    let challenge = match provider {
        Upstream::SecSign => access_pass(),
        Upstream::ThumbSignIn => qr_code(),
    };
    Wait {
        app: sample_app(),
        login: LoginId::new("l1"),
        provider,
        state: stage.state(),
        reason: stage.reason().map(Reason::as_str),
        account: Some("alice".to_owned()),
        approved_account: None,
        challenge: is_open.then_some(challenge),
        app_link: None,
        expires_in_seconds: if is_open { 118 } else { 0 },
        has_other_method: true,
        csrf: "csrf".to_owned(),
        too_early: false,
        auto_continue: true,
    }
}

fn unnamed(stage: &LoginStage) -> Wait {
    Wait { account: None, auto_continue: false, ..page(Upstream::ThumbSignIn, stage) }
}

fn of_provider(provider: Upstream) -> Vec<Sample<Wait>> {
    let mut stages = vec![
        LoginStage::Creating,
        fetched(),
        approved(),
        LoginStage::Ended(End::Denied),
        LoginStage::Ended(End::Expired),
        LoginStage::Ended(End::Cancelled(None)),
        LoginStage::Ended(End::Cancelled(Some(Reason::Replaced))),
    ];
    stages.extend(Reason::ALL.map(|reason| LoginStage::Ended(End::Failed(reason))));
    let name = |stage: &LoginStage| match stage.reason() {
        Some(reason) => format!("{provider}-{}-{}", stage.state(), reason.as_str()),
        None => format!("{provider}-{}", stage.state()),
    };
    let mut samples: Vec<_> = stages.iter().map(|stage| Sample::new(name(stage), page(provider, stage))).collect();
    let preparing = Wait { challenge: None, has_other_method: false, ..page(provider, &LoginStage::Creating) };
    samples.push(Sample::new(format!("{provider}-creating"), preparing));
    samples
}

pub(super) fn all() -> Vec<Sample<Wait>> {
    let mut samples: Vec<_> = Upstream::ALL.into_iter().flat_map(of_provider).collect();
    for stage in [LoginStage::Creating, fetched()] {
        let challenge = Some(Challenge::AccessPass(None));
        let plain = Wait { challenge, ..page(Upstream::SecSign, &stage) };
        samples.push(Sample::new(format!("secsign-no-symbol-{}", stage.state()), plain));
        samples.push(Sample::new(format!("unnamed-{}", stage.state()), unnamed(&stage)));
        let early = Wait { too_early: true, ..page(Upstream::SecSign, &stage) };
        samples.push(Sample::new(format!("secsign-too-early-{}", stage.state()), early));
        let remembered = Wait { app_link: Some(app_link()), ..page(Upstream::SecSign, &stage) };
        samples.push(Sample::new(format!("secsign-app-link-{}", stage.state()), remembered));
    }
    let approved_account = Some("alice".to_owned());
    samples.push(Sample::new("unnamed-approved", Wait { approved_account, ..unnamed(&approved()) }));
    samples.push(Sample::new("unnamed-expired", unnamed(&LoginStage::Ended(End::Expired))));
    let script = Challenge::QrCode { image: QR_CODE.to_owned(), deep_link: "java\nscript:alert(1)".to_owned() };
    let hostile = Wait {
        app: hostile_app(),
        account: Some("<b>\"alice'</b>".to_owned()),
        challenge: Some(script),
        ..page(Upstream::ThumbSignIn, &LoginStage::Creating)
    };
    samples.push(Sample::new("hostile", hostile));
    samples
}
