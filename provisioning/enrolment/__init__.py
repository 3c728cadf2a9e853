"""The gateway's side of enrolment: keys, transports to the office (EST, MQTT, stick), renewal.

The message formats are in `wire.enrolment`, the office in `centre.enrolment`.
"""
