-- What the homeserver knows an effect by: random, so that no older copy of this database makes the same again. Some
-- homeservers know a transaction by its device alone, whatever the room. What was tried under its old name keeps it.
ALTER TABLE outbox ADD COLUMN transaction_id TEXT;
UPDATE outbox SET transaction_id = coalesce((SELECT value FROM meta WHERE key = 'instance') || '.' || key, lower(hex(randomblob(16))))
    WHERE done IS NULL AND tried IS NOT NULL;
UPDATE outbox SET transaction_id = lower(hex(randomblob(16))) WHERE transaction_id IS NULL;

-- What has to be cured before an effect can be done: a room's id, or the account of an identity.
ALTER TABLE outbox ADD COLUMN waits_for TEXT;
CREATE INDEX outbox_waiting ON outbox (waits_for) WHERE done IS NULL AND waits_for IS NOT NULL;

-- How many entries of each type there ever were, which outlasts the entries.
CREATE TABLE audit_count (
    type    TEXT PRIMARY KEY,
    entries INTEGER NOT NULL
) STRICT;
INSERT INTO audit_count SELECT type, count(*) FROM audit GROUP BY type;
CREATE TRIGGER audit_counted AFTER INSERT ON audit BEGIN
    INSERT INTO audit_count VALUES (new.type, 1) ON CONFLICT (type) DO UPDATE SET entries = entries + 1;
END;

-- Effects in the audit told what was said, and so told codes.
UPDATE audit SET detail = json_remove(detail, '$.effect') WHERE type = 'effect_refused';
