"""The command line for technicians and centres; the only package that may import all others."""
