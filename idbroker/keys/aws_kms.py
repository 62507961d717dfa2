"""A master key that lives in AWS KMS and never leaves it: wrapping and opening are calls of its API.

The key's ARN says in which region it is asked. Credentials are found the way of AWS's own SDK, which the extra ``aws`` brings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Protocol

from idbroker.keys.master import CannotOpen, MasterKeyUnavailable, fingerprint

ARN = re.compile(r"arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):[0-9]{12}:key/[A-Za-z0-9-]+")
"""A key, not an alias: an alias can be made to mean another key, which then would not open what is there."""

REFUSED = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})
"""What KMS answers to a value that this key did not make, or made for another context."""

TIMEOUTS = {"connect_timeout": 2, "read_timeout": 5}
"""Seconds. A tenant is made, and opened for the first time in a process, with the caller waiting."""


class KmsClient(Protocol):
    """What is used of boto3's client."""

    def encrypt(self, *, KeyId: str, Plaintext: bytes, EncryptionContext: Mapping[str, str]) -> Mapping[str, Any]: ...  # noqa: N803 # AWS's names

    def decrypt(self, *, KeyId: str, CiphertextBlob: bytes, EncryptionContext: Mapping[str, str]) -> Mapping[str, Any]: ...  # noqa: N803


class AwsKmsKey:
    """Wrapped form: fingerprint of the ARN (8 bytes), then KMS's ciphertext. ``failures``: what the client raises."""

    def __init__(self, arn: str, client: KmsClient, failures: tuple[type[Exception], ...]) -> None:
        self._arn = arn
        self._client = client
        self._failures = failures
        self._mark = fingerprint(arn.encode())

    def wrap(self, key: bytes, context: str) -> bytes:
        try:
            answer = self._client.encrypt(KeyId=self._arn, Plaintext=key, EncryptionContext=_bound_to(context))
        except self._failures as error:
            raise MasterKeyUnavailable(f"AWS KMS, Encrypt: {error}") from error
        return self._mark + bytes(answer["CiphertextBlob"])

    def unwrap(self, wrapped: bytes, context: str) -> bytes:
        if not self.is_newest(wrapped):
            raise CannotOpen("another master key wrapped it")
        try:
            answer = self._client.decrypt(
                KeyId=self._arn, CiphertextBlob=wrapped[len(self._mark) :], EncryptionContext=_bound_to(context)
            )
        except self._failures as error:
            if getattr(error, "response", {}).get("Error", {}).get("Code") in REFUSED:
                raise CannotOpen("a wrapped key does not open") from error
            raise MasterKeyUnavailable(f"AWS KMS, Decrypt: {error}") from error
        return bytes(answer["Plaintext"])

    def is_newest(self, wrapped: bytes) -> bool:
        return wrapped.startswith(self._mark)


def open_aws_kms(arn: str) -> AwsKmsKey:
    """Raises ImportError without the extra, ValueError for what is no ARN of a key."""
    found = ARN.fullmatch(arn)
    if found is None:
        raise ValueError("the ARN of a key is needed, such as arn:aws:kms:eu-central-1:111122223333:key/… (no alias)")
    boto3, errors, config = (import_module(name) for name in ("boto3", "botocore.exceptions", "botocore.config"))
    waits = config.Config(**TIMEOUTS, retries={"mode": "standard", "total_max_attempts": 3})
    client = boto3.client("kms", region_name=found["region"], config=waits)
    return AwsKmsKey(arn, client, (errors.ClientError, errors.BotoCoreError))


def _bound_to(context: str) -> dict[str, str]:
    """KMS opens a value for its context alone, and writes the context into CloudTrail: it holds nothing secret."""
    return {"idbroker": context}
