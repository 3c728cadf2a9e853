"""The office that issues certificates to gateways: its ledger, its policy, and its servers for EST and MQTT.

The message formats are in `wire.enrolment`, an officer's commands in `provisioning.centre`.
"""
