"""The command line: ``idbroker …``, one file per family of commands.

Answers go to stdout, everything said about them to stderr. What destroys asks first.
"""
