"""What all pages share: the frame of a page, plots, print on paper, an episode's page.

No page of one verb alone: that lies with its verb.
"""
