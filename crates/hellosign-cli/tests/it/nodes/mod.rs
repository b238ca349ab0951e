//! Several servers on one PostgreSQL database: what one has answered the others stand by, whatever happens to any of
//! them and to the database.

mod altered;
mod bad_database;
mod cut_off;
mod durable_commits;
mod failover;
mod flood;
mod frozen_backend;
mod full_disk;
mod keys;
mod killed;
mod load;
mod locked_row;
mod node;
mod password;
mod site;
mod starting;
mod stateless;
mod tls;
mod waiting_standby;
