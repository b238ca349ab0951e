//! What an answer rests on is a setting that an operator can take away from sessions: then there is no server.

use hellosign_testkit::Postgres;

use super::site::{Site, Tokens};

#[test]
fn a_node_whose_commits_are_not_durable_is_not_started() {
    let site = Site::new(Postgres::shared_database());
    for value in ["off", "local", "remote_write"] {
        let output = site.node_with_setting("synchronous_commit", value).run();
        output.assert_refused(&[
            &format!("synchronous_commit is {value}"),
            "what was answered could be lost",
            "set it to on",
        ]);
    }
    let node = site.node_with_setting("synchronous_commit", "remote_apply").start();
    Tokens::imported().assert_live(node.address());
}
