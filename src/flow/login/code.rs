//! ThumbSignIn's QR code and link. The upstream's picture is drawn again by our encoder, and a decoy's holds a text of the same
//! shape as the last real one, so that a program that has the page sees no difference (check 139, B13).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use qrcode::EcLevel;
use serde::{Deserialize, Serialize};

use super::qr;
use crate::domain::login::Challenge;
use crate::flow::prelude::*;
use crate::store::instance;

/// ThumbSignIn gives its transactions 90 s (protocol §2.2), so that is what a stranger sees count down before the first real one.
const TRANSACTION: Duration = Duration::from_secs(90);
/// The vendor's sample (protocol §2.7): what decoys look like before the first real code.
const FIRST_LINK: &str = "https://thumbsignin.app.link/AbCdEfGhIjK";
const FIRST_TEXT: usize = 320;
/// Texts that begin with so many equal characters do not by chance.
const NO_CHANCE: usize = 8;

#[derive(Clone, Debug)]
pub(super) struct Shown {
    link: String,
    /// The text of the code; `None` where the picture could not be read.
    text: Option<(String, EcLevel)>,
    expires_in: Option<Duration>,
}

/// The pattern of decoys, replaced by every real code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Model {
    link: Shape,
    /// `None`: the code holds the link.
    text: Option<Shape>,
    level: char,
    expires_in_seconds: u64,
}

/// A text that differs from login to login in its middle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Shape {
    last: String,
    /// How many bytes of its beginning and of its end stay.
    head: usize,
    tail: usize,
    /// The longest middle seen: a number may be written without its leading zeros.
    longest: usize,
    padded: bool,
}

pub(super) fn redrawn(challenge: Challenge, expires_in: Option<Duration>) -> (Challenge, Option<Shown>) {
    let Challenge::QrCode { image, deep_link } = challenge else { return (challenge, None) };
    let read = STANDARD.decode(&image).ok().and_then(|png| qr::read(&png));
    let drawn = read.as_ref().and_then(|(text, level)| qr::png(text, *level).ok());
    if drawn.is_none() {
        tracing::warn!("a QR code of the phone service could not be read; it is shown as it came");
    }
    let text = read.and_then(|(text, level)| Some((String::from_utf8(text).ok()?, level)));
    let shown = Shown { link: deep_link.clone(), text, expires_in };
    let image = drawn.map_or(image, |png| STANDARD.encode(png));
    (Challenge::QrCode { image, deep_link }, Some(shown))
}

pub(super) async fn keep(tx: &Tx, shown: &Shown) -> Result<(), StoreError> {
    let former = instance::find(tx, instance::THUMBSIGNIN_MODEL).await?.and_then(|json| serde_json::from_str(&json).ok());
    let model = Model::of(shown, former.as_ref());
    if former.is_some_and(|former| former.is_like(&model)) {
        return Ok(());
    }
    let json = serde_json::to_string(&model).map_err(|error| StoreError::Statement(error.to_string()))?;
    instance::replace(tx, instance::THUMBSIGNIN_MODEL, &json).await
}

pub(super) async fn decoy(op: &Op) -> Result<(Challenge, Duration), Internal> {
    let kept = instance::find(op.store.read(), instance::THUMBSIGNIN_MODEL).await?;
    let model: Model = kept.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_else(Model::first);
    let deep_link = model.link.drawn(op)?;
    let text = model.text.as_ref().map(|shape| shape.drawn(op)).transpose()?;
    let image = STANDARD.encode(qr::png(text.as_ref().unwrap_or(&deep_link).as_bytes(), level_of(model.level))?);
    Ok((Challenge::QrCode { image, deep_link }, Duration::from_secs(model.expires_in_seconds)))
}

const LEVELS: [(char, EcLevel); 4] = [('L', EcLevel::L), ('M', EcLevel::M), ('Q', EcLevel::Q), ('H', EcLevel::H)];

fn level_of(letter: char) -> EcLevel {
    LEVELS.into_iter().find(|(known, _)| *known == letter).map_or(EcLevel::M, |(_, level)| level)
}

fn letter_of(level: EcLevel) -> char {
    LEVELS.into_iter().find(|(_, known)| *known == level).map_or('M', |(letter, _)| letter)
}

impl Model {
    fn first() -> Self {
        let text = Some(("A".repeat(FIRST_TEXT), EcLevel::L));
        Self::of(&Shown { link: FIRST_LINK.to_owned(), text, expires_in: Some(TRANSACTION) }, None)
    }

    /// Whether decoys look alike by either.
    fn is_like(&self, other: &Self) -> bool {
        self.link.look() == other.link.look()
            && self.text.as_ref().map(Shape::look) == other.text.as_ref().map(Shape::look)
            && (self.level, self.expires_in_seconds) == (other.level, other.expires_in_seconds)
    }

