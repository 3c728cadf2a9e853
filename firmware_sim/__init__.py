"""A plant that is not there: load profiles, meters that lie when told to, and the buses they hang on.

Floors of this package, a file imports only from those before it:
noise · signals · timetable · layout · energy, electrical · plant_table · plant_lines, plant_events ·
plant_file · plant · device · faults · pacing · server_frames · server_bus · server_ports · server · main.

Everything up to `faults` is a pure function of the plant file and the time, so a restart, a second
process or a test sees the same plant. pymodbus is imported by `server_frames` alone.
"""
