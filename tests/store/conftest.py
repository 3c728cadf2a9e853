"""Stores migrate in this process, because sqlite-utils is imported: a child for each is slow."""

import sqlite_utils

assert sqlite_utils
