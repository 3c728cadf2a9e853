"""The office that signs who a gateway is: its ledger, its policy, and the doors it is reached by.

The forms that travel are in `wire.enrolment`; what an officer types is in `provisioning.centre`.
"""
