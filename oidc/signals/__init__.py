"""Shared Signals in the form of OpenID Connect: the transmitter's endpoints (SSF 1.0), SETs signed and SETs judged.

What streams and receivers are is ``idbroker.signals``. Tokens, keys and issuers are the provider's, checks on what an
identity provider signed are the relying party's.
"""
