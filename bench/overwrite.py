# Overwrites a file that is there, without cutting it off first, with Samba's libsmbclient.
# smbclient can't: its put has the server give the file's memory back and take it again.
#
# overwrite.py SMB.CONF smb://SERVER:PORT/SHARE/FILE USER PASSWORD MODE MIB

import ctypes
import os
import sys
import tempfile

conf, url, user, password, mode, mib = sys.argv[1:]

# Whether it encrypts is the server's to say.
MODES = {
    "off": ["client signing = if_required"],
    "cmac": ["client signing = required", "client smb3 signing algorithms = AES-128-CMAC"],
    "sign": ["client signing = required"],
    "encrypt": ["client smb3 encryption algorithms = AES-128-GCM"],
    "gcm256": ["client smb3 encryption algorithms = AES-256-GCM"],
    "ccm": ["client smb3 encryption algorithms = AES-128-CCM"],
}

# It reads the configuration from there.
home = tempfile.TemporaryDirectory()
os.environ["HOME"] = home.name
os.mkdir(home.name + "/.smb")
with open(conf) as given, open(home.name + "/.smb/smb.conf", "w") as f:
    f.write(given.read() + "".join(f"\t{line}\n" for line in MODES[mode]))

smb = ctypes.CDLL("libsmbclient.so.0", use_errno=True)
smb.smbc_write.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t]
smb.smbc_write.restype = ctypes.c_ssize_t


def check(result, what):
    if result < 0:
        sys.exit(f"{what}: {os.strerror(ctypes.get_errno())}")
    return result


@ctypes.CFUNCTYPE(None, *[ctypes.c_void_p, ctypes.c_void_p] + [ctypes.c_void_p, ctypes.c_int] * 3)
def authenticate(server, share, group, grouplen, name, namelen, word, wordlen):
    ctypes.memmove(group, b"\0", 1)
    ctypes.memmove(name, user.encode() + b"\0", len(user) + 1)
    ctypes.memmove(word, password.encode() + b"\0", len(password) + 1)


check(smb.smbc_init(authenticate, 0), "smbc_init")
fd = check(smb.smbc_open(url.encode(), os.O_RDWR, 0), "smbc_open")
block = bytes(range(256)) * (1 << 15)
left = int(mib) << 20
while left > 0:
    left -= check(smb.smbc_write(fd, block, min(left, len(block))), "smbc_write")
check(smb.smbc_close(fd), "smbc_close")
