"""The city's page: every gateway that the centre knows, those that need a person first.

Not here: what is known of a gateway and how it is judged (`centre.fleet`); the server (`provisioning.live`).
"""
