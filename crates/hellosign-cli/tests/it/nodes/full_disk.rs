//! The database has no room for what is to be written: that is refused, what is only read is answered, and when there
//! is room again all goes on.

use hellosign_testkit::{Postgres, psql};

use super::site::{Site, Tokens, account, refresh, revoke};

/// What PostgreSQL says where a table cannot grow (SQLSTATE 53100), said of each change of a grant.
const FULL: &str = "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100';
    END $$;
    CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON grants FOR EACH ROW EXECUTE FUNCTION full_disk()";

#[test]
fn what_cannot_be_written_is_refused_and_what_is_read_is_answered() {
    let postgres = Postgres::start_with(&[("fsync", "off")]);
    let site = Site::new(postgres.create_database());
    let server = site.node().start();
    let node = server.address();
    let mut tokens = Tokens::imported();
    tokens.assert_live(node);
    let (access_token, _) = refresh(node, tokens.get(0)).tokens();
    assert_eq!(account(node, &access_token).status, 200);
    let rotated = refresh(node, tokens.get(1)).string("refresh_token");

    psql(&site.admin_url(&postgres), FULL);
    let refused = refresh(node, tokens.get(2));
    refused.assert_refused(503, "temporary_unavailable");
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
    assert_eq!(revoke(node, tokens.get(3)).status, 503);
    assert_eq!(account(node, &access_token).status, 200);
    let again = refresh(node, tokens.get(1));
    assert_eq!(again.string("refresh_token"), rotated, "what was answered before is answered again");

    psql(&site.admin_url(&postgres), "DROP TRIGGER full_disk ON grants");
    tokens.assert_live(node);
}
