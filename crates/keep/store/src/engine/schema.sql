-- The index of the log. Every row here can be made again from the log, but for the journal lines
-- of refusals, which are written without a record.

-- One row: the format, the end of the log that is applied, and the identifiers given last.
CREATE TABLE meta (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    format INTEGER NOT NULL,
    segment INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    account INTEGER NOT NULL,
    mailbox INTEGER NOT NULL,
    email INTEGER NOT NULL,
    blob INTEGER NOT NULL,
    entry INTEGER NOT NULL,
    lease INTEGER NOT NULL
);

-- target: the domain that an alias stands for.
CREATE TABLE domain (
    name TEXT PRIMARY KEY,
    kind INTEGER NOT NULL,
    catch_all TEXT,
    target TEXT
) WITHOUT ROWID;

-- used, messages: over all placements. mod_seq: the highest given. uid_validity: the highest
-- given; outlives the mailboxes that had it.
CREATE TABLE account (
    id INTEGER PRIMARY KEY,
    address TEXT NOT NULL UNIQUE,
    quota INTEGER,
    is_enabled INTEGER NOT NULL,
    used INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    mod_seq INTEGER NOT NULL,
    uid_validity INTEGER NOT NULL
);

CREATE TABLE credential (
    account INTEGER NOT NULL,
    name TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (account, name)
) WITHOUT ROWID;

CREATE TABLE alias (
    address TEXT PRIMARY KEY
) WITHOUT ROWID;

CREATE TABLE alias_member (
    address TEXT NOT NULL,
    place INTEGER NOT NULL,
    member TEXT NOT NULL,
    PRIMARY KEY (address, place)
) WITHOUT ROWID;

-- name: components joined by '/'. keywords: joined by spaces, in the order of their numbers.
-- messages, unseen, deleted, octets: over its placements. expunge_floor: below it expunged rows
-- have been forgotten.
CREATE TABLE mailbox (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL,
    name TEXT NOT NULL,
    uid_validity INTEGER NOT NULL,
    uid_next INTEGER NOT NULL,
    mod_seq INTEGER NOT NULL,
    expunge_floor INTEGER NOT NULL,
    special_use INTEGER,
    keywords TEXT NOT NULL,
    messages INTEGER NOT NULL,
    unseen INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    octets INTEGER NOT NULL
);
CREATE UNIQUE INDEX mailbox_name ON mailbox (account, name);

CREATE TABLE subscription (
    account INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (account, name)
) WITHOUT ROWID;

-- Kept bytes: in the log behind their record, or in a segment of their own.
CREATE TABLE blob (
    id INTEGER PRIMARY KEY,
    segment INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    octets INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    is_spooled INTEGER NOT NULL
);
CREATE INDEX blob_spooled ON blob (segment) WHERE is_spooled = 1;

-- The wide row. placements: how many it has; orphaned: when the last one went.
CREATE TABLE message (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL,
    placements INTEGER NOT NULL,
    orphaned INTEGER,
    blob INTEGER NOT NULL,
    received INTEGER NOT NULL,
    rendering BLOB NOT NULL,
    parsed BLOB NOT NULL
);

-- The narrow row. keywords_n: bits of the keywords numbered 64 n to 64 n + 63.
CREATE TABLE placement (
    mailbox INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    account INTEGER NOT NULL,
    email INTEGER NOT NULL,
    mod_seq INTEGER NOT NULL,
    octets INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    keywords_0 INTEGER NOT NULL,
    keywords_1 INTEGER NOT NULL,
    keywords_2 INTEGER NOT NULL,
    keywords_3 INTEGER NOT NULL,
    received INTEGER NOT NULL,
    PRIMARY KEY (mailbox, uid)
) WITHOUT ROWID;
CREATE INDEX placement_mod_seq ON placement (mailbox, mod_seq);

-- UIDs that went, as ranges.
CREATE TABLE expunged (
    mailbox INTEGER NOT NULL,
    mod_seq INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    account INTEGER NOT NULL,
    PRIMARY KEY (mailbox, mod_seq, first)
) WITHOUT ROWID;

-- The feed of an account: one row for each MODSEQ. kind: the tag of the change in the log;
-- uids: of the mailbox, as the log codes them; old: what was there before, where a change
-- overwrote it.
CREATE TABLE change (
    account INTEGER NOT NULL,
    mod_seq INTEGER NOT NULL,
    time INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    mailbox INTEGER,
    uids BLOB,
    old BLOB,
    PRIMARY KEY (account, mod_seq)
) WITHOUT ROWID;

-- due: when it may be taken; a lease moves it. members: of an expansion, as the log codes them.
CREATE TABLE queue_entry (
    id INTEGER PRIMARY KEY,
    arrival INTEGER NOT NULL,
    blob INTEGER NOT NULL,
    octets INTEGER NOT NULL,
    reverse_path TEXT NOT NULL,
    recipient TEXT NOT NULL,
    next_hop BLOB NOT NULL,
    created INTEGER NOT NULL,
    due INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    is_held INTEGER NOT NULL,
    status TEXT NOT NULL,
    lease INTEGER NOT NULL,
    dsn BLOB NOT NULL,
    rendering BLOB NOT NULL
);

CREATE TABLE journal (
    id INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    session INTEGER NOT NULL,
    arrival INTEGER,
    message_id TEXT,
    room TEXT NOT NULL,
    what TEXT NOT NULL,
    sender TEXT,
    recipient TEXT,
    verdict TEXT NOT NULL,
    reply TEXT,
    next_hop TEXT,
    peer TEXT,
    elapsed_us INTEGER NOT NULL
);
CREATE INDEX journal_arrival ON journal (arrival) WHERE arrival IS NOT NULL;

CREATE TABLE arrival (
    id INTEGER PRIMARY KEY,
    time INTEGER NOT NULL
);
CREATE INDEX arrival_time ON arrival (time);

CREATE TABLE remembered (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    until INTEGER NOT NULL
) WITHOUT ROWID;
