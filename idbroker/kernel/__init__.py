"""The vocabulary that every other package speaks: ids, time, who acts, what happened, what was refused.

No I/O and no import of ours: everything here can be tested without a database, a clock or a network.
"""
