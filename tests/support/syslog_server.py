"""Debian's syslog server with TLS on loopback, and the certificates that it needs."""

from __future__ import annotations

import datetime as dt
import ipaddress
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

RSYSLOGD = shutil.which("rsyslogd", path="/usr/sbin:/usr/bin")
HAS_TLS = bool(list(Path("/usr/lib").glob("*/rsyslog/lmnsd_gtls.so")))


@dataclass(frozen=True)
class Certificates:
    """PEM files of a server on 127.0.0.1, and the authority that vouches for it."""

    authority: Path
    certificate: Path
    key: Path


def certificates(folder: Path) -> Certificates:
    now = dt.datetime.now(dt.UTC)
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip

    def begun(subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        named = x509.CertificateBuilder().subject_name(subject).issuer_name(authority_name).public_key(public)
        dated = named.serial_number(x509.random_serial_number()).not_valid_before(now - dt.timedelta(days=1))
        return dated.not_valid_after(now + dt.timedelta(days=30)).add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
        )

    authority = (
        begun(authority_name, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("log.test")])
    certificate = (
        begun(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "log.test")]), key.public_key())
        .add_extension(names, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    made = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    made.authority.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    made.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    made.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return made


@contextmanager
def rsyslog(folder: Path, port: int | None = None) -> Iterator[tuple[int, Path, Certificates]]:
    """(port, the file that messages go to as JSON lines, certificates)."""
    made = certificates(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", port or 0))
        port = free.getsockname()[1]
    log, config = folder / "messages", folder / "rsyslog.conf"
    config.write_text(
        f'''
global(workDirectory="{folder}" maxMessageSize="64k" defaultNetstreamDriver="gtls"
  defaultNetstreamDriverCAFile="{made.authority}" defaultNetstreamDriverCertFile="{made.certificate}"
  defaultNetstreamDriverKeyFile="{made.key}")
module(load="imtcp" StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="anon")
input(type="imtcp" address="127.0.0.1" port="{port}")
template(name="told" type="list" option.jsonf="on") {{
  property(outname="priority" name="pri" format="jsonf")
  property(outname="app" name="app-name" format="jsonf")
  property(outname="msgid" name="msgid" format="jsonf")
  property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="data" name="structured-data" format="jsonf")
  property(outname="message" name="msg" format="jsonf")
}}
action(type="omfile" file="{log}" template="told" asyncWriting="off" flushOnTXEnd="on")
'''
    )
    command = [str(RSYSLOGD), "-n", "-f", str(config), "-i", str(folder / "pid")]
    with (folder / "rsyslog.out").open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as server:
        try:
            _until_listening(port, server)
            yield port, log, made
        finally:
            server.terminate()
            server.wait(timeout=10)


def _until_listening(port: int, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until and server.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("rsyslogd does not listen")


def lines(log: Path, count: int) -> list[str]:
    """So many lines of the server's file, once they are there."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        found = log.read_text().splitlines() if log.exists() else []
        if len(found) >= count:
            return found
        time.sleep(0.02)
    raise AssertionError(f"only {len(found)} of {count} lines came")
