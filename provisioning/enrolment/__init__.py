"""Enrolment from the gateway's side: keys, the ways to the office (EST, MQTT, stick), renewal.

The forms are in `wire.enrolment`, the office in `centre.enrolment`.
"""
