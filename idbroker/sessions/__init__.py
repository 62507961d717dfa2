"""Sessions of signed-in people, the apps they reached, and the authorization codes given out under them.

Secrets are stored as digests. Ending a session here ends, in the same transaction, all that hangs on it.
"""
