"""The first moments of a child process: be somebody, tie its life to its parent, become the program.

Run as a script, never imported: between fork and exec this would be unsafe in a process with threads.
Usage: launch.py PARENT_PID DEATH_SIGNAL IDENTITY FOLDER PROGRAM [ARGUMENT...]
IDENTITY is `same`, `drop:UID` (become that user) or `namespace:UID` (be that user inside a user
namespace of its own).
"""

import ctypes
import os
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1


def drop(uid: int) -> None:
    """Become the user and group `uid` for good."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def enter_namespace(uid: int) -> None:
    """Be `uid` to oneself and the caller to everybody else. Linux only."""
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "user namespaces are not allowed here")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {outer_uid} 1")
    Path("/proc/self/gid_map").write_text(f"{uid} {outer_gid} 1")


def die_with_parent(parent: int, signal: int) -> None:
    """Have the kernel send `signal` when the parent ends. After any change of user, which would clear it."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the parent process is gone")


def main(arguments: list[str]) -> None:
    """Follow the usage line of this module; never returns."""
    parent, signal, identity, folder, *command = arguments
    how, _, uid = identity.partition(":")
    if how == "drop":
        drop(int(uid))
    elif how == "namespace":
        enter_namespace(int(uid))
    die_with_parent(int(parent), int(signal))
    os.chdir(folder)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
