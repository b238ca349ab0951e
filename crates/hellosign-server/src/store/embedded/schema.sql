-- Times are milliseconds since the Unix epoch. No table holds a credential: hashes are keyed with a
-- secret that is not in this file, and tokens have no rows at all.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO meta (name, value) VALUES
    ('epoch', 0),      -- enters every token; another one after each restore
    ('last_time', 0),  -- the latest time that was written: time never runs back past it
    ('advanced', 0);   -- how far tests have moved the clock, in milliseconds

CREATE TABLE server_keys (
    key_id      INTEGER PRIMARY KEY,
    check_value BLOB NOT NULL,
    state       INTEGER NOT NULL       -- 0: accepted; 1: issuing, one key is; 2: revoked
) STRICT;

CREATE TABLE accounts (
    account_id    BLOB PRIMARY KEY,
    email_address TEXT NOT NULL COLLATE NOCASE UNIQUE,
    password_hash TEXT,
    api_key       BLOB UNIQUE,
    is_locked     INTEGER NOT NULL,
    is_confirmed  INTEGER NOT NULL,
    callback_url  TEXT,
    locale        TEXT,
    revision      INTEGER NOT NULL,
    epoch         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE clients (
    client_id      TEXT PRIMARY KEY,
    owner          BLOB NOT NULL REFERENCES accounts (account_id),
    name           TEXT NOT NULL,
    domains        TEXT NOT NULL,
    event_callback_url    TEXT,
    can_insert_everywhere INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    callback_url   TEXT,               -- NULL: OAuth is not set up
    scopes         TEXT NOT NULL,
    is_approved    INTEGER NOT NULL,
    switches       TEXT NOT NULL,      -- JSON: where the app leaves its profile
    is_resource_server INTEGER NOT NULL,  -- then scopes are those whose tokens it may introspect
    rotation_since INTEGER,            -- NULL: the profile's choice; -1: off; else on since then
    secret         BLOB,               -- NULL beside a callback_url: a public client
    revision       INTEGER NOT NULL,
    epoch          INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX clients_by_owner ON clients (owner, created_at);

CREATE TABLE codes (
    hash           BLOB PRIMARY KEY,
    client_id      TEXT NOT NULL,
    account_id     BLOB NOT NULL,
    redirect_uri   TEXT,
    code_challenge TEXT,
    client_epoch   INTEGER NOT NULL,
    account_epoch  INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    grant_id       BLOB,               -- what it became, once it was consumed
    redeemed_at    INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX codes_by_expiry ON codes (expires_at);

CREATE TABLE sessions (
    hash           BLOB PRIMARY KEY,
    account_id     BLOB NOT NULL,
    account_epoch  INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    seen_at        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE grants (
    grant_id      BLOB PRIMARY KEY,
    client_id     TEXT NOT NULL,
    account_id    BLOB NOT NULL,
    client_epoch  INTEGER NOT NULL,
    account_epoch INTEGER NOT NULL,
    seed          BLOB NOT NULL,
    created_at    INTEGER NOT NULL,
    is_imported   INTEGER NOT NULL,
    revision      INTEGER NOT NULL,
    generation    INTEGER NOT NULL,
    parent        INTEGER,
    issued_at     INTEGER NOT NULL,
    key_id        INTEGER NOT NULL,
    epoch         INTEGER NOT NULL,
    lifetime      INTEGER NOT NULL,
    is_seen       INTEGER NOT NULL,
    voids         BLOB,                -- 16 bytes each: from, to, until
    access_since  INTEGER,             -- access tokens issued up to then were ended
    revoked_at    INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX live_grants ON grants (account_id, client_id) WHERE revoked_at IS NULL;

-- Changes of grants that are not in their rows yet, in the order in which they happened.
CREATE TABLE grant_changes (
    change_id     INTEGER PRIMARY KEY,
    grant_id      BLOB NOT NULL,
    revision      INTEGER NOT NULL,
    generation    INTEGER NOT NULL,
    parent        INTEGER,
    issued_at     INTEGER NOT NULL,
    key_id        INTEGER NOT NULL,
    epoch         INTEGER NOT NULL,
    lifetime      INTEGER NOT NULL,
    is_seen       INTEGER NOT NULL,
    voids         BLOB,
    access_since  INTEGER,
    revoked_at    INTEGER
) STRICT;

CREATE TABLE imported_tokens (
    hash     BLOB PRIMARY KEY,
    grant_id BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Fixtures that were loaded once: loading them again brings nothing back.
CREATE TABLE fixtures (
    fingerprint BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;
