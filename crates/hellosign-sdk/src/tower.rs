//! Fresh tokens for an HTTP client of one's own, as a layer of [tower](https://docs.rs/tower).
//!
//! ```no_run
//! use hellosign_sdk::tokens::AccountToken;
//! use hellosign_sdk::tower::AuthorizationLayer;
//! use tower::{Layer, Service};
//!
//! # async fn example<C>(client: C, jill: AccountToken)
//! # where
//! #     C: Service<http::Request<String>, Response = http::Response<String>> + Clone + Send + 'static,
//! #     C::Future: Send,
//! #     C::Error: std::fmt::Debug + Send,
//! # {
//! let mut authorized = AuthorizationLayer::new(&jill).layer(client);
//! let request = http::Request::get("https://api.hellosign.com/v3/account").body(String::new()).unwrap();
//! println!("{}", authorized.call(request).await.unwrap().status());
//! # }
//! ```

use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::{AUTHORIZATION, HeaderValue};
use http::{Request, Response, StatusCode};
use tower_layer::Layer;
use tower_service::Service;
use zeroize::Zeroizing;

use crate::tokens::{AccountToken, FreshToken, TokenError};

/// Gives each request an access token of one account that is good, in place of any `Authorization` that it
/// has; and sends it once more with another one where the answer is 401 all the same.
#[derive(Debug, Clone)]
pub struct AuthorizationLayer {
    account: AccountToken,
}

impl AuthorizationLayer {
    /// For this account.
    #[must_use]
    pub fn new(account: &AccountToken) -> Self {
        Self { account: account.clone() }
    }
}

impl<S> Layer<S> for AuthorizationLayer {
    type Service = Authorization<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Authorization { account: self.account.clone(), inner }
    }
}

/// What [`AuthorizationLayer`] makes of a service.
#[derive(Debug, Clone)]
pub struct Authorization<S> {
    account: AccountToken,
    inner: S,
}

/// Why there is no answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum AuthorizationError<E> {
    /// There is no token to send.
    Token(TokenError),
    /// The service beneath has failed.
    Service(E),
}

impl<E: fmt::Display> fmt::Display for AuthorizationError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(error) => error.fmt(f),
            Self::Service(error) => error.fmt(f),
        }
    }
}

impl<E: std::error::Error> std::error::Error for AuthorizationError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Token(error) => error.source(),
            Self::Service(error) => error.source(),
        }
    }
}

impl<S, B, R> Service<Request<B>> for Authorization<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    B: Clone + Send + 'static,
    R: Send + 'static,
{
    type Response = Response<R>;
    type Error = AuthorizationError<S::Error>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context).map_err(AuthorizationError::Service)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that said that it is ready is the one to call.
        let next = self.inner.clone();
        let inner = mem::replace(&mut self.inner, next);
        Box::pin(answer(inner, self.account.clone(), request))
    }
}

async fn answer<S, B, R>(
    mut inner: S,
    account: AccountToken,
    request: Request<B>,
) -> Result<Response<R>, AuthorizationError<S::Error>>
where
    S: Service<Request<B>, Response = Response<R>>,
    B: Clone,
{
    let token = account.access_token().await.map_err(AuthorizationError::Token)?;
    let refused = inner.call(bearing(&token, request.clone())).await.map_err(AuthorizationError::Service)?;
    if refused.status() != StatusCode::UNAUTHORIZED {
        return Ok(refused);
    }
    account.invalidate(&token);
    let another = account.access_token().await.map_err(AuthorizationError::Token)?;
    if another.access_token() == token.access_token() {
        return Ok(refused);
    }
    poll_fn(|context| inner.poll_ready(context)).await.map_err(AuthorizationError::Service)?;
    inner.call(bearing(&another, request)).await.map_err(AuthorizationError::Service)
}

fn bearing<B>(token: &FreshToken, mut request: Request<B>) -> Request<B> {
    let value = Zeroizing::new(format!("Bearer {}", token.expose()));
    // A token that a server sent and no header can carry: let the API say so.
    let mut value = HeaderValue::from_str(&value).unwrap_or_else(|_| HeaderValue::from_static("Bearer"));
    value.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, value);
    request
}
