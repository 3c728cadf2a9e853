"""HJ 212-2017 and HJ 212-2025: packets of pollution sources and platforms, from bytes and to bytes; pure.

Not here: who sends what when (`wire.hj212`), queues and sockets, what a value means for a plant.
"""
