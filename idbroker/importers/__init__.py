"""What other products export, read into declarations: connections that keep the entity id and the ACS address that IdPs know.

Pure: documents in, a declaration and notes out. Bringing it about is ``declared``'s.
"""
