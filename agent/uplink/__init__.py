"""From the store to the broker: what travels (wire), what goes next (outbox), and the connection.

Nothing here proves anything to anybody: evidence does. The broker's word only slows down.
"""