    fn of(shown: &Shown, former: Option<&Self>) -> Self {
        let other = shown.text.as_ref().filter(|(text, _)| *text != shown.link);
        Self {
            link: Shape::of(&shown.link, former.map(|former| &former.link)),
            text: other.map(|(text, _)| Shape::of(text, former.and_then(|former| former.text.as_ref()))),
            level: shown.text.as_ref().map_or('M', |(_, level)| letter_of(*level)),
            expires_in_seconds: shown.expires_in.unwrap_or(TRANSACTION).as_secs(),
        }
    }
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

impl Shape {
    /// By what the text has in common with the one before; without one, of a link the last word differs, of anything else all.
    fn of(text: &str, former: Option<&Self>) -> Self {
        let bytes = text.as_bytes();
        let is_link = text.contains("://");
        let path = text.find("://").and_then(|at| text.get(at + 3..)?.find('/').map(|slash| at + 3 + slash + 1));
        let (head, tail) = match former.map(|former| common(bytes, former.last.as_bytes())) {
            Some((head, tail)) if head + tail < bytes.len() && path.is_some_and(|path| head >= path) => {
                // Only whole words: the first letters of two may be equal by chance.
                let head = bytes.iter().take(head).rposition(|byte| !is_word(*byte)).map_or(0, |at| at + 1);
                let words = bytes.len() - tail;
                (head, bytes.iter().skip(words).position(|byte| !is_word(*byte)).map_or(0, |at| tail - at))
            }
            _no_former if is_link => {
                let end = bytes.iter().rposition(|byte| is_word(*byte)).map_or(0, |at| at + 1);
                let start = bytes.iter().take(end).rposition(|byte| !is_word(*byte)).map_or(0, |at| at + 1);
                (start, bytes.len() - end)
            }
            former => {
                let head = former.map_or(0, |(head, _)| head).min(bytes.len());
                (if head < NO_CHANCE { 0 } else { head }, bytes.iter().rev().take_while(|byte| **byte == b'=').count())
            }
        };
        let mut shape = Self { last: text.to_owned(), head, tail, longest: 0, padded: false };
        shape.longest = shape.middle().len();
        shape.padded = shape.middle().starts_with('0');
        if let Some(former) = former.filter(|former| former.around() == shape.around()) {
            shape.longest = shape.longest.max(former.longest);
            shape.padded |= former.padded;
        }
        shape
    }

    /// All that decoys take from it.
    fn look(&self) -> ((&str, &str), usize, bool, &[u8]) {
        (self.around(), self.longest, self.padded, self.alphabet())
    }

    fn middle(&self) -> &str {
        self.last.get(self.head..self.last.len().saturating_sub(self.tail)).unwrap_or_default()
    }

    fn around(&self) -> (&str, &str) {
        let end = self.last.len().saturating_sub(self.tail);
        (self.last.get(..self.head).unwrap_or_default(), self.last.get(end..).unwrap_or_default())
    }

    /// A text of this shape with other letters and digits.
    fn drawn(&self, op: &Op) -> Result<String, RandomError> {
        let mut random = Vec::with_capacity(self.longest);
        while random.len() < self.longest {
            random.extend(op.env.random_bytes::<64>()?);
        }
        Ok(self.with(&random))
    }

    /// What the middle is made of: the fewest characters that hold it.
    fn alphabet(&self) -> &'static [u8] {
        const DIGITS: &[u8] = b"0123456789";
        const HEX: &[u8] = b"0123456789abcdef";
        const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let middle = self.middle();
        let all = |alphabet: &[u8]| middle.bytes().filter(|byte| is_word(*byte)).all(|byte| alphabet.contains(&byte));
        let is_link = self.last.contains("://");
        // In an address only letters and digits are drawn.
        let any = BASE64.get(..if is_link { 62 } else { 64 }).unwrap_or_default();
        [DIGITS, HEX, LOWER].into_iter().find(|alphabet| all(alphabet)).unwrap_or(any)
    }

    /// The text that these bytes of chance choose, at least as many as the longest middle.
    fn with(&self, random: &[u8]) -> String {
        let (alphabet, middle, is_link) = (self.alphabet(), self.middle(), self.last.contains("://"));
        let letter = |byte: &u8| alphabet.get(usize::from(*byte) % alphabet.len().max(1)).copied().map_or('0', char::from);
        let drawn: String = if middle.bytes().all(is_word) || !is_link {
            random.iter().take(self.longest).map(letter).collect()
        } else {
            let kept = |(written, byte): (char, &u8)| if written.is_ascii_alphanumeric() { letter(byte) } else { written };
            middle.chars().zip(random).map(kept).collect()
        };
        let number = alphabet.len() <= 16 && !self.padded;
        let (head, tail) = self.around();
        format!("{head}{}{tail}", if number { drawn.trim_start_matches('0') } else { &drawn })
    }
}

/// How many bytes two texts have in common at their beginning and, beyond that, at their end.
fn common(one: &[u8], other: &[u8]) -> (usize, usize) {
    let head = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    let rest = one.len().min(other.len()) - head;
    let tail = one.iter().rev().zip(other.iter().rev()).take(rest).take_while(|(one, other)| one == other).count();
    (head, tail)
}

#[cfg(test)]
mod tests;
