"""The sign-in state machine: attempt, home-realm discovery, hand-off, reply, admission, session. And the way out again, which
leads through the IdPs.

It knows no protocol upstream and no OAuth downstream: their only common ground is the attempt.
"""
