"""The forms of enrolment: request, offer, answer, token, certificates; both sides use them.

It asks nobody and keeps nothing: `provisioning.enrolment` is the gateway, `centre.enrolment` the office.
"""
