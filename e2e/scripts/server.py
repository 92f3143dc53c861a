"""The server under test, as the environment describes it."""

import imaplib
import os
import smtplib
import ssl

HOST = "127.0.0.1"
LIMIT = 30
ALICE = os.environ["ALICE"]
BOB = os.environ["BOB"]

imaplib.Commands["MOVE"] = ("SELECTED",)
imaplib.Commands["IDLE"] = ("SELECTED",)
imaplib.Commands["ID"] = ("NONAUTH", "AUTH", "SELECTED")


def tls():
    return ssl.create_default_context(cafile=os.environ["AUTHORITY"])


def port(role):
    return int(os.environ[role])


def password(account):
    return os.environ["ALICE_PASSWORD" if account == ALICE else "BOB_PASSWORD"]


def submissions():
    return smtplib.SMTP_SSL(HOST, port("SUBMISSIONS"), context=tls(), timeout=LIMIT)


def deliver(subject, to=BOB, sender="friend@client.example"):
    """Delivers a small message as another server would."""
    with smtplib.SMTP(HOST, port("SMTP"), timeout=LIMIT) as session:
        session.sendmail(sender, [to], f"Subject: {subject}\r\n\r\n{subject}\r\n".encode())


def login(account):
    session = imaplib.IMAP4_SSL(HOST, port("IMAPS"), ssl_context=tls(), timeout=LIMIT)
    ok(session.login(account, password(account)))
    return session


def ok(answer):
    kind, data = answer
    assert kind == "OK", answer
    return data


def refused(call, *arguments):
    """What the server says when it refuses."""
    try:
        kind, data = call(*arguments)
    except imaplib.IMAP4.error as error:
        return str(error)
    assert kind == "NO", (kind, data)
    return str(data)
