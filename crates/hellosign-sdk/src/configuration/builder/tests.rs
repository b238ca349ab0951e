use super::*;

fn refused(change: fn(ConfigurationBuilder) -> ConfigurationBuilder) -> String {
    change(Configuration::builder()).build().unwrap_err().to_string()
}

#[test]
fn the_defaults_are_the_vendors_hosts() {
    let configuration = Configuration::default();
    assert_eq!(configuration.api_host(), "https://api.hellosign.com/v3");
    assert_eq!(configuration.oauth_host(), "https://app.hellosign.com");
    assert!(Configuration::builder().build().is_ok());
}

#[test]
fn a_trailing_slash_does_not_double() {
    let configuration = Configuration::builder().server("http://localhost:1/").build().unwrap();
    assert_eq!(configuration.api_host(), "http://localhost:1/v3");
}

#[test]
fn hosts_are_urls_and_not_in_the_clear() {
    for bad in [
        "",
        "localhost:8065",
        "/v3",
        "ftp://a",
        "https://",
        "https://u:pw@a",
        "https://a/?pw",
        "https://a/#pw",
    ] {
        let error = Configuration::builder().oauth_host(bad).build().unwrap_err();
        assert!(matches!(error, ConfigurationError::InvalidHost(_)), "{bad}: {error:?}");
        assert!(!error.to_string().contains("pw"), "{error}");
    }
    for plain in ["http://sign.example", "http://10.0.0.1", "http://127.0.0.1.example"] {
        let error = Configuration::builder().server(plain).build().unwrap_err();
        assert!(matches!(error, ConfigurationError::PlainHttp(_)), "{plain}: {error:?}");
        assert!(Configuration::builder().server(plain).allow_plain_http().build().is_ok());
    }
    for loopback in ["http://localhost", "http://127.8.0.1:1", "http://[::1]:1"] {
        assert!(Configuration::builder().server(loopback).build().is_ok(), "{loopback}");
    }
}

#[test]
fn what_no_header_can_carry_is_refused_without_being_shown() {
    let error = Configuration::builder().access_token("hunter2\n").build().unwrap_err();
    assert_eq!(error, ConfigurationError::InvalidHeader("access token"));
    assert!(Configuration::builder().api_key("").build().is_err());
    assert!(Configuration::builder().timeout(Duration::ZERO).build().is_err());
    let shown = format!("{:?}", Configuration::builder().api_key("hunter2").access_token("hunter2"));
    assert!(!shown.contains("hunter2"));
}

#[test]
fn bad_settings_are_named() {
    for (error, words) in [
        (
            refused(|b| b.default_header("Authorization", "x")),
            "the header authorization is written by the SDK",
        ),
        (refused(|b| b.default_header("x y", "x")), "the default header \"x y\""),
        (refused(|b| b.default_header("x", "hunter2\n")), "the default header \"x\""),
        (refused(|b| b.proxy(Proxy::new("https://proxy:1"))), "the proxy \"https://proxy:1\" is not a URL"),
        (refused(|b| b.proxy(Proxy::new("http://u:hunter2@proxy:1"))), "[redacted]@proxy:1"),
        (refused(|b| b.proxy(Proxy::new("socks5://proxy:1"))), "the proxy"),
        (refused(|b| b.proxy(Proxy::new("http://proxy:1/x"))), "the proxy"),
        (
            refused(|b| b.proxy(Proxy::new("http://p:1").with_credentials("a:b", "hunter2"))),
            "the proxy's user name",
        ),
        (refused(|b| b.proxy(Proxy::new("http://p:1").without(["a,b"]))), "\"a,b\" is not a host"),
        (refused(|b| b.retry(RetryPolicy::new(11))), "at most 10 retries"),
    ] {
        assert!(error.contains(words), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    let shown = format!(
        "{:?}",
        Configuration::builder()
            .default_header("x-key", "hunter2")
            .proxy(Proxy::new("http://p:1").with_credentials("u", "hunter2"),)
    );
    assert!(shown.contains("x-key") && !shown.contains("hunter2"), "{shown}");
}

#[cfg(feature = "tls")]
#[test]
fn what_tls_cannot_use_is_refused_without_showing_it() {
    for (error, words) in [
        (refused(|b| b.root_certificates_pem("hunter2")), "at least one certificate"),
        (
            refused(|b| b.client_certificate_pem("hunter2", "hunter2")),
            "the client certificate cannot be used",
        ),
        (refused(|b| b.tls_server_name("not a name")), "\"not a name\" is neither a host name"),
    ] {
        assert!(error.contains(words) && !error.contains("hunter2"), "{error}");
    }
    let shown = format!("{:?}", Configuration::builder().client_certificate_pem("hunter2", "hunter2"));
    assert!(!shown.contains("hunter2"), "{shown}");
}
