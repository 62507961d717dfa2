"""Path parameter → the prefix of an id that could stand there: for walks over the route table as a stranger."""

from __future__ import annotations

PREFIXES = {
    "admin": "adm", "admin_role": "rol", "alert": "alr", "candidate": "can", "client_id": "app", "connection": "con",
    "delivery": "whd", "directory": "dir", "domain": "dom", "erased": "tnt", "erasure": "ers", "group": "grp", "key": "key",
    "link": "lnk", "mapping": "rlm", "operator": "opr", "passkey": "psk", "secret": "key", "session": "ses", "sign_in": "aud",
    "signal_stream": "str", "stream": "lst", "tenant": "tnt", "test": "tst", "token": "dtk", "user": "usr", "webhook": "whk",
}  # fmt: skip
