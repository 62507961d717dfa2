"""Erasure: a person's data gone from every store, with a receipt; a whole tenant's, as a job that survives being killed.

``persons`` says who is meant, ``holdings`` what each table holds of him, ``people`` does it; ``tenants`` empties every table
that bears a tenant. In the trail the persons' keys are destroyed, and the chain stays as it is (``audit/person_seal.py``).
What a tenant may do before, and when its time is over, is ``tenants/lifecycle``'s.
"""
