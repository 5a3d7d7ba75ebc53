"""What would stop or surprise an `up`, found beforehand."""
