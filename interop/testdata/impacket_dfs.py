"""Asks for DFS referrals, and prints one line for each path: what was consumed, the
flags, and the targets in order; or the status.

    impacket_dfs.py HOST USER PASSWORD VERSION PATH...
"""

import struct
import sys

from impacket.smb3structs import FSCTL_DFS_GET_REFERRALS, SMB2_0_IOCTL_IS_FSCTL, SMB2_DIALECT_30
from impacket.smbconnection import SMBConnection
from impacket.smb3 import SessionError


def string(b, at):
    end = at
    while b[end:end + 2] not in (b"\0\0", b""):
        end += 2
    return b[at:end].decode("utf-16-le")


def parse(b):
    consumed, count, flags = struct.unpack_from("<HHI", b)
    at, targets = 8, []
    for _ in range(count):
        version, size, kind, entry_flags = struct.unpack_from("<HHHH", b, at)
        if version == 1:
            targets.append(string(b, at + 8))
        else:
            offset, = struct.unpack_from("<H", b, at + (20 if version == 2 else 16))
            targets.append(string(b, at + offset))
        at += size
    return "version %d consumed %d flags %d kind %d: %s" % (version, consumed, flags, kind, " ".join(targets))


def main(host, user, password, version, *paths):
    conn = SMBConnection(host, host, sess_port=445, preferredDialect=SMB2_DIALECT_30, timeout=30)
    conn.login(user, password)
    smb = conn.getSMBServer()
    tree = smb.connectTree("IPC$")
    for p in paths:
        request = struct.pack("<H", int(version)) + (p + "\0").encode("utf-16-le")
        try:
            print(p, parse(smb.ioctl(tree, None, FSCTL_DFS_GET_REFERRALS, SMB2_0_IOCTL_IS_FSCTL, request, maxOutputResponse=8192)))
        except SessionError as e:
            print(p, "status %#x" % e.get_error_code())


main(*sys.argv[1:])
