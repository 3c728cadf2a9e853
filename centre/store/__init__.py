"""The centre's database: what it has accepted, and how it is read again.

No verdict is found here and no answer made: that is `centre.core`.
"""
