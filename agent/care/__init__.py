"""What the centre may change at a gateway from afar, and what makes it come back by itself."""
