"""An SMTP server that keeps what it is sent; as much of RFC 5321 as a plain client needs."""

import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from threading import Thread

_ANSWERS = {b"EHLO": b"250 tests", b"HELO": b"250 tests", b"QUIT": b"221 bye"}


class SmtpServer(socketserver.ThreadingTCPServer):
    """Listens on a free port of the loopback interface; `mails` are those received so far."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.mails: list[EmailMessage] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def texts(self) -> list[str]:
        """Give the decoded text of each mail."""
        return [
            part.get_content()
            for mail in self.mails
            for part in mail.walk()
            if part.get_content_maintype() == "text"
        ]

    @property
    def connection(self) -> str:
        """The server as an Airflow connection, in the form of AIRFLOW_CONN_SMTP_DEFAULT."""
        return (
            f"smtp://127.0.0.1:{self.port}"
            "?disable_ssl=true&disable_tls=true&from_email=airflow%40example.org"
        )


class _Session(socketserver.StreamRequestHandler):
    server: SmtpServer

    def handle(self) -> None:
        self._say(b"220 tests")
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"DATA":
                self._say(b"354 go on")
                self._keep()
            self._say(_ANSWERS.get(word, b"250 ok"))
            if word == b"QUIT":
                return

    def _keep(self) -> None:
        lines = iter(self.rfile.readline, b".\r\n")
        mail = message_from_bytes(b"".join(lines), policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.server.mails.append(mail)

    def _say(self, words: bytes) -> None:
        self.wfile.write(words + b"\r\n")


@contextmanager
def smtp_server() -> Iterator[SmtpServer]:
    """Run a server for the length of a block."""
    with SmtpServer() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
