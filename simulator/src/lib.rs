//! The phone services SecSign ID and ThumbSignIn, and the phones of their users, played on a laptop by one plain-http
//! listener. It shares no code with the product, so that a misreading of a protocol shows up as a disagreement. It enforces
//! what the originals enforce (request signatures, one open session per SecSign ID, expiry) and misbehaves on request. It
//! keeps everything in memory.

#![forbid(unsafe_code)]

mod auto;
mod call;
mod clock;
mod endpoints;
mod faults;
mod logo;
mod options;
mod phone;
mod qr;
mod random;
mod secsign;
mod server;
mod simulation;
mod symbols;
mod thumbsignin;

pub use logo::Logo;
pub use options::{Options, PinAccount, SecondSession, Version};
pub use server::{Error, Simulator, start};
