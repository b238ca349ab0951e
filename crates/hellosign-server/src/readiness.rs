//! Whether a server is to be sent requests, and why not.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::app::App;
use crate::store::Backend as _;

/// Whether the server is on its way to its end. It goes on answering until it gets there.
#[derive(Debug, Default)]
pub(crate) struct Draining(AtomicBool);

impl Draining {
    pub(crate) fn begin(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Sentences that say why requests are better sent to another server; none where this one is ready.
pub(crate) fn objections(app: &App) -> Vec<String> {
    let mut objections = Vec::new();
    if app.draining.has_begun() {
        objections.push("The server is being stopped.".to_owned());
    }
    if let Err(sentence) = app.store.readiness() {
        objections.push(sentence);
    }
    if let Some(sentence) = app.live_keys.problem() {
        objections.push(format!("The keys are not up to date: {sentence}."));
    }
    if app.keys().is_incomplete() {
        objections.push(
            "The server was not given a key that its database lists; what was made with it cannot be checked."
                .to_owned(),
        );
    }
    objections
}
