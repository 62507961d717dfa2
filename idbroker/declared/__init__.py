"""A wished-for state in a file: read, compared with what is, and brought about through the Admin API's own operations.

Owns the form of the file and the order of the steps. Every rule about tenants, connections and apps stays the API's; what is
not in the file is left alone unless pruning is asked for.
"""
