"""Emergency reduction for people: checking a reduction list, the dry run of tonight, its page.

What decides anything stands in `evidence/curtailment`; nothing here sends an order or touches a plant.
"""
