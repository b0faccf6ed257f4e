-- People who verify the bot by comparing emoji. Another process (`knock-approver verify`) reads what is shown and writes what a person
-- says to it.
CREATE TABLE verification (
    id      INTEGER PRIMARY KEY,
    role    TEXT NOT NULL,
    mxid    TEXT NOT NULL,
    device  TEXT NOT NULL,
    flow    TEXT NOT NULL,              -- its id, as both devices know it
    emoji   TEXT,                       -- JSON, NULL until there is something to compare
    same    INTEGER,                    -- what a person said, NULL until then
    ended   TEXT,                       -- how it ended, NULL until then
    created INTEGER NOT NULL,
    UNIQUE (role, mxid, flow)
) STRICT;
