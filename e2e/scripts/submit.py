"""smtplib: both doors of Submission, both mechanisms, refusals, several recipients."""

import email.message
import email.policy
import imaplib
import smtplib

from server import ALICE, BOB, HOST, LIMIT, login, ok, password, port, submissions, tls


def message(subject):
    made = email.message.EmailMessage()
    made["From"] = ALICE
    made["To"] = BOB
    made["Subject"] = subject
    made.set_content("Grüße\n.\n..dots\n")
    made.add_attachment(bytes(range(256)) * 64, maintype="application", subtype="octet-stream")
    return made


def refusal(call, *arguments):
    try:
        call(*arguments)
    except smtplib.SMTPResponseException as error:
        return error.smtp_code, error.smtp_error.decode()
    except smtplib.SMTPRecipientsRefused as error:
        code, text = next(iter(error.recipients.values()))
        return code, text.decode()
    raise AssertionError("it was not refused")


with submissions() as session:
    session.ehlo()
    for extension in ("pipelining", "size", "8bitmime", "smtputf8", "chunking",
                      "enhancedstatuscodes", "auth"):
        assert session.has_extn(extension), extension
    assert not session.has_extn("starttls"), "STARTTLS is offered inside TLS"
    session.login(ALICE, password(ALICE))
    assert session.send_message(message("implicit")) == {}
    assert session.send_message(message("again in one session")) == {}
    three = f"From: {ALICE}\r\nSubject: three\r\n\r\nx\r\n".encode()
    refused = session.sendmail(ALICE, [BOB, "nobody@example.test", ALICE], three)
    assert refused.keys() == {"nobody@example.test"}, refused
    assert session.verify(BOB)[0] == 252
    assert session.docmd("EXPN", "all")[0] == 502
    assert session.noop()[0] == 250
    assert session.rset()[0] == 250
    away = three.replace(b"Subject: three", b"Subject: away")
    assert session.sendmail(ALICE, ["x@remote.example"], away) == {}, "mail for elsewhere"

with smtplib.SMTP(HOST, port("SUBMISSION"), timeout=LIMIT) as session:
    session.ehlo()
    assert not session.has_extn("auth"), "AUTH is offered without TLS"
    session.starttls(context=tls())
    session.ehlo()
    session.user = ALICE
    session.password = password(ALICE)
    session.auth("LOGIN", session.auth_login)
    session.send_message(message("starttls"))

with submissions() as session:
    code, text = refusal(session.login, ALICE, "wrong")
    assert (code, text[:5]) == (535, "5.7.8"), (code, text)
    assert session.docmd("MAIL", f"FROM:<{ALICE}>")[0] == 530

with login(BOB) as reader:
    ok(reader.select("INBOX"))
    for subject in ("implicit", "again in one session", "starttls"):
        (found,) = ok(reader.search(None, "SUBJECT", f'"{subject}"'))
        assert len(found.split()) == 1, (subject, found)
        kept = email.message_from_bytes(
            ok(reader.fetch(found, "(BODY.PEEK[])"))[0][1], policy=email.policy.default)
        assert kept["Message-ID"] and kept["Date"], kept.items()
        text, attachment = kept.iter_parts()
        assert text.get_content().splitlines() == ["Grüße", ".", "..dots"], text.get_content()
        assert attachment.get_content() == bytes(range(256)) * 64
    (found,) = ok(reader.search(None, "SUBJECT", "three"))
    assert len(found.split()) == 1
with login(ALICE) as reader:
    ok(reader.select("INBOX"))
    (found,) = ok(reader.search(None, "SUBJECT", "three"))
    assert len(found.split()) == 1

# STARTTLS is required before login on the clear port.
reader = imaplib.IMAP4(HOST, port("IMAP"), timeout=LIMIT)
assert "LOGINDISABLED" in reader.capabilities, reader.capabilities
try:
    reader.login(BOB, password(BOB))
    raise AssertionError("a password was taken without TLS")
except imaplib.IMAP4.error:
    pass
ok(reader.starttls(ssl_context=tls()))
ok(reader.authenticate("PLAIN", lambda _: f"\0{BOB}\0{password(BOB)}".encode()))
ok(reader.select("INBOX"))
ok(reader.noop())
reader.logout()
