//! What a browser sends: the query of the authorization request, and the fields of its forms.

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::Response;
use zeroize::Zeroizing;

use super::super::error::{BODY_LIMIT, Error};
use super::pages;
use crate::grant;
use crate::grant::authorization::AuthorizationRequest;
use crate::http::body;

/// The fields of a form that was posted.
pub(super) struct Form(Vec<(String, Zeroizing<String>)>);

impl Form {
    /// # Errors
    /// With a page for the person, where the body is no form or does not arrive.
    pub(super) async fn read(request: Request) -> Result<Self, Response> {
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = content_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(pages::message(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "This page takes its own forms only. Go back to the app and try again.",
            ));
        }
        let body = match body::read(request.into_body(), BODY_LIMIT).await {
            Ok(body) => body,
            Err(Error::Grant(grant::Error::Unavailable)) => return Err(pages::unavailable()),
            Err(_) => {
                return Err(pages::message(
                    StatusCode::BAD_REQUEST,
                    "The form did not arrive whole. Go back to the app and try again.",
                ));
            }
        };
        let field = |(name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)| {
            (name.into_owned(), Zeroizing::new(value.into_owned()))
        };
        Ok(Self(form_urlencoded::parse(&body).map(field).collect()))
    }

    /// A field's value; `None` where it is missing or there twice.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_str());
        values.next().filter(|_| values.next().is_none())
    }
}

/// `None` where a parameter that counts is sent twice (RFC 6749 §3.1). An empty one was not sent.
pub(super) fn authorization_request(query: &str) -> Option<AuthorizationRequest> {
    let mut request = AuthorizationRequest::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let Some((_, parameter)) = parameters(&mut request).into_iter().find(|(known, _)| *known == name)
        else {
            continue;
        };
        if parameter.replace(value.into_owned()).is_some() {
            return None;
        }
    }
    for (_, parameter) in parameters(&mut request) {
        parameter.take_if(|value| value.is_empty());
    }
    Some(request)
}

/// The query that says the same again.
pub(super) fn query(request: &AuthorizationRequest) -> String {
    let mut request = request.clone();
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, parameter) in parameters(&mut request) {
        if let Some(value) = parameter {
            query.append_pair(name, value);
        }
    }
    query.finish()
}

fn parameters(request: &mut AuthorizationRequest) -> [(&'static str, &mut Option<String>); 7] {
    [
        ("response_type", &mut request.response_type),
        ("client_id", &mut request.client_id),
        ("redirect_uri", &mut request.redirect_uri),
        ("scope", &mut request.scope),
        ("state", &mut request.state),
        ("code_challenge", &mut request.code_challenge),
        ("code_challenge_method", &mut request.code_challenge_method),
    ]
}
