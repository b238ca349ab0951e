//! Starting the binary, and speaking HTTP to it byte by byte.

mod fixture_file;
mod http;
mod process;
mod random;
mod tools;

pub(crate) use fixture_file::{App, FixtureFile, JILL, vendor_page};
pub(crate) use http::{Answer, Connection, bearer, get, post_form, post_json};
pub(crate) use process::{Command, Ended, Server, wait_until};
pub(crate) use random::Random;
pub(crate) use tools::{environment, node_directory, python, recipe, vendors_python};
