"""The statements of the hot paths, a file per subject: each function takes the unit first, and with it the scope.

What they return are plain values of their own; rows that the ORM could write back are the repositories'. The isolation
suite walks every function here as it walks the repositories. Tables are named by their name: they belong to the features.
"""
