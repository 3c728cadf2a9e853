"""The verbs of the centre: `dianjian centre …` and `dianjian subscribe`.

What the centre decides and keeps lives in the package `centre`; here it is called and shown.
"""
