"""What the emulator lacks, added inside its own process, for these tests alone.

The templates and the script never see a bridge: they say what they say to AWS. Each module tells
which part of AWS it stands in for, and since when it could be removed: when the emulator does it.
"""
