"""Makes the Debian package of the gateway: `make deb`, or `PYTHONPATH=packaging python -m make_deb`.

What is packed is a commit, not the working tree: `git archive` of it, its wheel, and the wheels that
`requirements.lock` names by hash, unpacked into /opt/dianjian. Nothing of the other architecture is
executed, so arm64 is made on an amd64 machine. The same commit gives the same bytes: every time is
that of the commit, every mode is set, names are sorted, byte code is hashed and not timed.

    __main__   the call: what is built, and what is said about it
    source     the commit: its files, its time, its versions
    wheels     what PyPI has: downloaded against the hashes, unpacked, pruned
    tree       what lies where after the installation
    manual     what the commands say of themselves
    elf        which machine an object file is for, and what it needs of the system
    control    what dpkg is told
"""
