/**
 * The schema of the store, one numbered migration after another; `PRAGMA user_version` says how many have run. Pure text.
 * Never change one that was released: add the next.
 */
export const MIGRATIONS: readonly string[] = [
  `
  -- epoch, fence_reserved, next_seq (kept when the log is empty), runs (rises with every change of live segments)
  CREATE TABLE meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;

  -- The journal. A commit is one or more rows; body: entries in order (entry.ts); at: newest arrival, wall ms.
  CREATE TABLE log (seq INTEGER PRIMARY KEY, next_seq INTEGER NOT NULL, at INTEGER NOT NULL, body BLOB NOT NULL);

  -- Sorted runs over pieces of the log. state: 0 being written, 1 complete, 2 dead.
  CREATE TABLE segment (
    id INTEGER PRIMARY KEY, level INTEGER NOT NULL, state INTEGER NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,
    min_time INTEGER, max_time INTEGER, entries INTEGER NOT NULL
  );
  -- One row per device of a segment (more when it has very many entries). key: level, segment, device, part (run_key.ts).
  CREATE TABLE run (
    key INTEGER PRIMARY KEY, device INTEGER NOT NULL, part INTEGER NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,
    min_time REAL, max_time REAL, refs BLOB NOT NULL
  );

  -- Devices as of their own mark; entries above it are folded in again at start.
  CREATE TABLE device (
    no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, mark INTEGER NOT NULL DEFAULT 0, floor INTEGER NOT NULL DEFAULT 0,
    connected INTEGER NOT NULL DEFAULT 0, fence INTEGER NOT NULL DEFAULT 0, transport TEXT NOT NULL DEFAULT 'tcp',
    address TEXT NOT NULL DEFAULT '', port INTEGER NOT NULL DEFAULT 0, client_instance TEXT NOT NULL DEFAULT '',
    since INTEGER NOT NULL DEFAULT 0, last_seen_at INTEGER NOT NULL DEFAULT 0, last_byte_at INTEGER NOT NULL DEFAULT 0,
    records INTEGER NOT NULL DEFAULT 0, newest INTEGER NOT NULL DEFAULT 0,
    position_seq INTEGER, position_time INTEGER, position_codec INTEGER, position_bytes BLOB, coverage BLOB
  );

  -- Takeovers side by side; seq: of the replaced event.
  CREATE TABLE takeover (seq INTEGER PRIMARY KEY, device INTEGER NOT NULL, at INTEGER NOT NULL, json TEXT NOT NULL);
  CREATE INDEX takeover_by_device ON takeover (device, seq);

  -- Frames with a valid CRC that could not be decoded.
  CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY, device INTEGER NOT NULL, hash TEXT NOT NULL, reason TEXT NOT NULL, codec INTEGER NOT NULL,
    first_at INTEGER NOT NULL, last_at INTEGER NOT NULL, count INTEGER NOT NULL, released INTEGER NOT NULL DEFAULT 0, bytes BLOB NOT NULL,
    UNIQUE (device, hash)
  );
  CREATE INDEX quarantine_by_age ON quarantine (last_at);
  -- The newest frames with a wrong CRC.
  CREATE TABLE crc_failure (id INTEGER PRIMARY KEY, device INTEGER NOT NULL, at INTEGER NOT NULL, bytes BLOB NOT NULL);
  `,
  `
  -- A takeover is found by the connection that lost the device. evidence: what became of that one, NULL until it is known.
  ALTER TABLE takeover ADD COLUMN old_fence INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE takeover ADD COLUMN evidence TEXT;
  UPDATE takeover SET old_fence = coalesce(json_extract(json, '$.old.fence'), 0);
  DROP INDEX takeover_by_device;
  CREATE INDEX takeover_by_fence ON takeover (device, old_fence);

  -- Two live devices with one identity; seq: of the conflict event.
  CREATE TABLE conflict (seq INTEGER PRIMARY KEY, device INTEGER NOT NULL, at INTEGER NOT NULL, acknowledged_at INTEGER, json TEXT NOT NULL);
  `,
  `
  -- Fences of the device's open connections below the newest, as JSON; NULL: none.
  ALTER TABLE device ADD COLUMN older TEXT;
  `,
  `
  -- Commands to devices. seq: of its newest event; fence: of the connection it was given to; ended_at: NULL until it has ended.
  CREATE TABLE command (
    no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, seq INTEGER NOT NULL, device INTEGER NOT NULL, key TEXT, codec INTEGER NOT NULL, text TEXT NOT NULL,
    created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, timeout_ms INTEGER NOT NULL, state TEXT NOT NULL, fence INTEGER,
    written_at INTEGER, ended_at INTEGER, response TEXT, reason TEXT
  );
  CREATE UNIQUE INDEX command_by_key ON command (device, key) WHERE key IS NOT NULL;
  CREATE INDEX command_live ON command (no) WHERE ended_at IS NULL;
  `,
  `
  -- Configurations of devices, JSON. seq: of the event that made it. state: pending until its device has applied it, or said that it
  -- cannot; said_seq: of the event that says so, with its time, fence and reason.
  CREATE TABLE config (
    device INTEGER NOT NULL, version INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, state TEXT NOT NULL, said_seq INTEGER,
    said_at INTEGER, fence INTEGER, reason TEXT, value TEXT NOT NULL, PRIMARY KEY (device, version)
  ) WITHOUT ROWID;
  `,
  `
  -- fence, address, port: of the connection that sent the frame first; address NULL: not known. released_at: since when it is
  -- acknowledged. replayed_at: when it was decoded again, with how many records, of which how many were ever new.
  ALTER TABLE quarantine ADD COLUMN fence INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE quarantine ADD COLUMN address TEXT;
  ALTER TABLE quarantine ADD COLUMN port INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE quarantine ADD COLUMN released_at INTEGER;
  ALTER TABLE quarantine ADD COLUMN replayed_at INTEGER;
  ALTER TABLE quarantine ADD COLUMN replayed_records INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE quarantine ADD COLUMN replayed_stored INTEGER NOT NULL DEFAULT 0;
  `,
  `
  -- The commands of one device, newest first.
  CREATE INDEX command_of_device ON command (device, no);
  -- The frames that stand in their device's way (HELD in quarantine.ts).
  CREATE INDEX quarantine_held ON quarantine (id) WHERE (released = 0 AND replayed_records = 0);
  `,
];

/** File name of the store inside the data directory. */
export const STORE_FILE = "berth.db";
