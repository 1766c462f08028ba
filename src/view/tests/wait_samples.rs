//! Samples of the page `wait`: every state, reason and challenge.

use super::samples::{Sample, hostile_app, sample_app};
use crate::domain::login::{Challenge, End, Reason};
use crate::domain::user::Upstream;
use crate::view::pages::{Wait, WaitState};

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

fn page(provider: Upstream, state: WaitState) -> Wait {
    let is_open = matches!(state, WaitState::Pending | WaitState::Fetched);
    let challenge = match provider {
        Upstream::SecSign => access_pass(),
        Upstream::ThumbSignIn => qr_code(),
    };
    Wait {
        app: sample_app(),
        provider,
        state,
        account: Some("alice".to_owned()),
        approved_account: None,
        challenge: is_open.then_some(challenge),
        expires_in_seconds: if is_open { 118 } else { 0 },
        status_url: "/login/l1/status".to_owned(),
        events_url: "/login/l1/events".to_owned(),
        continue_action: "/login/l1/continue".to_owned(),
        cancel_action: "/login/l1/cancel".to_owned(),
        retry_action: "/login/l1/retry".to_owned(),
        other_method_action: Some("/login/l1/other".to_owned()),
        csrf: "csrf".to_owned(),
        auto_continue: true,
    }
}

fn unnamed(state: WaitState) -> Wait {
    Wait { account: None, auto_continue: false, ..page(Upstream::ThumbSignIn, state) }
}

fn of_provider(provider: Upstream) -> Vec<Sample<Wait>> {
    let mut states = vec![
        WaitState::Pending,
        WaitState::Fetched,
        WaitState::Approved,
        WaitState::Ended(End::Denied),
        WaitState::Ended(End::Expired),
        WaitState::Ended(End::Cancelled(None)),
        WaitState::Ended(End::Cancelled(Some(Reason::Replaced))),
    ];
    states.extend(Reason::ALL.map(|reason| WaitState::Ended(End::Failed(reason))));
    let name = |state: WaitState| match state.reason() {
        Some(reason) => format!("{provider}-{}-{}", state.state(), reason.as_str()),
        None => format!("{provider}-{}", state.state()),
    };
    let mut samples: Vec<_> = states.into_iter().map(|state| Sample::new(name(state), page(provider, state))).collect();
    let preparing = Wait { challenge: None, other_method_action: None, ..page(provider, WaitState::Pending) };
    samples.push(Sample::new(format!("{provider}-creating"), preparing));
    samples
}

pub(super) fn all() -> Vec<Sample<Wait>> {
    let mut samples: Vec<_> = Upstream::ALL.into_iter().flat_map(of_provider).collect();
    for state in [WaitState::Pending, WaitState::Fetched] {
        let challenge = Some(Challenge::AccessPass(None));
        let plain = Wait { challenge, ..page(Upstream::SecSign, state) };
        samples.push(Sample::new(format!("secsign-no-symbol-{}", state.state()), plain));
        samples.push(Sample::new(format!("unnamed-{}", state.state()), unnamed(state)));
    }
    let approved_account = Some("alice".to_owned());
    samples.push(Sample::new("unnamed-approved", Wait { approved_account, ..unnamed(WaitState::Approved) }));
    samples.push(Sample::new("unnamed-expired", unnamed(WaitState::Ended(End::Expired))));
    let script = Challenge::QrCode { image: QR_CODE.to_owned(), deep_link: "java\nscript:alert(1)".to_owned() };
    let hostile = Wait {
        app: hostile_app(),
        account: Some("<b>\"alice'</b>".to_owned()),
        challenge: Some(script),
        ..page(Upstream::ThumbSignIn, WaitState::Pending)
    };
    samples.push(Sample::new("hostile", hostile));
    samples
}
