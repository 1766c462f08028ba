//! One key per purpose, derived from the master key by label (HKDF, RFC 5869; B44): what one of them makes is
//! worth nothing where another is asked.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::KeysError;
use super::master::MasterKey;
use crate::domain::clock::Timestamp;
use crate::domain::env::Env;
use crate::domain::named::named_enum;
use crate::domain::secret::Secret;

named_enum! {
    /// What a derived key is for. The labels are frozen: another label is another key.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub(crate) enum KeyPurpose {
        FormTokens = "signbridge/1/form-tokens",
        /// Successors of rotated refresh tokens (decision 2.5).
        RefreshSuccessors = "signbridge/1/refresh-successors",
        /// Access passes that are shown where no login was begun (decision 2.7).
        Decoys = "signbridge/1/decoys",
        AtRest = "signbridge/1/at-rest",
        /// What an address carries that nobody but us may read or write; see [`Sealer`].
        Addresses = "signbridge/1/addresses",
        /// What the database remembers of the master key; see [`MasterKey::fingerprint`].
        Fingerprint = "signbridge/1/fingerprint",
    }
}

/// 32 bytes for one purpose.
fn derive(master: &MasterKey, purpose: KeyPurpose) -> Result<Zeroizing<[u8; 32]>, KeysError> {
    // The master key is uniformly random, so no salt is needed (RFC 5869 §3.1).
    let extracted = hkdf::Salt::none(hkdf::HKDF_SHA256).extract(master.0.as_slice());
    let mut key = Zeroizing::new([0; 32]);
    let info = [purpose.as_str().as_bytes()];
    let expanded = extracted.expand(&info, hkdf::HKDF_SHA256).and_then(|expanded| expanded.fill(key.as_mut_slice()));
    expanded.map(|()| key).map_err(|_unspecified| KeysError::Derive)
}

/// A key that makes and checks message authentication codes (HMAC-SHA256, RFC 2104) for one purpose.
pub(crate) struct PurposeKey(hmac::Key);

impl PurposeKey {
    pub(crate) fn derive(master: &MasterKey, purpose: KeyPurpose) -> Result<Self, KeysError> {
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, derive(master, purpose)?.as_slice())))
    }

    /// The code over `parts`. Each part is preceded by its length, so that no two lists of parts share a code.
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut code = [0; 32];
        code.copy_from_slice(context.sign().as_ref());
        code
    }

    /// Whether `code` is the one over `parts`, compared in constant time (check 35).
    #[cfg(test)]
    pub(crate) fn verify(&self, parts: &[&[u8]], code: &[u8]) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(&self.mac(parts), code).is_ok()
    }
}

/// The version of the sealed form: AES-256-GCM, nonce in front. Another cipher gets another one.
const VERSION: &str = "v1.";

/// Encrypts what the database must be able to read again (decision 2.5), and what an address carries: AES-256-GCM with a random
/// nonce, of which 2^32 are safe under one key (NIST SP 800-38D §8.3). Anybody can have addresses sealed, so those have a key of
/// their own: 2^32 take weeks at full speed, and what is read from one is checked again.
pub(crate) struct Sealer(LessSafeKey);

impl Sealer {
    fn derive(master: &MasterKey, purpose: KeyPurpose) -> Result<Self, KeysError> {
        let key = UnboundKey::new(&AES_256_GCM, derive(master, purpose)?.as_slice());
        Ok(Self(LessSafeKey::new(key.map_err(|_unspecified| KeysError::Derive)?)))
    }

    /// Encrypts `plaintext` for the place `context` (table, row, column): elsewhere it does not open, so that one row's
    /// secret cannot be put into another row.
    pub(crate) fn seal(&self, env: &Env, context: &str, plaintext: &[u8]) -> Result<String, KeysError> {
        let nonce: [u8; NONCE_LEN] = env.random_bytes()?;
        // Encrypted in a buffer of its own, which holds no plaintext any more when it is dropped.
        let mut body = Zeroizing::new(Vec::with_capacity(plaintext.len() + AES_256_GCM.tag_len()));
        body.extend_from_slice(plaintext);
        let unique = Nonce::assume_unique_for_key(nonce);
        self.0.seal_in_place_append_tag(unique, Aad::from(context), &mut *body).map_err(|_unspecified| KeysError::Seal)?;
        Ok(format!("{VERSION}{}", URL_SAFE_NO_PAD.encode([nonce.as_slice(), body.as_slice()].concat())))
    }

