"""A file of JSON lines in the operator's folder, for collectors that read files. Its name is made of ids alone.

    {folder}/{tenant id}/{stream id}.jsonl

It is opened for each batch, so that it can be renamed away (logrotate). A line that a kill cut off is removed before more
follow.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from idbroker.kernel.ids import is_id
from idbroker.streams.contract import Destination, Doors, Record, Reply

_TAIL = 1_000_000


class FileSink:
    def __init__(self, doors: Doors) -> None:
        self._folder = doors.folder

    def deliver(self, to: Destination, records: Sequence[Record]) -> Reply:
        if self._folder is None:
            return Reply("The operator has named no folder for files.")
        data = "".join(f"{one.document}\n" for one in records).encode()
        try:
            _append(self._folder, to, data)
        except OSError as error:
            return Reply(f"The file could not be written: {error.strerror or 'unknown'}.")
        return Reply()


def _append(folder: Path, to: Destination, data: bytes) -> None:
    if not (is_id(to.tenant, "tnt") and is_id(to.stream_id, "lst")):
        raise OSError(0, "not an id")
    inner = folder / to.tenant
    inner.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Relative to the folder as it was opened, and no link is followed: who can write beside it leads nothing elsewhere.
    place = os.open(inner, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.open(f"{to.stream_id}.jsonl", flags, 0o600, dir_fd=place)
        with os.fdopen(file, "r+b") as stream:
            stream.seek(_whole(file))
            stream.truncate()
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
    finally:
        os.close(place)


def _whole(file: int) -> int:
    """Where the last whole line ends."""
    size = os.fstat(file).st_size
    start = max(0, size - _TAIL)
    tail = os.pread(file, size - start, start)
    return start + tail.rfind(b"\n") + 1 if b"\n" in tail else start
