"""Misbehaving meters and gateways, written by hand: sockets and ptys, nothing of the project, no library.

bus = SerialBus([Device(1), Device(2, answers=fixed(2.5)), Device(9, present=False)], waits_s=3.0, queue=4)
with serve(TcpPort(bus, manners=Manners(hangs_up_after=1)), PtyPort(bus, baudrate=9600)) as (tcp, pty):
    …                                    # tcp.url, pty.url
    assert bus.owed_max == 1             # bus.asked: who was asked what and when; bus.spent_s by unit
    assert is_right(SDM630, 0x34, unit=2, value=value)

SerialBus   (bus.py)        one request at a time, with a gateway's queue in front or bare wires
Device      (device.py)     a Modbus device: slow, deaf, busy, lossy, with holes, zeros after a restart
Dlt645Device (dlt645.py)    a DL/T 645-2007 meter: without the block FF, with few or many FE, slow
TcpPort, PtyPort, Manners (ports.py)   hang-ups, foreign transaction ids, one client at a time
Coded, FloatMap, SDM630, … (registers.py)   each value says its unit, address and second
sunspec_map (sunspec.py)    a chain of models with common models anywhere
"""
