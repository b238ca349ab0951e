-- Times are milliseconds since the Unix epoch. No table holds a credential: hashes are keyed with a secret that is
-- not in this database, and tokens have no rows at all. Keys are random or given: no sequences, no triggers, so that
-- databases that only speak PostgreSQL's language can run it, too.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);

INSERT INTO meta (name, value) VALUES
    ('epoch', 0),      -- enters every token; another one after each restore and each copy
    ('filling', 0);    -- 1 while a copy is being made into this database: no node serves from it

-- One row, so that whoever writes the one sees the other as it is then.
CREATE TABLE clock (
    name      TEXT PRIMARY KEY,
    last_time BIGINT NOT NULL,  -- the latest time that was given out: time never runs back past it
    advanced  BIGINT NOT NULL   -- how far tests have moved the clock, in milliseconds
);

INSERT INTO clock VALUES ('clock', 0, 0);

-- Written by who has to know that all before is durable; any row will do, so that few meet at the same one.
CREATE TABLE settled (
    slot BIGINT PRIMARY KEY
);

CREATE TABLE server_keys (
    key_id      BIGINT PRIMARY KEY,
    check_value BYTEA NOT NULL,
    state       BIGINT NOT NULL    -- 0: accepted; 1: issuing, one key is; 2: revoked
);

-- What holds for all nodes, whatever each was started with.
CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE accounts (
    account_id    BYTEA PRIMARY KEY,
    email_address TEXT NOT NULL,
    email_key     TEXT NOT NULL UNIQUE,   -- the address in small letters (ASCII's)
    password_hash TEXT,
    api_key       BYTEA UNIQUE,
    is_locked     BOOLEAN NOT NULL,
    is_confirmed  BOOLEAN NOT NULL,
    callback_url  TEXT,
    locale        TEXT,
    revision      BIGINT NOT NULL,
    epoch         BIGINT NOT NULL
);

CREATE TABLE clients (
    client_id      TEXT PRIMARY KEY,
    owner          BYTEA NOT NULL,
    name           TEXT NOT NULL,
    domains        TEXT NOT NULL,
    event_callback_url    TEXT,
    can_insert_everywhere BOOLEAN NOT NULL,
    created_at     BIGINT NOT NULL,
    callback_url   TEXT,                  -- NULL: OAuth is not set up
    scopes         TEXT NOT NULL,
    is_approved    BOOLEAN NOT NULL,
    is_resource_server BOOLEAN NOT NULL,  -- then scopes are those whose tokens it may introspect
    switches       TEXT NOT NULL,         -- JSON: where the app leaves its profile
    rotation_since BIGINT,                -- NULL: the profile's choice; -1: off; else on since then
    secret         BYTEA,                 -- NULL beside a callback_url: a public client
    revision       BIGINT NOT NULL,
    epoch          BIGINT NOT NULL
);

CREATE INDEX clients_by_owner ON clients (owner, created_at);

CREATE TABLE codes (
    hash           BYTEA PRIMARY KEY,
    client_id      TEXT NOT NULL,
    account_id     BYTEA NOT NULL,
    redirect_uri   TEXT,
    code_challenge TEXT,
    client_epoch   BIGINT NOT NULL,
    account_epoch  BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    grant_id       BYTEA,                 -- what it became, once it was consumed
    redeemed_at    BIGINT
);

CREATE INDEX codes_by_expiry ON codes (expires_at);

CREATE TABLE sessions (
    hash           BYTEA PRIMARY KEY,
    account_id     BYTEA NOT NULL,
    account_epoch  BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    seen_at        BIGINT NOT NULL
);

-- A rotation changes no column of an index, so that with some room on each page it stays on its page.
CREATE TABLE grants (
    grant_id      BYTEA PRIMARY KEY,
    client_id     TEXT NOT NULL,
    account_id    BYTEA NOT NULL,
    client_epoch  BIGINT NOT NULL,
    account_epoch BIGINT NOT NULL,
    seed          BYTEA NOT NULL,
    created_at    BIGINT NOT NULL,
    is_imported   BOOLEAN NOT NULL,
    revision      BIGINT NOT NULL,
    generation    BIGINT NOT NULL,
    parent        BIGINT,
    issued_at     BIGINT NOT NULL,
    key_id        BIGINT NOT NULL,
    epoch         BIGINT NOT NULL,
    lifetime      BIGINT NOT NULL,
    is_seen       BOOLEAN NOT NULL,
    voids         BYTEA,                  -- 16 bytes each: from, to, until
    access_since  BIGINT,                 -- access tokens issued up to then were ended
    revoked_at    BIGINT
) WITH (fillfactor = 80);

CREATE INDEX live_grants ON grants (account_id, client_id) WHERE revoked_at IS NULL;

CREATE TABLE imported_tokens (
    hash     BYTEA PRIMARY KEY,
    grant_id BYTEA NOT NULL
);

-- Fixtures that were loaded once: loading them again brings nothing back.
CREATE TABLE fixtures (
    fingerprint BYTEA PRIMARY KEY
);
