"""The rows: targets, and what is asked for without one."""

from typing import Final

from tests.bench.peers.table import Row, at_least, at_most

MAIN: Final = (
    Row(
        "rate_per_cpu_s",
        "readings a second of CPU time, as many at once as it can",
        (at_least(1.2, "node-red"), at_least(2.0, "modpoll")),
    ),
    Row(
        "single_rate_per_cpu_s",
        "readings a second of CPU time, one request at a time",
        (at_least(1.2, "node-red"), at_least(2.0, "modpoll")),
    ),
    Row("rate", "readings/s as they arrived, as many at once as it can"),
    Row("single_rate", "readings/s as they arrived, one request at a time"),
    Row("core", "share of its core that it used meanwhile", digits=2),
    Row(
        "slave_core",
        "share of a core that the slave used meanwhile (well below 1: not the bottleneck)",
        digits=2,
    ),
    Row("cpu_s_per_1000", "CPU seconds per 1,000 readings, a poll a second", (at_most(0.5, "modpoll"),), 4),
    Row("rss_mib", "resident memory, MiB, ours with detection on", (at_most(0.75, "thingsboard"),), 1),
    Row("first_packet_s", "start to first publish, s (ours: signed boot and manifest)", digits=2),
    Row(
        "first_reading_s",
        "start to first published reading, s (ours: with the first seal after 3 s)",
        digits=2,
    ),
    Row("requests_per_poll", "requests per meter and cycle, 40 registers in one piece", (at_most(1.0),), 2),
    Row("modbus_bytes", "Modbus bytes per reading (TCP)", digits=2),
    Row("mqtt_bytes", "MQTT bytes per reading, 60 polls a seal, with signature", (at_most(4.0),), 2),
    Row("disk_1s", "disk bytes per reading, one commit a second", (at_most(63.0),), 1),
    Row("disk_10s", "disk bytes per reading, a commit every 10 s", (at_most(13.0),), 1),
    Row("disk_1s_own", "of these written by ourselves, not by ext4, one commit a second", digits=1),
    Row("disk_10s_own", "of these written by ourselves, not by ext4, a commit every 10 s", digits=1),
    Row("dead_rtu", "live-meter rate with one dead meter of 8 on RTU, of healthy", (at_least(0.95),), 3),
    Row("dead_tcp", "live-meter rate with one dead meter of 20 on TCP, of healthy", (at_least(1.0),), 3),
    Row(
        "many_live",
        "100 TCP meters at 100 addresses, a poll a second: polls a second of the slowest",
        (at_least(0.95),),
        3,
    ),
    Row("many_half", "the same when 50 of them have died, of the slowest live one", (at_least(0.95),), 3),
    Row("many_core", "share of a core for the 100, a poll a second", (at_most(0.086),), 3),
    Row("many_rss_mib", "resident memory at the 100, MiB", (at_most(64.0),), 1),
    Row("lost_away", "readings lost, broker away for a minute", (at_most(0.0),)),
    Row("lost_killed", "readings lost, broker away for a minute and SIGKILL meanwhile", (at_most(0.0),)),
)

LINE: Final = (
    Row("rtu_slow", "RTU rate over the legal limit, worst of 9600 and 19200 baud", (at_least(0.99),), 4),
    Row("rtu_fast", "RTU rate over the legal limit, worst at 115200 baud", (at_least(0.98),), 4),
    Row(
        "rtu_middle",
        "the same in the middle exchange, worst of all (a busy machine shows above, not here)",
        digits=4,
    ),
    Row("rtu_disturbed", "exchanges left out because the line itself was late"),
    Row("rtu_short_gaps", "silences shorter than t3.5 before a request, all RTU runs", (at_most(0.0),)),
    Row("wrong_rtu", "wrong values, RTU with late, foreign, short, long and noisy answers", (at_most(0.0),)),
    Row("wrong_tcp", "wrong values, TCP with late, foreign, short and long answers", (at_most(0.0),)),
    Row("wrong_rtu_right", "right reads meanwhile, RTU", (at_least(0.6, "pymodbus"),)),
    Row("wrong_tcp_right", "right reads meanwhile, TCP", (at_least(0.9, "pymodbus"),)),
)
"""Masters without a gateway around them: our bus and pymodbus."""
