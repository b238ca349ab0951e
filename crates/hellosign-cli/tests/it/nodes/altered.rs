//! A table that is altered while nodes run: what their connections have prepared for it is no good any more.

use hellosign_testkit::{Postgres, psql};

use super::site::{Site, Tokens};

#[test]
fn a_column_that_becomes_another_type_is_read_as_before() {
    let postgres = Postgres::start_with(&[("fsync", "off")]);
    let site = Site::new(postgres.create_database());
    let node = site.node().start();
    let mut tokens = Tokens::imported();
    tokens.assert_live(node.address());
    psql(&site.admin_url(&postgres), "ALTER TABLE clients ALTER COLUMN name TYPE VARCHAR(200)");
    tokens.assert_live(node.address());
}
