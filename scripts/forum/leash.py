"""Run a program that dies with its parent: `python leash.py [--as-user NAME] SIGNAL PROGRAM …`.

The kernel sends the signal when the thread that started this process ends, so that nothing is
left running after a `kill -9`. Standard library alone, and no import of this package: it is started
once for each part and must be quick.
"""

import ctypes
import os
import pwd
import sys

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 47, 2
CAPABILITY_VERSION_3 = 0x20080522
CAP_DAC_OVERRIDE = 1


class CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class CapabilitySet(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def become(user: str) -> None:
    """Stop being root, as PostgreSQL demands, but keep the right to walk through root's folders.

    Without it a checkout in /root could only be started after opening /root to everyone.
    """
    account = pwd.getpwnam(user)
    system = ctypes.CDLL(None, use_errno=True)
    system.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
    os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)
    kept = 1 << CAP_DAC_OVERRIDE
    sets = (CapabilitySet * 2)(CapabilitySet(kept, kept, kept), CapabilitySet(0, 0, 0))
    # A container may have dropped the capability; then the folders have to be open anyway.
    if system.capset(ctypes.byref(CapabilityHeader(CAPABILITY_VERSION_3, 0)), sets) == 0:
        system.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)


def main(arguments: list[str]) -> None:
    parent = os.getppid()
    if arguments[0] == "--as-user":
        become(arguments[1])
        arguments = arguments[2:]
    signal_number, *command = arguments
    if sys.platform == "linux":
        # After the change of user, which would clear it.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0)
        if os.getppid() != parent:
            sys.exit(f"{command[0]}: not started, the parent has ended")
    os.execvp(command[0], command)  # noqa: S606 - what it is for


if __name__ == "__main__":
    main(sys.argv[1:])
