//! `/v3/account`

mod create;
mod get;
mod update;
mod verify;
