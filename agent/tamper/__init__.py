"""What a meter does, beside what it says of itself: energy, neighbours, frozen values, latency."""
