"""Ours beside what a user would pick instead: modpoll, thingsboard-gateway, Node-RED with contrib-modbus.

    python -m tests.bench.peers [--quick] [--only ROW …] [--resume] [--write]

Words of the table:
- A *reading* is one float32 value of one meter, as in the figures that are known of the peers. A *poll* reads
  the 20 values of a meter, which are 40 registers in one piece.
- Everything runs on one machine in one run. What is measured is pinned to one core; slave, broker, observer
  and centre to another, where there is one.
- Every program publishes with QoS 1 to the same mosquitto; ours seals, signs and commits with FULL, and its
  detector watches two lines.
"""
