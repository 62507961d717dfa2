"""Log streams: a tenant's sealed trail, record by record in its order, sent to where the tenant's own admins watch.

A stream follows the sealed trail with a cursor of its own and never sees the outbox. Every record goes out with its sequence
and the hash before it, so that the receiver sees what is missing. Each kind of receiver is a file of ``sinks``.
"""
