//! Fixture files, written as users write them.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The literal values of the vendor's page.
pub(crate) mod vendor_page {
    pub(crate) const CLIENT_ID: &str = "cc91c61d00f8bb2ece1428035716b";
    pub(crate) const CLIENT_SECRET: &str = "1d14434088507ffa390e6f5528465";
    pub(crate) const CODE: &str = "1b0d28d90c86c141";
    pub(crate) const STATE: &str = "900e06e2";
    pub(crate) const REFRESH_TOKEN: &str = "hNTI2MTFmM2VmZDQxZTZjOWRmZmFjZmVmMGMyNGFjMzI2MGI5YzgzNmE3";
}

/// The account that has approved the apps of the fixtures.
pub(crate) const JILL: &str = "jill@example.com";

/// A fixtures file in the making.
#[derive(Debug, Default)]
pub(crate) struct FixtureFile {
    text: String,
}

/// An app of a fixtures file, as far as tests differ about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct App<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) client_secret: &'a str,
    pub(crate) rotates: bool,
}

impl FixtureFile {
    /// Jack owns the vendor's page's app, Jill has approved it: its code can be exchanged, its token refreshed.
    pub(crate) fn of_the_vendors_page() -> Self {
        let app = App {
            client_id: vendor_page::CLIENT_ID,
            client_secret: vendor_page::CLIENT_SECRET,
            rotates: false,
        };
        let mut file = Self::with_people();
        file.app(app);
        file.code(vendor_page::CLIENT_ID, JILL, vendor_page::CODE);
        file.grant(vendor_page::CLIENT_ID, JILL, vendor_page::REFRESH_TOKEN);
        file
    }

    /// Jack, who owns apps, and Jill, who approves them.
    pub(crate) fn with_people() -> Self {
        let mut file = Self::default();
        file.account("jack@example.com");
        file.account(JILL);
        file
    }

    pub(crate) fn account(&mut self, email_address: &str) {
        self.table("accounts", &[("email_address", email_address)], "");
    }

    pub(crate) fn app(&mut self, app: App<'_>) {
        let strings = [
            ("owner", "jack@example.com"),
            ("name", app.client_id),
            ("client_id", app.client_id),
            ("client_secret", app.client_secret),
            ("callback_url", "http://127.0.0.1:9000/callback"),
        ];
        let rest = format!("scopes = [\"basic_account_info\"]\nrefresh_token_rotation = {}\n", app.rotates);
        self.table("api_apps", &strings, &rest);
    }

    pub(crate) fn code(&mut self, client_id: &str, account: &str, code: &str) {
        let strings =
            [("code", code), ("client_id", client_id), ("account", account), ("state", vendor_page::STATE)];
        self.table("authorization_codes", &strings, "");
    }

    pub(crate) fn grant(&mut self, client_id: &str, account: &str, refresh_token: &str) {
        let strings = [("client_id", client_id), ("account", account), ("refresh_token", refresh_token)];
        self.table("grants", &strings, "");
    }

    /// Any table: its strings, and further lines as they are.
    pub(crate) fn table(&mut self, name: &str, strings: &[(&str, &str)], rest: &str) {
        writeln!(self.text, "[[{name}]]").unwrap();
        for (key, value) in strings {
            // JSON's escapes are TOML's.
            writeln!(self.text, "{key} = {}", serde_json::Value::from(*value)).unwrap();
        }
        writeln!(self.text, "{rest}").unwrap();
    }

    pub(crate) fn write(&self, directory: &Path) -> PathBuf {
        let path = directory.join("fixtures.toml");
        fs::write(&path, &self.text).expect("a fixtures file");
        path
    }
}
