//! Without TLS there is plain HTTP.

use super::connector::Connector;

/// No settings.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tls(());

/// Connects to http hosts only: a request to another one is refused before it comes here.
pub(super) type Outer = Connector;

impl Tls {
    #[expect(clippy::unused_self, reason = "with TLS there are settings")]
    pub(super) fn connector(&self, connector: Connector, _is_https: bool) -> Outer {
        connector
    }
}
