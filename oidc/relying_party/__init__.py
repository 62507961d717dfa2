"""The ``oidc`` federation protocol: discovery, authorization request, code exchange, a visible list of ID-token checks."""
