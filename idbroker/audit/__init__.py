"""The audit trail: a typed catalogue, the outbox that a change writes in its own transaction, and the sealed store.

The worker moves records, in order, from the outbox into a store of its own, hash-chained per tenant. Whatever follows the
trail reads it from there, so nothing is delivered that is not in the trail.
"""
