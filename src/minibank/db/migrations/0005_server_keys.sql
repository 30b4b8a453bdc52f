-- The server keys that the bank has worked with, by fingerprint only: a start with another key is
-- refused. The one with the highest number is in force.

CREATE TABLE server_keys (
    number BIGINT NOT NULL PRIMARY KEY,
    fingerprint TEXT COLLATE "C" NOT NULL,
    first_used_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX server_keys_fingerprint ON server_keys (fingerprint);
