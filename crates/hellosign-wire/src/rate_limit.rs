//! The vendor's rate-limit headers, in lower case as HTTP libraries compare them.
//!
//! The OpenAPI description and the service spell "remaining" differently; a client reads what the
//! service sends first, a server sends both.

/// Requests allowed per minute.
pub const LIMIT: &str = "x-ratelimit-limit";
/// Requests left, as the service spells it.
pub const REMAINING: &str = "x-ratelimit-limit-remaining";
/// Requests left, as the OpenAPI description spells it.
pub const REMAINING_AS_DOCUMENTED: &str = "x-ratelimit-remaining";
/// When requests are accepted again, in Unix seconds.
pub const RESET: &str = "x-ratelimit-reset";
