"""Marks (标记): their catalogues, their form, whether power bears them out, the effective transmission rate.

Pure but for the catalogues, which are files of the package. A mark deletes no reading and silences no
episode.
"""
