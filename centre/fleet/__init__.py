"""What the centre knows of all its gateways, for a person who watches them: last news, episodes, findings.

Not here: what decides over a seal or a receipt (`centre.core`), and how a page looks.
"""
