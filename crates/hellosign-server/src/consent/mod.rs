//! The resource owner's part: who is at the browser, and what they answer.

pub(crate) mod password;
pub(crate) mod session;
pub(crate) mod sign_in;
pub(crate) mod ticket;
