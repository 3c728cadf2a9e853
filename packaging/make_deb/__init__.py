"""Makes the Debian package of the gateway: `make deb`, or `PYTHONPATH=packaging python -m make_deb`.

The package holds a commit, not the working tree: `git archive` of it, its wheel, and the wheels that
`requirements.lock` names by hash, unpacked into /opt/dianjian. Nothing of the other architecture is
executed, so arm64 is made on an amd64 machine. The same commit gives the same bytes: every time is
that of the commit, every mode is set, names are sorted, byte code is hashed and not timed.

    __main__   the command: what is built, and its report
    source     the commit: its files, its time, its versions
    wheels     those of the lock: downloaded against the hashes, unpacked, pruned
    tree       the files of the package, each at its place
    completion shell completion, from the commands
    manual     manual pages from the commands' --help
    elf        the machine of an object file, and the system libraries it needs
    control    the control files of dpkg
"""
