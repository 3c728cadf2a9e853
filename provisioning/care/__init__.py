"""Care of many gateways from one desk: their site files as they are, as they would be, and what came of it.

What a gateway does with a change stands in `agent/care`; the verbs are those of `provisioning/centre`.
"""
