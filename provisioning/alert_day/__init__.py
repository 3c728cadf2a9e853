"""`dianjian demo-alert`: a night under an emergency reduction, every part real but the plant itself.

What the daytime demo has too, its parts, broker and judge of a chain, is in `provisioning/demo/`.
"""
