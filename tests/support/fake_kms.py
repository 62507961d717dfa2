"""AWS KMS as far as we use it: a client in this process, and a server that boto3 itself can be pointed to."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER_ARN = ARN.replace("1234abcd", "9876fedc")
SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/[0-9]{8}/eu-central-1/kms/aws4_request, "
    r"SignedHeaders=(?=[a-z0-9;-]*host)(?=[a-z0-9;-]*x-amz-date)(?=[a-z0-9;-]*x-amz-target)[a-z0-9;-]+, Signature=[0-9a-f]{64}"
)
"""AWS Signature Version 4: the day, the region and the service are those of the key, and what decides is signed."""


class KmsError(Exception):
    """As boto3's ClientError tells it."""

    def __init__(self, code: str) -> None:
        super().__init__(f"An error occurred ({code})")
        self.response = {"Error": {"Code": code}}


class FakeKms:
    """Keys by ARN. ``down``: the code of the error that every call meets."""

    def __init__(self, *arns: str) -> None:
        self._keys = {arn: AESGCM(os.urandom(32)) for arn in arns or (ARN,)}
        self.down: str | None = None
        self.contexts: list[Mapping[str, str]] = []

    def encrypt(self, *, KeyId: str, Plaintext: bytes, EncryptionContext: Mapping[str, str]) -> dict[str, Any]:
        nonce = os.urandom(12)
        return {"CiphertextBlob": nonce + self._key(KeyId).encrypt(nonce, Plaintext, self._bound(EncryptionContext))}

    def decrypt(self, *, KeyId: str, CiphertextBlob: bytes, EncryptionContext: Mapping[str, str]) -> dict[str, Any]:
        key = self._key(KeyId)
        try:
            return {"Plaintext": key.decrypt(CiphertextBlob[:12], CiphertextBlob[12:], self._bound(EncryptionContext))}
        except (InvalidTag, ValueError) as error:
            raise KmsError("InvalidCiphertextException") from error

    def _key(self, arn: str) -> AESGCM:
        if self.down:
            raise KmsError(self.down)
        if arn not in self._keys:
            raise KmsError("NotFoundException")
        return self._keys[arn]

    def _bound(self, context: Mapping[str, str]) -> bytes:
        self.contexts.append(dict(context))
        return json.dumps(context, sort_keys=True).encode()


@contextmanager
def kms_server(kms: FakeKms) -> Iterator[str]:
    """The address at which it speaks KMS's JSON protocol. A request that is not signed as it must be is refused."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            try:
                self._answer(200, self._done(self.headers["x-amz-target"], body))
            except KmsError as error:
                code = error.response["Error"]["Code"]
                self._answer(500 if code == "KMSInternalException" else 400, {"__type": code, "message": str(error)})

        def _done(self, target: str, body: dict[str, Any]) -> dict[str, str]:
            if SIGNED.fullmatch(self.headers.get("authorization", "")) is None:
                raise KmsError("IncompleteSignatureException")
            where = {"KeyId": body["KeyId"], "EncryptionContext": body["EncryptionContext"]}
            if target == "TrentService.Encrypt":
                made = kms.encrypt(Plaintext=base64.b64decode(body["Plaintext"]), **where)
            elif target == "TrentService.Decrypt":
                made = kms.decrypt(CiphertextBlob=base64.b64decode(body["CiphertextBlob"]), **where)
            else:
                raise KmsError("UnknownOperationException")
            return {name: base64.b64encode(value).decode() for name, value in made.items()}

        def _answer(self, status: int, document: dict[str, str]) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("content-type", "application/x-amz-json-1.1")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
