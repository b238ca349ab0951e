//! What an operation is given, from any of the bodies that clients send. Nested values have the names that
//! forms give them, `oauth[callback_url]`.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use hellosign_wire::error::ErrorName;
use multer::Multipart;
use serde_json::Value;
use zeroize::Zeroizing;

use super::refusal::Refusal;
use crate::http::body;
use crate::http::error::Error;

/// The most that a request may be, in bytes: a logo may be among it.
const BODY_LIMIT: usize = 4 * 1024 * 1024;
/// Fields whose text may be JSON within a form: the vendor's clients write them so beside a file.
const STRUCTURED: [&str; 4] = ["oauth", "options", "domains", "white_labeling_options"];

/// Fields and their values. One that is `null` was not sent.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::http) struct Fields(BTreeMap<String, Field>);

#[derive(Debug, Default, PartialEq, Eq)]
struct Field {
    values: Vec<Zeroizing<String>>,
    is_list: bool,
}

impl Fields {
    /// Reads a body as what its content type says it is. No body is no fields.
    ///
    /// # Errors
    /// Another content type, a body that is not what it claims to be, too large, too slow or cut short.
    pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Self, Refusal> {
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let body = body::read(body, BODY_LIMIT).await.map_err(|error: Error| Refusal::from(error))?;
        if body.is_empty() {
            return Ok(Self::default());
        }
        Self::parse(content_type.unwrap_or_default(), body).await
    }

    /// The same of a body that is there.
    ///
    /// # Errors
    /// Another content type, a body that is not what it claims to be.
    pub(in crate::http) async fn parse(content_type: &str, body: Bytes) -> Result<Self, Refusal> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let mut fields = Self::default();
        match essence.to_ascii_lowercase().as_str() {
            "application/json" => match serde_json::from_slice(&body) {
                Ok(value @ Value::Object(_)) => fields.add(String::new(), value),
                _ => return Err(unreadable("JSON with one object in it")),
            },
            "application/x-www-form-urlencoded" => {
                for (name, value) in form_urlencoded::parse(&body) {
                    fields.add_text(&name, Zeroizing::new(value.into_owned()));
                }
            }
            "multipart/form-data" => fields.add_parts(content_type, body).await?,
            _ => {
                return Err(Refusal::new(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    ErrorName::BadRequest,
                    "The Content-Type is none of application/json, multipart/form-data and \
                     application/x-www-form-urlencoded.",
                ));
            }
        }
        Ok(fields)
    }

    /// A field that is there once.
    ///
    /// # Errors
    /// Where it is there more than once, or is a list.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Field { values, is_list: false }) if values.len() == 1 => {
                Ok(values.first().map(|value| value.as_str()))
            }
            Some(_) => Err(Refusal::field(name, format!("{name} is one value; send it once."))),
        }
    }

    /// A field that is yes or no.
    ///
    /// # Errors
    /// Where it is neither.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.text(name)? {
            None => Ok(None),
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0" | "") => Ok(Some(false)),
            Some(_) => Err(Refusal::field(name, format!("{name} is true or false."))),
        }
    }

    /// A field that may be there more than once. One text is a list with commas, as old clients write it;
    /// empty values say that there are none.
    pub(super) fn list(&self, name: &str) -> Option<Vec<String>> {
        let field = self.0.get(name)?;
        let values = field.values.iter();
        let texts: Vec<&str> = if field.is_list {
            values.map(|value| value.as_str()).collect()
        } else {
            values.flat_map(|value| value.split(',')).collect()
        };
        Some(texts.into_iter().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned).collect())
    }

    /// Everything, lists with commas.
    pub(in crate::http) fn joined(&self) -> impl Iterator<Item = (&str, Zeroizing<String>)> {
        self.0.iter().map(|(name, field)| {
            let values: Vec<&str> = field.values.iter().map(|value| value.as_str()).collect();
            (name.as_str(), Zeroizing::new(values.join(",")))
        })
    }

    /// Whether any of a nested value's fields was sent.
    pub(super) fn has(&self, name: &str) -> bool {
        let nested = format!("{name}[");
        self.0.keys().any(|key| key == name || key.starts_with(&nested))
    }

    fn add(&mut self, name: String, value: Value) {
        match value {
            Value::Null => {}
            Value::Bool(flag) => self.push(name, flag.to_string().into()),
            Value::Number(number) => self.push(name, number.to_string().into()),
            Value::String(text) => self.push(name, text.into()),
            Value::Array(values) => {
                self.0.entry(name.clone()).or_default().is_list = true;
                for value in values {
                    self.add(name.clone(), value);
                }
            }
            Value::Object(members) => {
                for (member, value) in members {
                    let name = if name.is_empty() { member } else { format!("{name}[{member}]") };
                    self.add(name, value);
                }
            }
        }
    }

    fn add_text(&mut self, name: &str, text: Zeroizing<String>) {
        if STRUCTURED.contains(&name)
            && let Ok(value @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(&text)
        {
            return self.add(name.to_owned(), value);
        }
        // domains[], domains[0]: the name says that it is a list.
        let stem = name.strip_suffix(']').and_then(|rest| rest.rsplit_once('['));
        match stem.filter(|(_, index)| index.bytes().all(|byte| byte.is_ascii_digit())) {
            Some((stem, _)) => {
                self.push(stem.to_owned(), text);
                self.0.entry(stem.to_owned()).or_default().is_list = true;
            }
            None => self.push(name.to_owned(), text),
        }
    }

    fn push(&mut self, name: String, text: Zeroizing<String>) {
        self.0.entry(name).or_default().values.push(text);
    }

    async fn add_parts(&mut self, content_type: &str, body: Bytes) -> Result<(), Refusal> {
        let unreadable = |_| unreadable("multipart/form-data");
        let boundary = multer::parse_boundary(content_type).map_err(unreadable)?;
        let mut parts = Multipart::new(Body::from(body).into_data_stream(), boundary);
        while let Some(part) = parts.next_field().await.map_err(unreadable)? {
            let Some(name) = part.name().map(str::to_owned) else { continue };
            let bytes = part.bytes().await.map_err(unreadable)?;
            // A file need not be text, and no operation here reads one.
            let text = String::from_utf8(bytes.to_vec()).unwrap_or_default();
            self.add_text(&name, text.into());
        }
        Ok(())
    }
}

