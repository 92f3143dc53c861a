"""imaplib: a client that was away catches up by QRESYNC (RFC 7162)."""

import re

from server import BOB, login, ok


def numbers(text):
    """The numbers of a set such as 1:3,7."""
    for part in text.split(","):
        first, _, last = part.partition(":")
        yield from range(int(first), int(last or first) + 1)


def rows(session):
    """FETCH rows as they came since the last command: {UID: (flags, MODSEQ)}."""
    found = {}
    for row in session.response("FETCH")[1]:
        if row is None:
            continue
        row = row.decode()
        uid = int(re.search(r"UID (\d+)", row)[1])
        flags = frozenset(re.search(r"FLAGS \(([^)]*)\)", row)[1].split()) - {"\\Recent"}
        found[uid] = flags
    return found


def number(session, code):
    """The number of a response code, of the last response that had it."""
    return int(session.response(code)[1][-1])


def vanished(session):
    """What VANISHED tells: (how it begins, UIDs)."""
    found = set()
    for row in session.response("VANISHED")[1]:
        if row is not None:
            found |= set(numbers(row.decode().removeprefix("(EARLIER) ")))
    return found


def resumed(known):
    """A new session that comes back to Archive with what is known of it."""
    session = login(BOB)
    session.enable("QRESYNC")
    session.untagged_responses.clear()
    ok(session._simple_command("SELECT", "Archive", known))
    session.state = "SELECTED"
    return session


def all_flags():
    """What a client finds that knows nothing."""
    session = login(BOB)
    ok(session.select("Archive", readonly=True))
    ok(session._simple_command("UID", "FETCH", "1:*", "(FLAGS)"))
    found = rows(session)
    session.logout()
    return found


session = login(BOB)
capabilities = set(ok(session.capability())[0].decode().upper().split())
assert {"CONDSTORE", "QRESYNC"} <= capabilities, capabilities
for place in range(8):
    ok(session.append("Archive", None, None, b"Subject: %d\r\n\r\nbody\r\n" % place))
session.enable("QRESYNC")
ok(session.select("Archive"))
validity = number(session, "UIDVALIDITY")
highest = number(session, "HIGHESTMODSEQ")
ok(session._simple_command("UID", "FETCH", "1:*", "(FLAGS)"))
memory = rows(session)
assert len(memory) == 8, memory
first = min(memory)
session.shutdown()

# Meanwhile another client works.
other = login(BOB)
ok(other.select("Archive"))
ok(other.store("2,5", "+FLAGS.SILENT", r"(\Deleted)"))
ok(other.expunge())
ok(other.store("1", "+FLAGS", r"(\Seen $Forwarded)"))
for place in range(2):
    ok(other.append("Archive", None, None, b"Subject: later %d\r\n\r\nbody\r\n" % place))

# One round trip, and the two agree.
session = resumed(f"(QRESYNC ({validity} {highest} {first}:{max(memory)}))")
gone, changed = vanished(session), rows(session)
assert gone == {first + 1, first + 4}, gone
assert changed == {first: {"\\Seen", "$Forwarded"}}, changed
memory = {uid: flags for uid, flags in memory.items() if uid not in gone} | changed
highest = number(session, "HIGHESTMODSEQ")
ok(session._simple_command("UID", "FETCH", f"{max(memory) + 1}:*", "(FLAGS)"))
memory |= rows(session)
assert memory == all_flags(), memory

# What goes from now on is told by UID, and each time up to where the client is.
ok(other.store("3", "+FLAGS.SILENT", r"(\Deleted)"))
ok(other.expunge())
session.untagged_responses.clear()
ok(session.noop())
gone = vanished(session)
assert len(gone) == 1 and gone < set(memory), gone
assert number(session, "HIGHESTMODSEQ") > highest
highest = None

# The server forgets nothing when nobody is connected, and says nothing twice.
session.untagged_responses.clear()
ok(session.noop())
assert "VANISHED" not in session.untagged_responses, session.untagged_responses
session.logout()
other.logout()
