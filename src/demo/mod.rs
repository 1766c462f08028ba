//! `signbridge demo` and `signbridge simulate`: everything on one machine, phone included, without a vendor account
//! (design 3, Commands). Nothing here is part of a production provider. [`walker`] and [`phone`] are the browser and the phone
//! of the self-test and of the benchmark.

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
