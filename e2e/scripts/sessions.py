"""imaplib: several sessions on one mailbox see each other's changes, where they may be told."""

from server import BOB, login, ok


def news(session):
    """What NOOP brings: (number, what) in order."""
    for kind in ("EXISTS", "EXPUNGE", "FETCH", "RECENT"):
        session.untagged_responses.pop(kind, None)
    ok(session.noop())
    return {kind: [row.decode() for row in rows if isinstance(row, bytes)]
            for kind, rows in session.untagged_responses.items()}


def text(number):
    return f"Subject: number {number}\r\n\r\nbody {number}\r\n".encode()


one, two = login(BOB), login(BOB)
for number in range(5):
    ok(one.append("Archive", None, None, text(number)))
assert ok(one.select("Archive")) == [b"5"] == ok(two.select("Archive"))

ok(one.append("Archive", None, None, text(5)))
assert news(two)["EXISTS"] == ["6"]

ok(one.store("2", "+FLAGS", r"(\Flagged)"))
assert any(row.startswith("2 ") and "\\Flagged" in row for row in news(two)["FETCH"])

ok(one.store("1:3", "+FLAGS", r"(\Deleted)"))
ok(one.expunge())
# RFC 9051 §7.5.1: while another session uses numbers, nothing is renumbered under it.
found = ok(two.search(None, "SUBJECT", '"number 1"'))
assert "EXPUNGE" not in two.untagged_responses, two.untagged_responses
assert found == [b"2"], found
# Until then the bodies of what is gone can be read.
parts = [part for part in ok(two.fetch("2", "(BODY.PEEK[TEXT])")) if isinstance(part, tuple)]
assert b"body 1" in parts[0][1], parts
gone = news(two)["EXPUNGE"]
assert gone == ["1", "1", "1"] or gone == ["3", "2", "1"], gone
assert ok(two.search(None, "ALL")) == [b"1 2 3"]

# A session that has the mailbox read-only sees the same.
three = login(BOB)
ok(three.select("Archive", readonly=True))
ok(two.store("1", "+FLAGS", "($Forwarded)"))
assert any("$Forwarded" in row for row in news(three)["FETCH"])
for session in (one, two, three):
    session.logout()
