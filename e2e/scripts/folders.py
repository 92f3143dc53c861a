"""imaplib: folders, their names in modified UTF-7, subscriptions, special uses."""

from server import BOB, login, ok, refused

ENTWURF = "Entw&APw-rfe"
TAIPEI = f"{ENTWURF}/&U,BTFw-"


def listed(rows):
    """By name: the attributes."""
    names = {}
    for row in ok(rows):
        if row:
            attributes, _, rest = row.decode("ascii").partition(") ")
            separator, _, name = rest.partition(" ")
            assert separator == '"/"', row
            names[name.strip('"')] = set(attributes.strip("(").split())
    return names


session = login(BOB)
folders = listed(session.list())
uses = {"Drafts": "\\Drafts", "Sent": "\\Sent", "Trash": "\\Trash", "Junk": "\\Junk",
        "Archive": "\\Archive"}
for name, use in uses.items():
    assert use in folders[name], (name, folders[name])
assert set(uses) | {"INBOX"} <= set(listed(session.lsub())), "made and subscribed"

ok(session.create(TAIPEI))
folders = listed(session.list())
assert "\\HasChildren" in folders[ENTWURF] and "\\HasNoChildren" in folders[TAIPEI], folders
assert set(listed(session.list('""', "%"))) >= {"INBOX", ENTWURF} and TAIPEI not in listed(session.list('""', "%"))
assert set(listed(session.list('""', f"{ENTWURF}/*"))) == {TAIPEI}
assert list(listed(session.list('""', '""'))) == [""], "the separator is asked for with an empty name"
ok(session.subscribe(TAIPEI))
assert TAIPEI in listed(session.lsub())
ok(session.append(TAIPEI, None, None, b"Subject: kept\r\n\r\nkept\r\n"))
ok(session.rename(ENTWURF, "Renamed"))
assert int(ok(session.select("Renamed/&U,BTFw-"))[0]) == 1, "the children move along"
ok(session.unselect())
ok(session.rename("Renamed", ENTWURF))

assert refused(session.create, "INBOX")
assert "ALREADYEXISTS" in refused(session.create, ENTWURF)
assert "NONEXISTENT" in refused(session.delete, "Absent")
assert refused(session.delete, "INBOX")
for wrong in ("&U,BTFw", "&AGE-", "a//b", "/a", "../a"):
    assert refused(session.create, f'"{wrong}"'), wrong
ok(session.create("inbox/Below"))
assert "INBOX/Below" in listed(session.list())
ok(session.delete("INBOX/Below"))

# RFC 9051 §6.3.6: a UIDVALIDITY is not used again under the same name.
def validity(name):
    answer = ok(session.status(name, "(UIDVALIDITY)"))[0]
    return int(answer.rpartition(b"UIDVALIDITY ")[2].strip(b")"))


ok(session.create("Twice"))
first = validity("Twice")
ok(session.delete("Twice"))
ok(session.create("Twice"))
assert validity("Twice") > first
namespace = ok(session.namespace())[0]
assert namespace.startswith(b'(("" "/"))'), namespace
session.logout()
