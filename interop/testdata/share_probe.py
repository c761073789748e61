"""Tries, again and again, to open the file "held" with no sharing, while the
kernel's client has it open: that must never work, whatever happens to the server.
When the file "done" is there nobody has it open any more, and it must work.

    share_probe.py ADDRESS DIRECTORY
"""

import os
import sys
import time

from impacket.smbconnection import SMBConnection, SessionError
from impacket.smb3structs import FILE_OPEN, FILE_NON_DIRECTORY_FILE, FILE_READ_DATA, SMB2_DIALECT_30

SHARING_VIOLATION, FILE_NOT_AVAILABLE = 0xC0000043, 0xC0000467


def connect(address):
    c = SMBConnection(address, address, sess_port=445, preferredDialect=SMB2_DIALECT_30, timeout=60)
    c.login("smbtest", "Passw0rd")
    return c, c.connectTree("share")


def probe(c, tree):
    """Returns 0 if the file could be opened, else the status."""
    try:
        f = c.openFile(tree, "held", desiredAccess=FILE_READ_DATA, shareMode=0,
                       creationOption=FILE_NON_DIRECTORY_FILE, creationDisposition=FILE_OPEN)
    except SessionError as e:
        return e.getErrorCode()
    c.closeFile(tree, f)
    return 0


def main(address, directory):
    there = lambda name: os.path.exists(os.path.join(directory, name))
    while not there("holding"):
        time.sleep(0.1)
    counts, conn, last = {}, None, 0
    while not there("over") or not there("done"):
        if there("over"):
            time.sleep(0.2)  # between the two the handles go away
            conn = None
            continue
        try:
            if conn is None:
                conn = connect(address)
            last = probe(*conn)
        except Exception as e:
            conn, last = None, "lost connection"
            time.sleep(0.05)
        counts[last] = counts.get(last, 0) + 1
        if last == 0 and not there("over"):
            print(f"FAULT at {time.strftime('%T')}: opened without sharing what others have open", flush=True)
        elif last not in (0, "lost connection", SHARING_VIOLATION, FILE_NOT_AVAILABLE):
            print(f"at {time.strftime('%T')}: status {last:#x}", flush=True)
        time.sleep(0.05)
    # The client may have lost sight of a handle: then it must expire.
    conn, start = connect(address), time.time()
    while (end := probe(*conn)) != 0 and time.time() < start + 90:
        time.sleep(0.5)
    if end != 0:
        print(f"FAULT: status {end:#x} when nobody has the file open any more")
    named = {hex(k) if isinstance(k, int) else k: n for k, n in counts.items()}
    print(f"probed: {named}; at the end it got in after {time.time() - start:.0f} s", flush=True)
    open(os.path.join(directory, "probed"), "w").close()


main(sys.argv[1], sys.argv[2])
