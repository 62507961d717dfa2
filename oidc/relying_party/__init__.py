"""The ``oidc`` federation protocol: signing in at a customer's OpenID provider.

Owns discovery and manual configuration, the authorization request, the code exchange, the visible list of ID-token checks
(``id_token``), key sets, userinfo, and the vendors' quirks. What a verified person may do is provisioning's business; the
attempt, the browser and the replay store are the login flow's. Starts at ``protocol``.
"""
