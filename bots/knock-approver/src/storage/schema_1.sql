-- All times are Unix milliseconds.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- Where each identity's sync stands.
CREATE TABLE position (
    role     TEXT PRIMARY KEY,
    position TEXT NOT NULL
) STRICT;

CREATE TABLE code (
    code           TEXT PRIMARY KEY,
    kind           TEXT NOT NULL CHECK (kind IN ('knock', 'signup')),
    label          TEXT NOT NULL DEFAULT '',
    inviter        TEXT,
    uses_remaining INTEGER NOT NULL CHECK (uses_remaining >= 0),
    revoked        INTEGER NOT NULL DEFAULT 0,
    created        INTEGER NOT NULL
) STRICT;

CREATE TABLE vetting (
    id            INTEGER PRIMARY KEY,
    knock         TEXT UNIQUE,          -- the knock's event id; an imported room has none
    mxid          TEXT NOT NULL,
    code          TEXT NOT NULL,
    room_id       TEXT UNIQUE,          -- NULL until it is made
    title         TEXT,
    keyword       TEXT,
    tries_left    INTEGER NOT NULL,
    display_name  TEXT,
    created       INTEGER NOT NULL,
    promoted      INTEGER,              -- when
    closed        INTEGER,              -- when
    closed_reason TEXT
) STRICT;
CREATE INDEX vetting_open ON vetting (mxid) WHERE closed IS NULL;

CREATE TABLE lobby (
    id            INTEGER PRIMARY KEY,
    role          TEXT NOT NULL,        -- which identity made it
    room_id       TEXT UNIQUE,          -- NULL until it is made
    alias         TEXT NOT NULL UNIQUE, -- the local part
    code          TEXT NOT NULL,
    title         TEXT NOT NULL DEFAULT '', -- empty while it is being fetched
    keyword       TEXT NOT NULL DEFAULT '',
    created       INTEGER NOT NULL,
    promoted      INTEGER,
    promoted_user TEXT,
    closed        INTEGER,
    closed_reason TEXT
) STRICT;

CREATE TABLE lobby_user (
    lobby        INTEGER NOT NULL REFERENCES lobby (id) ON DELETE CASCADE,
    mxid         TEXT NOT NULL,
    tries        INTEGER NOT NULL DEFAULT 0,
    display_name TEXT,
    challenged   INTEGER,               -- when the challenge was posted to this user
    resends      INTEGER NOT NULL DEFAULT 0,
    answered     INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (lobby, mxid)
) STRICT;

-- What was announced: the row is written with the message, so that neither can be there alone.
CREATE TABLE announcement (
    key     TEXT PRIMARY KEY,
    created INTEGER NOT NULL
) STRICT;

-- What came in, and what is due at a time. A row's key is the event's id, so that no event is taken twice.
CREATE TABLE inbox (
    id      INTEGER PRIMARY KEY,
    key     TEXT NOT NULL UNIQUE,
    lane    TEXT NOT NULL,
    payload TEXT NOT NULL,
    due     INTEGER NOT NULL,
    created INTEGER NOT NULL,
    tried   TEXT,
    done    INTEGER
) STRICT;
CREATE INDEX inbox_pending ON inbox (lane, due, id) WHERE done IS NULL;

-- What must go out, each exactly once. `key` is also the transaction id; `tried` is the device that last tried.
CREATE TABLE outbox (
    id      INTEGER PRIMARY KEY,
    key     TEXT NOT NULL UNIQUE,
    lane    TEXT NOT NULL,
    payload TEXT NOT NULL,
    due     INTEGER NOT NULL,
    created INTEGER NOT NULL,
    tried   TEXT,
    done    INTEGER
) STRICT;
CREATE INDEX outbox_pending ON outbox (lane, due, id) WHERE done IS NULL;

CREATE TABLE audit (
    id     INTEGER PRIMARY KEY,
    ts     INTEGER NOT NULL,
    type   TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;
CREATE INDEX audit_type ON audit (type);
