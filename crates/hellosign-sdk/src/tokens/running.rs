//! Renewals that are under way, so that a shutdown can wait for them.

use tokio::sync::watch;

/// How many renewals are under way, and whether there are to be more.
#[derive(Debug)]
pub(super) struct Running(watch::Sender<(usize, bool)>);

impl Default for Running {
    fn default() -> Self {
        Self(watch::Sender::new((0, false)))
    }
}

impl Running {
    /// Counts one more until the guard is dropped; `None` after a shutdown.
    pub(super) fn start(&self) -> Option<OneMore> {
        let mut is_shut_down = false;
        self.0.send_modify(|(running, shut_down)| {
            is_shut_down = *shut_down;
            *running += usize::from(!*shut_down);
        });
        (!is_shut_down).then(|| OneMore(self.0.clone()))
    }

    /// Lets no more begin, and waits for the last one.
    pub(super) async fn shut_down(&self) {
        self.0.send_modify(|(_, shut_down)| *shut_down = true);
        // The sender is here, so that it does not close.
        let _ = self.0.subscribe().wait_for(|(running, _)| *running == 0).await;
    }
}

/// A renewal that is under way, until it is dropped.
pub(super) struct OneMore(watch::Sender<(usize, bool)>);

impl Drop for OneMore {
    fn drop(&mut self) {
        self.0.send_modify(|(running, _)| *running -= 1);
    }
}
