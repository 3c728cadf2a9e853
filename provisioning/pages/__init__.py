"""Shared by all pages: the page frame, plots, printing on paper, an episode's page.

A page of only one command is in that command's package.
"""
