//! `signbridge demo` and `signbridge simulate`: everything on one machine, phone included, without a vendor account
//! (design 3, Commands).
//!
//! [`running`] wires four servers together: the simulated phone services, the provider, the [example app](relying_party) and
//! the provider's management listener. [`data_dir`] keeps ports and secrets, [`declared`] writes the configuration; [`walker`] and [`phone`]
//! are the browser and the hand of scripts. Nothing here is part of a production provider; without the feature `demo` it is
//! not compiled.

pub mod announce;
pub mod data_dir;
pub mod declared;
pub mod http;
pub mod options;
pub mod phone;
pub mod relying_party;
pub mod running;
pub mod self_test;
pub mod simulate;
pub mod walker;

pub use options::{DEFAULT_PORT, DemoError, DemoOptions, Format, Limits};
pub use running::{Running, Urls, run, start};
