"""Terminal output: tables and sentences, exit codes, QR codes; and common options.

No commands and no decisions.
"""
