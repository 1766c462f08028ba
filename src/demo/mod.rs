//! `signbridge demo` and `signbridge simulate`: everything on one machine, phone included, without a vendor account
//! (design 3, Commands).
//!
//! [`running`] wires four servers together: the simulated phone services, the provider, the [example app](relying_party) and
//! the provider's management listener. [`data_dir`] keeps ports and secrets, [`declared`] writes the configuration; [`walker`]
//! and [`phone`] are the browser and the phone of the self-test and of the benchmark. Nothing here is part of a production
//! provider; without the feature `demo` it is not compiled.

mod announce;
mod data_dir;
mod declared;
mod http;
mod options;
pub mod phone;
mod relying_party;
mod running;
pub mod self_test;
mod simulate;
pub mod walker;

pub(crate) use options::{DEFAULT_PORT, DemoError, DemoOptions, Limits};
pub(crate) use running::run;
pub(crate) use simulate::{SimulateOptions, run as simulate};
