"""Each compares what is wanted with what is live, and makes the calls that differ."""
