#!/usr/bin/env python3
"""A mail server for the tests: STARTTLS and AUTH required, some receivers refused, every letter's DKIM signature checked.

Prints its port, then one JSON line a letter: what a receiver would see. Ends when its standard input closes.

    python3 tests/mail/peer.py tests/data/smtp

Receivers: busy@… is told 451, gone@… 550 5.1.1, spam@… 554 5.7.1 after the letter; the others are taken.
"""

import email
import email.policy
import json
import pathlib
import ssl
import sys

import dkim
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

LOGIN = LoginPassword(b"kept", b"correct horse")


class Handler:
    def __init__(self, public: bytes):
        self.public = public

    async def handle_RCPT(self, server, session, envelope, address, options):
        local = address.split("@")[0]
        if local == "busy":
            return "451 4.3.0 try again later"
        if local == "gone":
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        raw = envelope.content
        letter = email.message_from_bytes(raw, policy=email.policy.default)
        verdict = dkim.verify(raw, dnsfunc=lambda name, timeout=5: b"v=DKIM1; k=rsa; p=" + self.public)
        changed = raw.replace(b"One-Click", b"One-Clock")
        text = letter.get_body(("plain",))
        html = letter.get_body(("html",))
        print(
            json.dumps(
                {
                    "to": envelope.rcpt_tos,
                    "from": envelope.mail_from,
                    "tls": session.ssl is not None,
                    "user": bool(session.authenticated),
                    "dkim": verdict,
                    "dkim_of_a_changed_letter": dkim.verify(
                        changed, dnsfunc=lambda name, timeout=5: b"v=DKIM1; k=rsa; p=" + self.public
                    ),
                    "headers": {name.lower(): str(value) for name, value in letter.items()},
                    "text": text.get_content() if text else None,
                    "html": html.get_content() if html else None,
                    "defects": [str(defect) for part in letter.walk() for defect in part.defects],
                }
            ),
            flush=True,
        )
        if any(address.startswith("spam@") for address in envelope.rcpt_tos):
            return "554 5.7.1 looks like spam"
        return "250 2.0.0 taken"


class OnAnyPort(Controller):
    """Listens wherever there is room; the library asks its first question at the port that was wished for."""

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


def authenticate(server, session, envelope, mechanism, data):
    return AuthResult(success=data == LOGIN, handled=False)


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    handler = Handler((folder / "dkim.pub").read_bytes().strip())
    controller = OnAnyPort(
        handler,
        hostname="127.0.0.1",
        port=0,
        tls_context=context,
        require_starttls=True,
        auth_required=True,
        auth_require_tls=True,
        authenticator=authenticate,
    )
    controller.start()
    print(controller.port, flush=True)
    sys.stdin.read()
    controller.stop()


if __name__ == "__main__":
    main()
