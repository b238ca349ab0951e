//! The parameters of a token request, from any of the three bodies that clients send.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::task::{Context, Poll, Waker};

use axum::body::Body;
use bytes::Bytes;
use multer::Multipart;
use percent_encoding::percent_decode;
use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use zeroize::Zeroizing;

/// The parameters of a token request that anything is done with (RFC 6749 §4.1.3, §6; RFC 7636 §4.5). Any
/// other is read over, whatever its type: old clients post the whole of their last token answer.
pub(crate) const TOKEN_REQUEST: [&str; 8] = [
    "grant_type",
    "client_id",
    "client_secret",
    "code",
    "state",
    "redirect_uri",
    "code_verifier",
    "refresh_token",
];

/// Those of a request about a token (RFC 7009 §2.1, RFC 7662 §2.1). The hint is not needed: a token says
/// itself what it is.
pub(crate) const ABOUT_TOKEN: [&str; 3] = ["client_id", "client_secret", "token"];

/// What a token request says. A parameter without a value was not sent (RFC 6749 §3.2).
#[derive(Default)]
pub(crate) struct Parameters(BTreeMap<&'static str, Zeroizing<String>>);

/// Why a body cannot be read. The text names parameters and never values.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParametersError {
    #[error(
        "The Content-Type is none of application/json, application/x-www-form-urlencoded and multipart/form-data."
    )]
    UnsupportedContentType,
    #[error("The body is not valid {0}.")]
    Unreadable(&'static str),
    #[error("A parameter was sent twice ({0}); send each one once.")]
    Repeated(String),
    #[error("The parameter {0} is not a string.")]
    WrongType(&'static str),
}

impl ParametersError {
    /// Whether the body was not looked at because of what it claims to be.
    pub(crate) fn is_unsupported_content_type(&self) -> bool {
        *self == Self::UnsupportedContentType
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Parameters {
    /// Reads a body as what its content type says it is.
    ///
    /// # Errors
    /// Another content type, a body that is not what it claims to be, a parameter that is there
    /// twice, and a recognized one that is not a string.
    pub(crate) fn parse(
        content_type: Option<&str>,
        body: &[u8],
        recognized: &[&'static str],
    ) -> Result<Self, ParametersError> {
        let content_type = content_type.unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let pairs = match essence.to_ascii_lowercase().as_str() {
            "application/json" => json(body)?,
            "application/x-www-form-urlencoded" => form(body)?,
            "multipart/form-data" => multipart(content_type, body)?,
            _ => return Err(ParametersError::UnsupportedContentType),
        };
        Self::collect(pairs, recognized)
    }

    /// The value of a recognized parameter, never an empty one.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.as_str())
    }

    fn collect(pairs: Vec<Pair<'_>>, recognized: &[&'static str]) -> Result<Self, ParametersError> {
        let mut names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_ref()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(ParametersError::Repeated(printable(twice[0])));
        }
        let mut parameters = Self::default();
        for (name, value) in pairs {
            let Some(name) = recognized.iter().copied().find(|known| *known == name) else { continue };
            match value {
                Value::Text(text) if text.is_empty() => {}
                Value::Text(text) => drop(parameters.0.insert(name, text)),
                Value::Null => {}
                Value::Other => return Err(ParametersError::WrongType(name)),
            }
        }
        Ok(parameters)
    }
}

type Pair<'a> = (Cow<'a, str>, Value);

enum Value {
    Text(Zeroizing<String>),
    Null,
    Other,
}

/// A name as it may stand in a sentence: short, and without anything that a terminal would obey.
fn printable(name: &str) -> String {
    name.chars().take(40).map(|c| if c.is_ascii_graphic() { c } else { '?' }).collect()
}

fn form(body: &[u8]) -> Result<Vec<Pair<'_>>, ParametersError> {
    let pieces = body.split(|byte| *byte == b'&').filter(|piece| !piece.is_empty());
    let pair = |piece: &[u8]| {
        let at = piece.iter().position(|byte| *byte == b'=').unwrap_or(piece.len());
        let (name, value) = (decoded(&piece[..at])?, decoded(piece.get(at + 1..).unwrap_or_default())?);
        Some((Cow::Owned(name.to_string()), Value::Text(value)))
    };
    pieces
        .map(pair)
        .collect::<Option<_>>()
        .ok_or(ParametersError::Unreadable("application/x-www-form-urlencoded"))
}

/// `None` for a `%` that is not followed by two digits, and for what is not UTF-8 then.
fn decoded(text: &[u8]) -> Option<Zeroizing<String>> {
    let is_broken = |(at, byte): (usize, &u8)| {
        let digits = text.get(at + 1..at + 3);
        *byte == b'%' && !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if text.iter().enumerate().any(is_broken) {
        return None;
    }
    let text: Zeroizing<Vec<u8>> =
        Zeroizing::new(text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect());
    String::from_utf8(percent_decode(&text).collect()).ok().map(Zeroizing::new)
}

fn json(body: &[u8]) -> Result<Vec<Pair<'_>>, ParametersError> {
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    match serde_json::from_slice::<Object<'_>>(body) {
        Ok(Object(pairs)) => Ok(pairs),
        Err(_) => Err(ParametersError::Unreadable("JSON with one object in it")),
    }
}

/// A JSON object with all its members, those of one name included.
struct Object<'a>(Vec<Pair<'a>>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(name) = members.next_key::<String>()? {
            pairs.push((Cow::Owned(name), members.next_value()?));
        }
        Ok(Object(pairs))
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(Zeroizing::new(text.to_owned())))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }
}

/// A part with a file name is read like any other: what counts is its name and what is in it.
fn multipart(content_type: &str, body: &[u8]) -> Result<Vec<Pair<'static>>, ParametersError> {
    let unreadable = ParametersError::Unreadable("multipart/form-data");
    let Ok(boundary) = multer::parse_boundary(content_type) else { return Err(unreadable) };
    let stream = Body::from(Bytes::copy_from_slice(body)).into_data_stream();
    let reading = std::pin::pin!(parts(Multipart::new(stream, boundary)));
    // The whole body is here, so there is nothing to wait for.
    match reading.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Some(pairs)) => Ok(pairs),
        Poll::Ready(None) | Poll::Pending => Err(unreadable),
    }
}

async fn parts(mut parts: Multipart<'_>) -> Option<Vec<Pair<'static>>> {
    let mut pairs = Vec::new();
    while let Some(part) = parts.next_field().await.ok()? {
        let name = part.name()?.to_owned();
        let value = std::str::from_utf8(&part.bytes().await.ok()?).ok()?.to_owned();
        pairs.push((Cow::Owned(name), Value::Text(Zeroizing::new(value))));
    }
    Some(pairs)
}

#[cfg(test)]
mod tests;
