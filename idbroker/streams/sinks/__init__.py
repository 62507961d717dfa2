"""Kinds of receivers, a file each, named by ``plugins`` alone: records in their order in, what became of them out."""
