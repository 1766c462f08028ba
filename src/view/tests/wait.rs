//! What the page of a login shows in each state.

use super::*;

#[test]
fn the_wait_page_has_the_forms_of_its_state() {
    for (name, html) in rendered::<Wait>(Locale::En) {
        let state = attributes(&html, "data-login-state").concat();
        let is_over = !["pending", "fetched", "approved"].contains(&state.as_str());
        let has = |id: &str| html.contains(&format!("<form id=\"{id}\""));
        assert!(has("cancel"), "{name}");
        assert_eq!((has("continue"), has("retry")), (!is_over, is_over), "{name}");
        let is_open = ["pending", "fetched"].contains(&state.as_str());
        assert_eq!(html.contains("http-equiv=\"refresh\""), is_open, "{name}");
        let needs_reason = state == "failed" || name.contains("replaced");
        assert_eq!(html.contains("data-login-reason=\""), needs_reason, "{name}");
    }
}

#[test]
fn the_symbol_the_code_and_the_link_go_out_as_they_came() {
    use crate::domain::login::Challenge;
    let mut seen = 0;
    for sample in Wait::samples() {
        let html = render(&sample.page, &context(Locale::De)).unwrap();
        let images: Vec<_> = attributes(&html, "src").into_iter().filter(|src| src.starts_with("data:")).collect();
        match &sample.page.challenge {
            Some(Challenge::AccessPass(Some(symbol))) => {
                assert_eq!(images, [format!("data:image/png;base64,{symbol}")]);
                assert!(html.contains("<img id=\"access-pass\""));
            }
            Some(Challenge::QrCode { image, deep_link }) => {
                assert_eq!(images, [format!("data:image/png;base64,{image}")]);
                assert!(html.contains("<img id=\"qr\""));
                let link = format!("id=\"deep-link\" class=\"deep-link\" href=\"{}\"", messages::escape(deep_link));
                assert_eq!(html.contains(&link), sample.name != "hostile");
                seen += 1;
            }
            Some(Challenge::AccessPass(None)) | None => assert!(images.is_empty(), "{}", sample.name),
        }
    }
    assert!(seen > 3);
}

#[test]
fn a_link_into_the_secsign_app_is_on_the_pages_that_have_one() {
    let mut seen = 0;
    for sample in Wait::samples() {
        let html = render(&sample.page, &context(Locale::En)).unwrap();
        let has_code = matches!(sample.page.challenge, Some(crate::domain::login::Challenge::QrCode { .. }));
        match &sample.page.app_link {
            Some(link) => {
                let link = format!("id=\"deep-link\" class=\"deep-link\" href=\"{}\"", messages::escape(link));
                assert!(html.contains(&link) && html.contains("<img id=\"access-pass\""), "{}", sample.name);
                seen += 1;
            }
            None => assert!(has_code || !html.contains("deep-link"), "{}", sample.name),
        }
    }
    assert_eq!(seen, 2);
}

#[test]
fn the_page_speaks_of_states_and_reasons_as_the_stages_do() {
    use crate::domain::login::{End, LoginStage, Reason};
    use crate::domain::user::Upstream;
    for stage in [
        LoginStage::Creating,
        LoginStage::Ended(End::Denied),
        LoginStage::Ended(End::Expired),
        LoginStage::Ended(End::Cancelled(None)),
        LoginStage::Ended(End::Cancelled(Some(Reason::Replaced))),
        LoginStage::Ended(End::Failed(Reason::UpstreamDown)),
    ] {
        let html = render(&wait_samples::page(Upstream::SecSign, &stage), &context(Locale::En)).unwrap();
        assert_eq!(attributes(&html, "data-login-state"), [stage.state()]);
        let reason: Vec<_> = stage.reason().map(Reason::as_str).into_iter().collect();
        assert_eq!(attributes(&html, "data-login-reason"), reason);
    }
}

#[test]
fn every_state_and_reason_has_words_of_its_own() {
    use crate::domain::login::{End, LoginStage, Reason};
    use crate::domain::user::Upstream;
    for locale in Locale::ALL {
        let mut headlines = BTreeSet::new();
        let mut ends = vec![End::Denied, End::Expired, End::Cancelled(None)];
        ends.extend(Reason::ALL.map(End::Failed));
        let count = ends.len();
        for end in ends {
            let page = wait_samples::page(Upstream::SecSign, &LoginStage::Ended(end));
            let html = render(&page, &context(locale)).unwrap();
            headlines.insert(html.split("<h1").nth(1).and_then(|rest| rest.split("</h1>").next()).unwrap().to_owned());
        }
        assert_eq!(headlines.len(), count, "{locale}: {headlines:?}");
    }
}
