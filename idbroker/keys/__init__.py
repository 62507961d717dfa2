"""Keys of our own: the master key, the data key of each tenant that it wraps, and the keys that sign tokens.

Features seal and open through ``envelope``; nobody else sees key material. How a token is encoded is ``oidc``'s business.
"""
