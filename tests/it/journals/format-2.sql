-- A journal as massebrev wrote it in format 2: a sent, a rejected, a failed and an unknown letter, and an interrupted run.
PRAGMA journal_mode = WAL;
CREATE TABLE meta (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) STRICT;
CREATE TABLE deliveries (
    n INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    row INTEGER NOT NULL,
    line INTEGER NOT NULL,
    name TEXT NOT NULL,
    recipient TEXT NOT NULL,
    body BLOB,
    state TEXT NOT NULL,
    correspondence BLOB,
    attempts INTEGER NOT NULL DEFAULT 0,
    status INTEGER,
    code INTEGER,
    message TEXT,
    trace TEXT,
    first_at INTEGER,
    last_at INTEGER NOT NULL,
    accepted BLOB
) STRICT;
CREATE INDEX deliveries_by_row ON deliveries (row);
CREATE TABLE runs (
    n INTEGER PRIMARY KEY,
    rows INTEGER NOT NULL,
    earlier INTEGER NOT NULL,
    skipped INTEGER NOT NULL,
    invalid INTEGER NOT NULL,
    plan TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    ending TEXT,
    reason TEXT
) STRICT;
CREATE TABLE inputs (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    run INTEGER NOT NULL,
    digest BLOB,
    PRIMARY KEY (kind, name, run)
) STRICT, WITHOUT ROWID;
CREATE TABLE attachments (
    identity BLOB PRIMARY KEY NOT NULL,
    id BLOB NOT NULL,
    state TEXT NOT NULL,
    digest BLOB NOT NULL,
    resource TEXT NOT NULL,
    file_name TEXT NOT NULL,
    senders_reference TEXT NOT NULL
) STRICT, WITHOUT ROWID;
PRAGMA application_id = 1651664246;
INSERT INTO meta VALUES
    ('format', '2'), ('mailing', 'small'), ('environment', 'tt02'), ('resource', 'example-advice'), ('manifest', 'mailing.yaml'),
    ('began', '2026-11-03T12:00:00.123456789Z'), ('program', '0.1.0');
INSERT INTO deliveries (key, row, line, name, recipient, body, state, correspondence, attempts, status, code, message, trace, first_at, last_at) VALUES
    (x'00000000000000010000000000000001', 1, 2, '1', '991825827', zeroblob(32), 'sent', x'00000000000000000000000000000007', 1, NULL, NULL, NULL, NULL, 1793700001000, 1793700002000),
    (x'00000000000000020000000000000002', 2, 3, '2', '310244007', zeroblob(32), 'rejected', NULL, 1, 400, 1006, 'no such recipient', '00-abc-01', 1793700001000, 1793700002000),
    (x'00000000000000030000000000000003', 3, 4, '3', '974760673', zeroblob(32), 'failed', NULL, 4, 503, NULL, 'busy', NULL, 1793700001000, 1793700002000),
    (x'00000000000000040000000000000004', 4, 5, '4', '078271*****', zeroblob(32), 'unknown', NULL, 4, NULL, NULL, 'no answer', NULL, 1793700001000, 1793700002000);
INSERT INTO runs VALUES (1, 5, 0, 0, 0, 'sha256:ab', 1793700000000, 1793700003000, 'interrupted', NULL);
INSERT INTO attachments VALUES (x'00000000000000080000000000000008', x'00000000000000090000000000000009', 'published', zeroblob(32), 'example-advice', 'terms.pdf', 'terms');
