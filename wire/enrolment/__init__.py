"""The forms of enrolment: request, offer, answer, token, certificates; both sides use them.

No sockets, no files: `provisioning.enrolment` is the gateway's side, `centre.enrolment` the office.
"""
