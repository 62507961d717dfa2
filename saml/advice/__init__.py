"""From a failed check to the sentence that helps this vendor's admin.

``symptoms`` says what exactly is wrong (a trailing slash, a clock, a removed certificate), ``sentences`` what happened and
what to do, ``consoles`` where that stands at each vendor. All pure; no sentence names a place that was not read in the
vendor's own words.
"""
