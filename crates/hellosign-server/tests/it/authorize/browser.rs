//! What a browser does with pages and cookies, and nothing more.

use std::collections::BTreeMap;

use hellosign_testkit::{Answer, CLIENT_ID, Request, TestServer, form};

/// One person's browser.
#[derive(Debug, Clone, Default)]
pub(crate) struct Browser {
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Browser {
    /// Follows an app's link.
    pub(crate) async fn open(&mut self, server: &TestServer, query: &[(&str, &str)]) -> Answer {
        self.send(server, Request::new("GET", &format!("/oauth/authorize?{}", form(query)))).await
    }

    /// Follows the link of the app whose refresh tokens stay.
    pub(crate) async fn start(&mut self, server: &TestServer) -> Answer {
        self.open(server, &[("response_type", "code"), ("client_id", CLIENT_ID), ("state", "s")]).await
    }

    /// Follows a redirect to the server's own pages.
    pub(crate) async fn follow(&mut self, server: &TestServer, answer: &Answer) -> Answer {
        assert_eq!(answer.status, 303, "{answer:?}");
        let location = answer.header("location").expect("a location");
        self.send(server, Request::new("GET", location)).await
    }

    /// Fills in the form of the page that is shown.
    pub(crate) async fn sign_in(
        &mut self,
        server: &TestServer,
        page: &Answer,
        email_address: &str,
        password: &str,
    ) -> Answer {
        let ticket = ticket(page);
        let fields = [("ticket", ticket.as_str()), ("email_address", email_address), ("password", password)];
        self.post(server, "/oauth/authorize/sign_in", &fields).await
    }

    /// Presses one of the buttons of the page that is shown.
    pub(crate) async fn decide(&mut self, server: &TestServer, page: &Answer, decision: &str) -> Answer {
        let ticket = ticket(page);
        self.post(server, "/oauth/authorize", &[("ticket", &ticket), ("decision", decision)]).await
    }

    pub(crate) async fn post(&mut self, server: &TestServer, path: &str, fields: &[(&str, &str)]) -> Answer {
        let content_type = "application/x-www-form-urlencoded";
        self.send(server, Request::new("POST", path).body(content_type, form(fields))).await
    }

    async fn send(&mut self, server: &TestServer, request: Request) -> Answer {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request =
            if cookies.is_empty() { request } else { request.header("Cookie", &cookies.join("; ")) };
        let answer = server.send(request).await;
        for cookie in answer.headers("set-cookie") {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}

/// What is sealed in the page's form.
pub(crate) fn ticket(page: &Answer) -> String {
    let (_, rest) = page.body.split_once("name=\"ticket\" value=\"").unwrap_or_else(|| panic!("{page:?}"));
    rest.split('"').next().unwrap().to_owned()
}

pub(crate) fn is_sign_in(page: &Answer) -> bool {
    page.body.contains("name=\"password\"")
}

pub(crate) fn is_consent(page: &Answer) -> bool {
    page.body.contains("name=\"decision\" value=\"allow\"")
}
