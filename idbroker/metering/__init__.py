"""Usage metering: what a tenant used, as append-only records with idempotency keys, rolled up by day.

Sign-ins and active people follow the feed; requests are counted in memory where they are answered, and written a moment
later. What a plan costs is nobody's business here; ``stripe`` tells the numbers to whoever bills.
"""
