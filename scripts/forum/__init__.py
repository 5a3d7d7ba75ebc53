"""What the scripts stand on: a whole forum on this machine (instance.py), archives, the gateway."""
