"""The centre's commands: `dianjian centre …`, `dianjian subscribe` and `dianjian consume`.

The centre's decisions and storage are in the package `centre`; here it is called and its results shown.
"""
