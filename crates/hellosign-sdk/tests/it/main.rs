//! The operations against peers that say exactly what a test wants them to say.

mod errors;
mod hostile_answers;
mod peer;
mod requests;
mod secrets;
