"""TXT records, from the system's resolver or the one that the operator names."""

from __future__ import annotations

import dns.exception
import dns.name
import dns.resolver

from idbroker.kernel.errors import Refusal

SECONDS = 5.0
MAX_RECORDS = 100


class DnsTxtLookup:
    """``resolver`` is ``host:port`` with an IP address, or None for the system's."""

    def __init__(self, resolver: str | None) -> None:
        self._named = resolver

    def __call__(self, name: str) -> list[str]:
        """The TXT strings at ``name``, each with its parts joined (RFC 7208 3.3). Raises Refusal 502 when nobody answers."""
        try:
            answer = self._resolver().resolve(f"{name}.", "TXT", lifetime=SECONDS, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, dns.name.NameTooLong, dns.name.LabelTooLong, dns.name.EmptyLabel):
            return []
        except dns.exception.DNSException as error:
            raise Refusal(
                "dns_failed", "The domain name system did not answer; try again later.", detail=f"{name}: {error}", status=502
            ) from error
        return [b"".join(record.strings).decode("utf-8", "replace") for record in list(answer)[:MAX_RECORDS]]

    def _resolver(self) -> dns.resolver.Resolver:
        """Made when it is needed: a machine without one can still serve, and its configuration may change."""
        if self._named is None:
            return dns.resolver.Resolver()
        host, _, port = self._named.rpartition(":")
        made = dns.resolver.Resolver(configure=False)
        made.nameservers = [host.strip("[]")]
        made.port = int(port)
        return made
