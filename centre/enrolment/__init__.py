"""The office that signs who a gateway is: its ledger, its policy, and its servers for EST and MQTT.

The forms that travel are in `wire.enrolment`; what an officer types is in `provisioning.centre`.
"""
