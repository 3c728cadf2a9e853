"""The forms of enrolment: request, offer, answer, token, certificates; both sides use them.

It asks nobody and keeps nothing: the gateway's side is `provisioning.enrolment`, the office `centre.enrolment`.
"""
