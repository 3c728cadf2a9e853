"""The databases: the gateway's, which is also its queue, and the centre's. The only importers of SQLite.

Read in this order: `database` (how a file is opened and what its errors mean), `gateway`, `salvage`
(what is left of a destroyed file), `held` (which bodies the centre holds), `centre`.
"""
