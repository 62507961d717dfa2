"""The OAuth 2.1 / OpenID Connect provider that the apps talk to, at the shared issuer and at each tenant's.

It never learns which protocol signed the person in: it starts a login attempt and resumes when that is done.
"""
