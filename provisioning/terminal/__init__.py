"""What a terminal is given: tables and sentences on it, exit codes, QR codes, common options.

No verb and no decision.
"""
