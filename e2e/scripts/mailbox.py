"""imaplib: fetch, store, search, append, copy, move, expunge in one session."""

import imaplib
import re
import time

from server import ALICE, BOB, deliver, login, ok, refused

TEXT = (b"From: Zo\xc3\xab <zoe@client.example>\r\n"
        b"To: bob@example.test\r\n"
        b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= from the south\r\n"
        b"Date: Tue, 1 Feb 2022 10:00:00 +0100\r\n"
        b"Message-ID: <one@client.example>\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nna\xc3\xafve text\r\n"
        b"--b\r\nContent-Type: application/octet-stream\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\nAAEC\r\n--b--\r\n")


def uids(session, *criteria):
    return [int(uid) for uid in ok(session.uid("SEARCH", *criteria))[0].split()]


def fetch(session, uid, items):
    """The text of the answer with its literals in place."""
    parts = ok(session.uid("FETCH", str(uid), items))
    return b"".join(b"\r\n".join(part) if isinstance(part, tuple) else part or b"" for part in parts)


def appended(answer):
    code = re.search(rb"\[APPENDUID (\d+) (\d+)\]", ok(answer)[-1])
    return int(code[2])


session = login(ALICE)
capabilities = set(ok(session.capability())[0].decode().upper().split())
assert {"IMAP4REV1", "IDLE", "UIDPLUS", "MOVE", "NAMESPACE", "UNSELECT", "SPECIAL-USE", "ENABLE",
        "CHILDREN", "ID"} <= capabilities, capabilities
ok(session.create("Work"))
when = 1_600_000_000
dated = imaplib.Time2Internaldate(when)
first = appended(session.append("Work", r"(\Seen $Label1)", dated, TEXT))
second = appended(session.append("Work", None, None, b"Subject: second\r\n\r\nbody of the second\r\n"))
assert second == first + 1
assert int(ok(session.select("Work"))[0]) == 2

flags = fetch(session, first, "(FLAGS INTERNALDATE RFC822.SIZE)")
assert rb"\Seen" in flags and b"$Label1" in flags, flags
assert b"RFC822.SIZE %d" % len(TEXT) in flags, flags
assert b"13-Sep-2020" in flags, flags
assert TEXT in fetch(session, first, "(BODY.PEEK[])")
assert TEXT[10:40] in fetch(session, first, "(BODY.PEEK[]<10.30>)")
assert b"na\xc3\xafve text" in fetch(session, first, "(BODY.PEEK[1])")
assert b"AAEC" in fetch(session, first, "(BODY.PEEK[2])")
assert b"application/octet-stream" in fetch(session, first, "(BODY.PEEK[2.MIME])").lower()
header = fetch(session, first, "(BODY.PEEK[HEADER.FIELDS (SUBJECT MESSAGE-ID)])")
assert b"from the south" in header and b"Date:" not in header, header
envelope = fetch(session, first, "(ENVELOPE)")
assert b'"zoe" "client.example"' in envelope and b'"<one@client.example>"' in envelope, envelope
structure = fetch(session, first, "(BODYSTRUCTURE)").lower()
assert b'"multipart"' not in structure and b'"mixed"' in structure, structure
assert b'"octet-stream"' in structure and b'"base64"' in structure, structure

# Reading without PEEK sets \Seen (RFC 9051 §6.4.5).
assert rb"\Seen" not in fetch(session, second, "(FLAGS)")
fetch(session, second, "(BODY[TEXT])")
assert rb"\Seen" in fetch(session, second, "(FLAGS)")

assert uids(session, "SUBJECT", '"from the south"') == [first]
assert uids(session, "FROM", "zoe") == [first]
assert uids(session, "BODY", '"of the second"') == [second]
assert uids(session, "TEXT", "south") == [first]
assert uids(session, "NOT", "SUBJECT", "second") == [first]
assert uids(session, "OR", "SUBJECT", "second", "FROM", "zoe") == [first, second]
assert uids(session, "SENTBEFORE", "1-Jan-2023", "SENTSINCE", "1-Jan-2022") == [first]
assert uids(session, "BEFORE", "1-Jan-2021") == [first]
assert uids(session, "LARGER", str(len(TEXT) - 1)) == [first]
assert uids(session, "KEYWORD", "$Label1") == [first]
assert uids(session, "HEADER", "MESSAGE-ID", "one@client") == [first]
assert uids(session, "UID", f"{second}:*") == [second]
session.literal = "Grüße".encode()
assert uids(session, "CHARSET", "UTF-8", "SUBJECT") == [first]

ok(session.uid("STORE", str(first), "+FLAGS", r"(\Flagged)"))
assert uids(session, "FLAGGED") == [first]
ok(session.uid("STORE", str(first), "-FLAGS", r"($Label1)"))
assert uids(session, "KEYWORD", "$Label1") == []
ok(session.uid("STORE", str(first), "FLAGS.SILENT", r"(\Answered)"))
kept = fetch(session, first, "(FLAGS)")
assert rb"\Answered" in kept and rb"\Flagged" not in kept, kept

ok(session.uid("COPY", f"{first},{second}", "Archive"))
ok(session.uid("MOVE", str(second), "Trash"))
assert uids(session, "ALL") == [first]
assert "TRYCREATE" in refused(session.uid, "COPY", str(first), "Absent")
ok(session.uid("STORE", str(first), "+FLAGS", r"(\Deleted)"))
ok(session.uid("EXPUNGE", str(first + 1000)))
assert uids(session, "ALL") == [first]
ok(session.expunge())
assert uids(session, "ALL") == []
ok(session.unselect())
assert int(ok(session.select("Archive", readonly=True))[0]) == 2
assert refused(session.uid, "STORE", "1:*", "+FLAGS", r"(\Seen)")
copied = uids(session, "FROM", "zoe")[0]
assert TEXT in fetch(session, copied, "(BODY.PEEK[])")
assert rb"\Answered" in fetch(session, copied, "(FLAGS)")
assert int(ok(session.select("Trash"))[0]) == 1

# UIDs are not used again.
third = appended(session.append("Work", None, None, TEXT))
assert third > second, (second, third)
assert ok(session.status("Work", "(MESSAGES UIDNEXT UNSEEN)"))[0].endswith(
    b"(MESSAGES 1 UIDNEXT %d UNSEEN 1)" % (third + 1))
ok(session.xatom("ID", '("name" "imaplib")'))
assert session.logout()[0] == "BYE"

# What arrives is recent, unseen and dated now.
deliver("just now")
reader = login(BOB)
ok(reader.select("INBOX"))
(uid,) = uids(reader, "SUBJECT", '"just now"', "UNSEEN")
dated = re.search(rb'INTERNALDATE "([^"]*)"', fetch(reader, uid, "(INTERNALDATE)"))[0]
arrived = time.mktime(imaplib.Internaldate2tuple(dated))
assert abs(time.time() - arrived) < 60, dated
reader.logout()
