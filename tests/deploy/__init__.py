"""Deploying, without AWS: the script and the templates on emulators, with real containers."""
