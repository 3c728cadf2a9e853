"""What analysers say, held against power while the plant runs; a question is an event, never an accusation.

Not here: the rules (`evidence.marks.emissions`), the verb over a whole chain (`provisioning.marks`).
"""
