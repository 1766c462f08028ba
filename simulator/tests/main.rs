//! The simulator over TCP, as the product and scripts see it.

mod cases;
mod support;