fn unreadable(format: &str) -> Refusal {
    let message = format!("The body is not valid {format}.");
    Refusal::new(StatusCode::BAD_REQUEST, ErrorName::BadRequest, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn parse(content_type: &str, body: &str) -> Fields {
        Fields::parse(content_type, Bytes::copy_from_slice(body.as_bytes())).await.unwrap()
    }

    #[tokio::test]
    async fn one_request_in_every_format() {
        let json = r#"{"name":"Portal","domains":["a.example","b.example"],
            "oauth":{"callback_url":"https://a.example/cb","scopes":["basic_account_info"]},
            "options":{"can_insert_everywhere":true},"callback_url":null}"#;
        let json = parse("application/json", json).await;
        let form = parse(
            "application/x-www-form-urlencoded",
            "name=Portal&domains[]=a.example&domains[]=b.example&oauth[callback_url]=https://a.example/cb\
             &oauth%5Bscopes%5D%5B0%5D=basic_account_info&options[can_insert_everywhere]=true",
        )
        .await;
        assert_eq!(json, form);
        let part = |name: &str, value: &str| {
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let body = [
            part("name", "Portal"),
            part("domains", r#"["a.example", "b.example"]"#),
            part("oauth", r#"{"callback_url": "https://a.example/cb", "scopes": ["basic_account_info"]}"#),
            part("options", r#"{"can_insert_everywhere": true}"#),
            "--b--\r\n".to_owned(),
        ];
        assert_eq!(json, parse("multipart/form-data; boundary=b", &body.concat()).await);
        assert_eq!(json.text("oauth[callback_url]").unwrap(), Some("https://a.example/cb"));
        assert_eq!(json.flag("options[can_insert_everywhere]").unwrap(), Some(true));
        assert_eq!(json.text("callback_url").unwrap(), None);
        assert!(json.text("domains").is_err() && json.flag("name").is_err());
        assert!(json.has("oauth") && !json.has("white_labeling_options"));
    }

    #[tokio::test]
    async fn lists_are_read_as_old_clients_write_them() {
        let fields = parse(
            "application/x-www-form-urlencoded",
            "oauth[scopes]=basic_account_info,request_signature&domain=a.example&empty[]=",
        )
        .await;
        assert_eq!(fields.list("oauth[scopes]").unwrap(), ["basic_account_info", "request_signature"]);
        assert_eq!(fields.list("domain").unwrap(), ["a.example"]);
        assert!(fields.list("empty").unwrap().is_empty());
        assert_eq!(fields.list("absent"), None);
    }

    #[tokio::test]
    async fn what_is_not_what_it_claims_to_be_is_refused() {
        for (content_type, body) in [
            ("application/json", "[]"),
            ("application/json", "{"),
            ("text/plain", "a=b"),
            ("", "a=b"),
            ("multipart/form-data", "x"),
            ("multipart/form-data; boundary=b", "--b\r\nContent-"),
        ] {
            let parsed = Fields::parse(content_type, Bytes::copy_from_slice(body.as_bytes())).await;
            assert!(parsed.is_err(), "{content_type} {body}");
        }
    }
}
