-- How much there is of what, kept up by triggers: counting anew would take longer the more there is.
CREATE TABLE tally (
    what  TEXT PRIMARY KEY,
    count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO tally (what, count) VALUES
    ('inbox', (SELECT count(*) FROM inbox WHERE done IS NULL)),
    ('outbox', (SELECT count(*) FROM outbox WHERE done IS NULL)),
    ('vetting', (SELECT count(*) FROM vetting WHERE closed IS NULL)),
    ('lobby', (SELECT count(*) FROM lobby WHERE closed IS NULL));

CREATE TRIGGER inbox_put AFTER INSERT ON inbox WHEN NEW.done IS NULL BEGIN
    UPDATE tally SET count = count + 1 WHERE what = 'inbox';
END;
CREATE TRIGGER inbox_done AFTER UPDATE OF done ON inbox WHEN (OLD.done IS NULL) <> (NEW.done IS NULL) BEGIN
    UPDATE tally SET count = count + iif(NEW.done IS NULL, 1, -1) WHERE what = 'inbox';
END;
CREATE TRIGGER inbox_gone AFTER DELETE ON inbox WHEN OLD.done IS NULL BEGIN
    UPDATE tally SET count = count - 1 WHERE what = 'inbox';
END;

CREATE TRIGGER outbox_put AFTER INSERT ON outbox WHEN NEW.done IS NULL BEGIN
    UPDATE tally SET count = count + 1 WHERE what = 'outbox';
END;
CREATE TRIGGER outbox_done AFTER UPDATE OF done ON outbox WHEN (OLD.done IS NULL) <> (NEW.done IS NULL) BEGIN
    UPDATE tally SET count = count + iif(NEW.done IS NULL, 1, -1) WHERE what = 'outbox';
END;
CREATE TRIGGER outbox_gone AFTER DELETE ON outbox WHEN OLD.done IS NULL BEGIN
    UPDATE tally SET count = count - 1 WHERE what = 'outbox';
END;

CREATE TRIGGER vetting_opened AFTER INSERT ON vetting WHEN NEW.closed IS NULL BEGIN
    UPDATE tally SET count = count + 1 WHERE what = 'vetting';
END;
CREATE TRIGGER vetting_closed AFTER UPDATE OF closed ON vetting WHEN (OLD.closed IS NULL) <> (NEW.closed IS NULL) BEGIN
    UPDATE tally SET count = count + iif(NEW.closed IS NULL, 1, -1) WHERE what = 'vetting';
END;
CREATE TRIGGER vetting_gone AFTER DELETE ON vetting WHEN OLD.closed IS NULL BEGIN
    UPDATE tally SET count = count - 1 WHERE what = 'vetting';
END;

CREATE TRIGGER lobby_opened AFTER INSERT ON lobby WHEN NEW.closed IS NULL BEGIN
    UPDATE tally SET count = count + 1 WHERE what = 'lobby';
END;
CREATE TRIGGER lobby_closed AFTER UPDATE OF closed ON lobby WHEN (OLD.closed IS NULL) <> (NEW.closed IS NULL) BEGIN
    UPDATE tally SET count = count + iif(NEW.closed IS NULL, 1, -1) WHERE what = 'lobby';
END;
CREATE TRIGGER lobby_gone AFTER DELETE ON lobby WHEN OLD.closed IS NULL BEGIN
    UPDATE tally SET count = count - 1 WHERE what = 'lobby';
END;
