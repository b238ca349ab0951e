//! What tests rely on has tests of its own.

mod postgres;
mod tcp_proxy;