    /// Decrypts what [`Sealer::seal`] made for the same place under the same master key.
    pub(crate) fn open(&self, context: &str, sealed: &str) -> Result<Zeroizing<Vec<u8>>, KeysError> {
        let encoded = sealed.strip_prefix(VERSION).ok_or(KeysError::Open)?;
        let mut bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(encoded).map_err(|_malformed| KeysError::Open)?);
        let (nonce, body) = bytes.split_first_chunk_mut::<NONCE_LEN>().ok_or(KeysError::Open)?;
        let opened = self.0.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(context), body);
        opened.map(|text| Zeroizing::new(text.to_vec())).map_err(|_unspecified| KeysError::Open)
    }
}

pub(crate) struct PurposeKeys {
    pub form_tokens: PurposeKey,
    pub decoys: PurposeKey,
    refresh: PurposeKey,
    pub sealer: Sealer,
    pub addresses: Sealer,
}

impl PurposeKeys {
    pub(crate) fn derive(master: &MasterKey) -> Result<Self, KeysError> {
        Ok(Self {
            form_tokens: PurposeKey::derive(master, KeyPurpose::FormTokens)?,
            decoys: PurposeKey::derive(master, KeyPurpose::Decoys)?,
            refresh: PurposeKey::derive(master, KeyPurpose::RefreshSuccessors)?,
            sealer: Sealer::derive(master, KeyPurpose::AtRest)?,
            addresses: Sealer::derive(master, KeyPurpose::Addresses)?,
        })
    }

    /// The successor of a refresh token: always the same, so that a client whose answer got lost may ask again (decision 2.5).
    pub(crate) fn successor_of(&self, presented: &Secret) -> Secret {
        Secret::new(URL_SAFE_NO_PAD.encode(self.refresh.mac(&[presented.expose().as_bytes()])))
    }

    /// What lets `doctor` ask the running provider how its request looked from inside, at this moment in seconds.
    pub(crate) fn doctor_ticket(&self, at: i64) -> Secret {
        // Form tokens begin with a browser's digest, which is never this word.
        let mac = self.form_tokens.mac(&[b"doctor", at.to_string().as_bytes()]);
        Secret::new(URL_SAFE_NO_PAD.encode(mac))
    }

    /// Seals the handle of a login's session at the phone service: readable only with the master key and for that login.
    pub(crate) fn seal_login_handle(&self, env: &Env, login: &str, handle: &str) -> Result<Secret, KeysError> {
        Ok(Secret::new(self.sealer.seal(env, &handle_context(login), handle.as_bytes())?))
    }

    pub(crate) fn open_login_handle(&self, login: &str, sealed: &str) -> Result<Secret, KeysError> {
        let opened = self.sealer.open(&handle_context(login), sealed)?;
        let text = std::str::from_utf8(&opened).map_err(|_not_ours| KeysError::Open)?;
        Ok(Secret::new(text))
    }

    /// Seals `value` until `until` for an address of the kind `place`: nobody else can read, change or make it.
    pub(crate) fn seal_address(
        &self,
        env: &Env,
        place: &str,
        value: &impl Serialize,
        until: Timestamp,
    ) -> Result<String, KeysError> {
        let json = serde_json::to_vec(&(until, value)).map_err(|_not_json| KeysError::Seal)?;
        self.addresses.seal(env, place, &json)
    }

    pub(crate) fn open_address<T: DeserializeOwned>(&self, place: &str, sealed: &str, now: Timestamp) -> Option<T> {
        let json = self.addresses.open(place, sealed).ok()?;
        let (until, value): (Timestamp, T) = serde_json::from_slice(&json).ok()?;
        (now < until).then_some(value)
    }
}

