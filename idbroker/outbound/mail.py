"""Mail, where SMTP is configured. One plain text to a few addresses; every failure is one exception."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Literal, Protocol

TIMEOUT = 15
"""Seconds."""

Security = Literal["starttls", "tls", "none"]


class NotMailed(Exception):
    """The server did not take the message. The text holds no secret."""


class Mailer(Protocol):
    def send(self, to: Sequence[str], subject: str, text: str) -> None:
        """Raises NotMailed."""
        ...


@dataclass(frozen=True)
class SmtpMailer:
    """``security``: ``starttls`` insists on it; ``none`` is for a relay on the same machine."""

    host: str
    port: int
    sender: str
    security: Security
    user: str | None = None
    password: str | None = None

    def send(self, to: Sequence[str], subject: str, text: str) -> None:
        """Every recipient gets a message of his own, so that none learns of another."""
        try:
            with self._connected() as server:
                for recipient in to:
                    server.send_message(self._message(recipient, subject, text))
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise NotMailed(f"{type(error).__name__} from {self.host}:{self.port}") from error

    def _connected(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT, context=context)
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=TIMEOUT)
        try:
            if self.security == "starttls":
                server.starttls(context=context)
            if self.user is not None:
                server.login(self.user, self.password or "")
        except BaseException:
            server.close()
            raise
        return server

    def _message(self, recipient: str, subject: str, text: str) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"] = self.sender, recipient
        message["Subject"] = " ".join(subject.split())[:200]
        message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain=self.sender.rpartition("@")[2])
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
        message.set_content(text)
        return message
