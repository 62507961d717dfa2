"""The grants of the token endpoint, a file each. ``contract`` is what one must be; ``oidc.provider.token`` has their table."""
