"""What travels between gateway and centre: messages, topics and the MQTT connection.

It does not decide what is sent next (`agent.uplink`) nor what an arrival means (`centre`).
"""
