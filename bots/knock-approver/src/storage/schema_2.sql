-- Which event a sent message became: what of ours in an encrypted room is not among these, and cannot be read, is the
-- message whose answer was lost.
ALTER TABLE outbox ADD COLUMN event TEXT;
