//! Each rule has its test over the wire; what is here holds for all bodies.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const TYPES: [&str; 3] =
    ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=XX"];

fn parse(content_type: &str, body: &[u8]) -> Result<BTreeMap<&'static str, String>, ParametersError> {
    let parameters = Parameters::parse(Some(content_type), body, &TOKEN_REQUEST)?;
    Ok(parameters.0.iter().map(|(name, value)| (*name, value.to_string())).collect())
}

fn as_json(pairs: &BTreeMap<String, String>) -> Vec<u8> {
    serde_json::to_vec(pairs).unwrap()
}

fn as_form(pairs: &BTreeMap<String, String>) -> Vec<u8> {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish().into_bytes()
}

fn as_multipart(pairs: &BTreeMap<String, String>) -> Vec<u8> {
    let part = |(name, value): (&String, &String)| {
        format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    format!("{}--XX--\r\n", pairs.iter().map(part).collect::<String>()).into_bytes()
}

#[test]
fn nothing_is_shown_of_a_value() {
    let parameters =
        Parameters::parse(Some(TYPES[0]), br#"{"client_secret":"hunter2"}"#, &TOKEN_REQUEST).unwrap();
    assert_eq!(format!("{parameters:?}"), r#"{"client_secret"}"#);
    let long = format!("{{\"{0}\":1,\"{0}\":2}}", "\\u001b[31m".repeat(50));
    let error = Parameters::parse(Some(TYPES[0]), long.as_bytes(), &TOKEN_REQUEST).unwrap_err().to_string();
    assert!(error.len() < 120 && error.chars().all(|c| !c.is_control()), "{error}");
}

#[test]
fn a_file_part_is_read_by_its_name() {
    let body = "--XX\r\nContent-Disposition: form-data; name=\"code\"; filename=\"c\"\r\n\
                Content-Type: text/plain\r\n\r\nabc\r\n--XX--\r\n";
    assert_eq!(parse(TYPES[2], body.as_bytes()).unwrap()["code"], "abc");
}

proptest! {
    #[test]
    fn the_three_bodies_say_the_same(
        known in proptest::collection::btree_map(proptest::sample::select(&TOKEN_REQUEST[..]), "[^\r\n-]{0,20}", 0..8),
        unknown in proptest::collection::btree_map("x_[a-z]{1,8}", "[^\r\n-]{0,20}", 0..3),
    ) {
        let sent: BTreeMap<String, String> =
            known.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).chain(unknown).collect();
        let expected: BTreeMap<&str, String> = known.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        for (content_type, body) in TYPES.into_iter().zip([as_json(&sent), as_form(&sent), as_multipart(&sent)]) {
            prop_assert_eq!(parse(content_type, &body).unwrap(), expected.clone(), "{}", content_type);
        }
    }

    #[test]
    fn no_body_is_a_panic(at in 0..3_usize, body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(TYPES[at], &body);
    }

    #[test]
    fn nor_is_half_of_a_good_one(cut in 0..400_usize, at in 0..3_usize, value in "\\PC{0,20}") {
        let sent = BTreeMap::from([("code".to_owned(), value), ("state".to_owned(), "s".to_owned())]);
        let body = &[as_json(&sent), as_form(&sent), as_multipart(&sent)][at];
        let _ = parse(TYPES[at], &body[..cut.min(body.len())]);
    }

    #[test]
    fn no_content_type_is_a_panic(content_type in "(multipart/form-data|application/json)?[ -~]{0,30}") {
        let _ = parse(&content_type, b"{}");
    }
}
