"""IDLE (RFC 2177) announces deliveries, flags and expunges of others; prints how soon."""

import time

from server import BOB, deliver, login, ok

ROUNDS = 10
# The server promises 100 ms; a test machine may be busy with other things.
LIMIT = 1.0


def wait(session, ending):
    """Reads lines until one ends so."""
    while True:
        line = session.readline()
        assert line, "the server closed"
        if line.rstrip().endswith(ending):
            return line


idle, other = login(BOB), login(BOB)
count = int(ok(idle.select("INBOX"))[0])
ok(other.select("INBOX"))
tag = idle._new_tag()
idle.send(tag + b" IDLE\r\n")
assert idle.readline().startswith(b"+")

spans = []
for number in range(ROUNDS):
    deliver(f"idle {number}")
    start = time.monotonic()
    wait(idle, b"%d EXISTS" % (count + number + 1))
    spans.append(time.monotonic() - start)
assert max(spans) < LIMIT, spans

ok(other.noop())
start = time.monotonic()
ok(other.store("1", "+FLAGS", r"(\Flagged)"))
while b"\\Flagged" not in wait(idle, b")"):
    pass
flag = time.monotonic() - start
start = time.monotonic()
ok(other.store("1", "+FLAGS", r"(\Deleted)"))
ok(other.expunge())
wait(idle, b"* 1 EXPUNGE")
expunge = time.monotonic() - start
assert max(flag, expunge) < LIMIT, (flag, expunge)

idle.send(b"DONE\r\n")
wait(idle, b"")
print("IDLE: delivery announced after %.1f ms (median), %.1f ms (worst of %d); "
      "flag %.1f ms; expunge %.1f ms" % (1000 * sorted(spans)[ROUNDS // 2], 1000 * max(spans),
                                         ROUNDS, 1000 * flag, 1000 * expunge))
