//! Decoys have the shape of the last real code.

use super::*;
use crate::flow::login::tests::scene::Scene;

const VENDOR: &str = "https://thumbsignin.app.link/";

fn shown(link: &str, text: Option<&str>) -> Shown {
    let text = Some((text.unwrap_or(link).to_owned(), EcLevel::L));
    Shown { link: link.to_owned(), text, expires_in: Some(Duration::from_secs(89)) }
}

fn drawn(shape: &Shape) -> String {
    shape.with(&(0..400).map(|at| (at * 37 + 11) as u8).collect::<Vec<_>>())
}

/// Base64 of a cipher text; the first block is always the same.
fn cipher(seed: u8, length: usize) -> String {
    let first = "cH7+first/blockIsEqual";
    let bytes: Vec<u8> = (0..length).map(|at| (at as u8).wrapping_mul(seed).wrapping_add(seed)).collect();
    let rest = STANDARD.encode(bytes);
    format!("{first}{}", &rest[..length - first.len()])
}

#[test]
fn a_decoys_link_differs_where_the_services_links_differ() {
    let link = |id: &str| format!("http://127.0.0.1:8081/phone/t/{id}?v=2");
    let first = Shape::of(&format!("{VENDOR}AbCdEfGhIjK"), None);
    assert_eq!((first.head, drawn(&first).len()), (VENDOR.len(), VENDOR.len() + 11), "the last run, until another was seen");
    let first = Shape::of(&link("7e8eeb82d86c"), None);
    let next = Shape::of(&link("7e1eeb82d86c5"), Some(&first));
    let text = drawn(&next);
    assert!(text.starts_with("http://127.0.0.1:8081/phone/t/") && text.ends_with("?v=2"), "{text}");
    let id = text.split(['/', '?']).nth(5).unwrap();
    assert!(id.len() <= 13 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) && !id.starts_with('0'), "{id}");
    assert_ne!(text, next.last);
}

#[test]
fn a_number_is_as_long_as_the_longest_and_has_no_leading_zeros_where_none_had() {
    let link = |id: &str| format!("https://phone.example/t/{id}");
    let model = ["ab12f", "c1", "9e4"].iter().fold(None, |former, id| Some(Shape::of(&link(id), former.as_ref()))).unwrap();
    assert_eq!((model.longest, model.padded), (5, false));
    assert_eq!(model.with(&[0, 0, 1, 2, 3]), link("123"));
    let padded = Shape::of(&link("0e4"), Some(&model));
    assert_eq!(padded.with(&[0, 0, 1, 2, 3]), link("00123"));
    assert_eq!(Shape::of("https://other.example/t/77", Some(&padded)).longest, 2, "another service begins anew");
}

#[test]
fn a_cipher_text_keeps_what_is_always_equal_and_its_length() {
    let first = Shape::of(&cipher(7, 320), None);
    assert_eq!((first.head, first.tail), (0, 0));
    let next = Shape::of(&cipher(11, 320), Some(&first));
    let text = drawn(&next);
    assert_eq!((text.len(), &text[..22]), (320, "cH7+first/blockIsEqual"));
    assert_ne!(&text[22..], &next.last[22..]);
    assert!(text.bytes().any(|byte| byte == b'+' || byte == b'/'));
}

#[test]
fn a_real_picture_is_drawn_as_a_decoys_and_one_that_is_none_is_left() {
    let real =
        Challenge::QrCode { image: STANDARD.encode(qr::png(b"text", EcLevel::Q).unwrap()), deep_link: VENDOR.to_owned() };
    let (again, kept) = redrawn(real.clone(), None);
    assert_eq!(again, real);
    assert_eq!(kept.unwrap().text.unwrap().0, "text");
    let strange = Challenge::QrCode { image: STANDARD.encode(b"no picture"), deep_link: VENDOR.to_owned() };
    assert_eq!(redrawn(strange.clone(), None).0, strange);
    let pass = Challenge::AccessPass(Some("pass".to_owned()));
    assert!(matches!(redrawn(pass.clone(), None), (same, None) if same == pass), "a pass is exactly the service's");
}

/// What a decoy shows now: the link, the text of its code with the level, and for how long.
async fn seen(op: &Op) -> (String, String, EcLevel, u64) {
    let (challenge, expires_in) = decoy(op).await.unwrap();
    let Challenge::QrCode { image, deep_link } = challenge else { panic!("a code") };
    let (text, level) = qr::read(&STANDARD.decode(image).unwrap()).unwrap();
    (deep_link, String::from_utf8(text).unwrap(), level, expires_in.as_secs())
}

#[tokio::test]
async fn decoys_follow_the_service_from_the_vendors_sample_to_the_last_real_code() {
    let scene = Scene::new(Duration::ZERO).await;
    let op = &scene.bench.op;
    let keep = async |shown: Shown| op.store.write(shown, |tx, shown| Box::pin(keep(tx, shown))).await.unwrap();
    let (link, text, level, left) = seen(op).await;
    assert!(link.starts_with(VENDOR) && link.len() == FIRST_LINK.len() && link != FIRST_LINK, "{link}");
    assert_eq!((text.len(), level, left), (FIRST_TEXT, EcLevel::L, 90));
    let test = "http://127.0.0.1:8081/phone/t/7e8eeb82d86c";
    keep(shown(test, None)).await;
    let (link, text, _, left) = seen(op).await;
    assert!(link.starts_with("http://127.0.0.1:8081/phone/t/") && link != test, "{link}");
    assert_eq!((&text, left), (&link, 89), "the code holds the link, as the service's does");
    // From a test service to the real one.
    keep(shown(&format!("{VENDOR}AbCdEfGhIjK"), Some(&cipher(7, 320)))).await;
    let (link, text, ..) = seen(op).await;
    assert!(link.starts_with(VENDOR), "{link}");
    assert_eq!(text.len(), 320);
    assert_ne!(seen(op).await.1, text, "another one for each login");
}
