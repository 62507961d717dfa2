"""What an operator sees of all tenants at once: sign-ins by outcome, and what of a tenant wants his attention.

Nobody reads across tenants in a request. The worker goes through them one by one and leaves figures at home: counts that no
longer say whose they were, and for each tenant a few rows of ids and times. See docs/decisions/0040.
"""