fn handle_context(login: &str) -> String {
    format!("login/{login}/handle")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    const PURPOSES: [KeyPurpose; 6] = [
        KeyPurpose::FormTokens,
        KeyPurpose::RefreshSuccessors,
        KeyPurpose::Decoys,
        KeyPurpose::AtRest,
        KeyPurpose::Addresses,
        KeyPurpose::Fingerprint,
    ];

    fn master() -> MasterKey {
        MasterKey::of_bytes(Env::system().random_bytes().unwrap())
    }

    #[test]
    fn every_purpose_has_a_key_of_its_own() {
        let (one, other) = (master(), master());
        let macs: HashSet<[u8; 32]> = [&one, &other]
            .iter()
            .flat_map(|master| PURPOSES.map(|purpose| PurposeKey::derive(master, purpose).unwrap().mac(&[b"x"])))
            .collect();
        assert_eq!(macs.len(), 2 * PURPOSES.len());
        assert_eq!(
            PurposeKey::derive(&one, KeyPurpose::Decoys).unwrap().mac(&[b"x"]),
            PurposeKeys::derive(&one).unwrap().decoys.mac(&[b"x"])
        );
    }

    #[test]
    fn parts_cannot_be_shifted_into_one_another() {
        let key = PurposeKey::derive(&master(), KeyPurpose::FormTokens).unwrap();
        let code = key.mac(&[b"session", b"path"]);
        assert!(key.verify(&[b"session", b"path"], &code));
        let lists: [&[&[u8]]; 5] =
            [&[b"sessionpath"], &[b"session", b"path", b""], &[b"sessionp", b"ath"], &[b"path", b"session"], &[]];
        for parts in lists {
            assert!(!key.verify(parts, &code), "{parts:?}");
        }
        assert!(!key.verify(&[b"session", b"path"], &code[..31]));
        assert!(!key.verify(&[b"session", b"path"], b""));
    }

    #[test]
    fn a_refresh_token_has_one_successor_under_one_master_key() {
        let keys = PurposeKeys::derive(&master()).unwrap();
        let presented = Secret::new("presented");
        let successor = keys.successor_of(&presented);
        assert!(successor.matches(keys.successor_of(&presented).expose()));
        assert_eq!(successor.expose().len(), 43);
        assert!(!successor.matches(keys.successor_of(&successor).expose()));
        assert!(!successor.matches(PurposeKeys::derive(&master()).unwrap().successor_of(&presented).expose()));
    }

    #[test]
    fn a_sealed_text_opens_in_its_own_place_under_its_own_master_key_only() {
        let env = Env::system();
        let (ours, theirs) =
            (Sealer::derive(&master(), KeyPurpose::AtRest).unwrap(), Sealer::derive(&master(), KeyPurpose::AtRest).unwrap());
        let sealed = ours.seal(&env, "signing_keys/a", b"private").unwrap();
        assert!(sealed.starts_with("v1.") && !sealed.contains("private"));
        assert_eq!(ours.open("signing_keys/a", &sealed).unwrap().as_slice(), b"private");
        assert!(matches!(ours.open("signing_keys/b", &sealed), Err(KeysError::Open)));
        assert!(matches!(theirs.open("signing_keys/a", &sealed), Err(KeysError::Open)));
        assert_ne!(sealed, ours.seal(&env, "signing_keys/a", b"private").unwrap(), "a nonce is never used twice");
    }

    #[test]
    fn a_sealed_text_that_was_altered_does_not_open() {
        let sealer = Sealer::derive(&master(), KeyPurpose::AtRest).unwrap();
        let sealed = sealer.seal(&Env::system(), "here", b"private").unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(&sealed[VERSION.len()..]).unwrap();
        for at in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            let text = format!("{VERSION}{}", URL_SAFE_NO_PAD.encode(altered));
            assert!(matches!(sealer.open("here", &text), Err(KeysError::Open)));
        }
        for text in ["", "v1.", "v2.AAAA", &sealed[1..], &sealed[..sealed.len() - 4], &format!("{sealed}A")] {
            assert!(matches!(sealer.open("here", text), Err(KeysError::Open)));
        }
    }

    proptest! {
        #[test]
        fn every_text_opens_as_it_was_sealed(context in "\\PC{0,40}", text in prop::collection::vec(any::<u8>(), 0..500)) {
            let sealer = Sealer::derive(&master(), KeyPurpose::AtRest).unwrap();
            let sealed = sealer.seal(&Env::system(), &context, &text).unwrap();
            let opened = sealer.open(&context, &sealed).unwrap();
            prop_assert_eq!(opened.as_slice(), text.as_slice());
        }

        #[test]
        fn never_panics_on_arbitrary_text(text in "(v1\\.)?[A-Za-z0-9_-]{0,80}") {
            let refused = Sealer::derive(&master(), KeyPurpose::AtRest).unwrap().open("here", &text);
            prop_assert!(refused.is_err());
        }
    }
}
