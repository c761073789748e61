"""Drives a server with impacket; interop/impacket_test.go calls it.

usage: impacket_client.py PORT USER PASSWORD DIALECT WHAT

Prints "ok" at the end, or a traceback.
"""

import hashlib
import os
import random
import struct
import sys

from impacket.dcerpc.v5 import lsad, lsat, rrp, samr, scmr, srvs, transport, wkst
from impacket.dcerpc.v5.dtypes import MAXIMUM_ALLOWED
from impacket.dcerpc.v5.rpcrt import RPC_C_AUTHN_LEVEL_PKT_PRIVACY, DCERPCException
from impacket.smb3structs import (
    SMB2_DIALECT_002,
    SMB2_DIALECT_21,
    SMB2_DIALECT_30,
    SMB2_SESSION_FLAG_ENCRYPT_DATA,
)
from impacket.smbconnection import SessionError, SMBConnection

DIALECTS = {
    "any": None,
    "2.0.2": SMB2_DIALECT_002,
    "2.1": SMB2_DIALECT_21,
    "3.0": SMB2_DIALECT_30,
}
HOST = "127.0.0.1"


def connect(port, dialect):
    return SMBConnection(HOST, HOST, sess_port=port, preferredDialect=DIALECTS[dialect], timeout=30)


def fails(status, f, *args):
    """f must fail with the status."""
    try:
        f(*args)
    except Exception as e:
        code = e.getErrorCode() if isinstance(e, SessionError) else getattr(e, "error", None)
        if code is None:
            code = getattr(e, "get_error_code", lambda: None)()
        if code not in status:
            raise AssertionError("%s: %r, wanted %s" % (f.__name__, e, [hex(s) for s in status]))
        return
    raise AssertionError("%s succeeded" % f.__name__)


def walk(conn, share, path):
    """Yields the names of all files below path."""
    for e in conn.listPath(share, path + "\\*"):
        name = e.get_longname()
        if name in (".", ".."):
            continue
        if e.is_directory():
            yield from walk(conn, share, path + "\\" + name)
        else:
            yield path + "\\" + name, e.get_filesize()


def files(conn):
    """Lists the shares, makes, writes, walks, reads, renames and deletes."""
    names = [s["shi1_netname"][:-1] for s in conn.listShares()]
    assert "share" in names and "IPC$" in names, names
    sums = {}
    conn.createDirectory("share", "imp")
    for d in range(3):
        conn.createDirectory("share", "imp\\d%d" % d)
        for size in (0, 1, 65536, 1234567):
            data = random.Random(size).randbytes(size)
            chunks = [data[i:i + 65536] for i in range(0, size, 65536)] + [b""]
            name = "imp\\d%d\\f%d" % (d, size)
            conn.putFile("share", name, lambda n, it=iter(chunks): next(it))
            sums["\\" + name] = (size, hashlib.sha256(data).hexdigest())
    seen = dict(walk(conn, "share", "\\imp"))
    assert seen == {n: s for n, (s, _) in sums.items()}, seen
    for name, (_, digest) in sums.items():
        h = hashlib.sha256()
        conn.getFile("share", name, h.update)
        assert h.hexdigest() == digest, name
    conn.rename("share", "imp\\d0\\f1", "imp\\d1\\renamed")
    fails([0xC0000034], conn.deleteFile, "share", "imp\\d0\\f1")
    fails([0xC0000101], conn.deleteDirectory, "share", "imp\\d1")
    conn.deleteFile("share", "imp\\d1\\renamed")
    for name in sums:
        if not name.endswith("d0\\f1"):
            conn.deleteFile("share", name)
    for d in range(3):
        conn.deleteDirectory("share", "imp\\d%d" % d)
    conn.deleteDirectory("share", "imp")
    tid = conn.connectTree("share")
    conn.disconnectTree(tid)
    fails([0xC00000CC], conn.connectTree, "nosuchshare")


FULL_EA = 15  # FileFullEaInformation


def ea(name, value=b""):
    """FILE_FULL_EA_INFORMATION, alone."""
    return struct.pack("<IBBH", 0, 0, len(name), len(value)) + name + b"\0" + value


def eas(conn):
    low = conn.getSMBServer()
    tree = conn.connectTree("share")
    f = conn.createFile(tree, "f")

    def set(data):
        low.setInfo(tree, f, data, fileInfoClass=FULL_EA)

    def get(names=b"", flags=1):
        return bytes(low.queryInfo(tree, f, names, fileInfoClass=FULL_EA, flags=flags))

    fails([0xC0000052], get)
    set(ea(b"Author", b"Ann"))
    assert get() == ea(b"Author", b"Ann"), get()
    wanted = struct.pack("<IB", 0, 6) + b"AUTHOR\0"
    assert get(wanted) == ea(b"Author", b"Ann"), get(wanted)
    size = bytes(low.queryInfo(tree, f, b"", fileInfoClass=7))
    assert size == struct.pack("<I", 4 + 4 + 7 + 3), size
    fails([0x80000013], set, ea(b"a:b", b"x"))
    fails([0x80000014], set, ea(b"a", b"x")[:-1])
    set(ea(b"author"))
    fails([0xC0000052], get)
    conn.closeFile(tree, f)


def rpc(conn, port, user, password):
    """Calls the server and workstation services, with and without fragments, and sealed."""
    for fragment, level in ((0, None), (24, None), (0, RPC_C_AUTHN_LEVEL_PKT_PRIVACY)):
        t = transport.SMBTransport(HOST, filename=r"\srvsvc", smb_connection=conn)
        t.set_dport(port)
        dce = t.get_dce_rpc()
        if level:
            t.set_credentials(user, password)
            dce.set_auth_level(level)
        dce.connect()
        if fragment:
            # The request goes out in pieces, by WRITE and READ.
            dce.set_max_fragment_size(fragment)
        dce.bind(srvs.MSRPC_UUID_SRVS)
        for level in (0, 1, 2, 501, 502, 503):
            if level == 503 and os.environ.get("SMB_INTEROP_PEER") == "smbd":
                continue  # Samba lacks it
            try:
                r = srvs.hNetrShareEnum(dce, level)
            except Exception as e:
                # 2 and up may be for administrators
                if level in (0, 1) or "ACCESS_DENIED" not in str(e).upper():
                    raise
                continue
            assert r["ErrorCode"] == 0
        assert "share" in [s["shi1_netname"][:-1] for s in srvs.hNetrShareEnum(dce, 1)
                           ["InfoStruct"]["ShareInfo"]["Level1"]["Buffer"]]
        r = srvs.hNetrShareGetInfo(dce, "share\x00", 1)
        assert r["InfoStruct"]["ShareInfo1"]["shi1_netname"] == "share\x00"
        fails([2310, 123], srvs.hNetrShareGetInfo, dce, "nosuch\x00", 1)
        r = srvs.hNetrServerGetInfo(dce, 101)
        assert r["InfoStruct"]["ServerInfo101"]["sv101_name"] != "\x00"
        srvs.hNetrRemoteTOD(dce)
        dce.disconnect()
    t = transport.SMBTransport(HOST, filename=r"\wkssvc", smb_connection=conn)
    dce = t.get_dce_rpc()
    dce.connect()
    dce.bind(wkst.MSRPC_UUID_WKST)
    r = wkst.hNetrWkstaGetInfo(dce, 100)
    assert r["WkstaInfo"]["WkstaInfo100"]["wki100_computername"] != "\x00"
    dce.disconnect()
    accounts(conn, user)


def accounts(conn, user):
    """Translates SIDs and names; who has an account is for administrators."""
    t = transport.SMBTransport(HOST, filename=r"\lsarpc", smb_connection=conn)
    dce = t.get_dce_rpc()
    dce.connect()
    dce.bind(lsat.MSRPC_UUID_LSAT)
    policy = lsad.hLsarOpenPolicy2(dce, MAXIMUM_ALLOWED | lsat.POLICY_LOOKUP_NAMES)["PolicyHandle"]
    names = (user, "Everyone", "BUILTIN\\Administrators")
    for lookup in (lsat.hLsarLookupNames, lsat.hLsarLookupNames2, lsat.hLsarLookupNames3):
        kinds = [s["Use"] for s in lookup(dce, policy, names)["TranslatedSids"]["Sids"]]
        assert kinds == [1, 5, 4], kinds
    sid = lsat.hLsarLookupNames3(dce, policy, names)["TranslatedSids"]["Sids"][0]["Sid"].formatCanonical()
    for lookup in (lsat.hLsarLookupSids, lsat.hLsarLookupSids2):
        r = lookup(dce, policy, [sid, "S-1-5-32-545"], lsat.LSAP_LOOKUP_LEVEL.LsapLookupWksta)
        assert [n["Name"] for n in r["TranslatedNames"]["Names"]] == [user, "Users"]
    assert lsat.hLsarGetUserName(dce)["UserName"] == user
    dce.disconnect()
    t = transport.SMBTransport(HOST, filename=r"\samr", smb_connection=conn)
    dce = t.get_dce_rpc()
    dce.connect()
    dce.bind(samr.MSRPC_UUID_SAMR)
    if os.environ.get("SMB_INTEROP_PEER") != "smbd":
        try:
            samr.hSamrConnect2(dce)
            raise AssertionError("a user may look at accounts")
        except DCERPCException as e:
            assert "access_denied" in str(e), e
    dce.disconnect()


def bound(conn, pipe, uuid):
    """Opens a pipe and binds to an interface."""
    dce = transport.SMBTransport(HOST, filename="\\" + pipe, smb_connection=conn).get_dce_rpc()
    dce.connect()
    dce.bind(uuid)
    return dce


PRODUCT = "SYSTEM\\CurrentControlSet\\Control\\ProductOptions\x00"
SHARES = "SYSTEM\\CurrentControlSet\\Services\\LanmanServer\\Shares\x00"


def look(conn):
    """What a user may see of registry and services: next to nothing."""
    dce = bound(conn, "winreg", rrp.MSRPC_UUID_RRP)
    hklm = rrp.hOpenLocalMachine(dce)["phKey"]
    key = rrp.hBaseRegOpenKey(dce, hklm, PRODUCT, samDesired=0x20019)["phkResult"]
    assert rrp.hBaseRegQueryValue(dce, key, "ProductType")[1] == "ServerNT\x00"
    fails([5], rrp.hBaseRegOpenKey, dce, hklm, SHARES)
    fails([5], rrp.hBaseRegEnumKey, dce, hklm, 0)
    fails([5], rrp.hOpenUsers, dce)
    dce = bound(conn, "svcctl", scmr.MSRPC_UUID_SCMR)
    fails([5], scmr.hROpenSCManagerW, dce)


def manage(conn):
    """What an administrator may see of them, and that he can change nothing."""
    dce = bound(conn, "winreg", rrp.MSRPC_UUID_RRP)
    hklm = rrp.hOpenLocalMachine(dce)["phKey"]
    names = []
    for i in range(100):
        try:
            names.append(rrp.hBaseRegEnumKey(dce, hklm, i)["lpNameOut"])
        except rrp.DCERPCSessionError as e:
            assert e.error_code == 259
            break
    assert names == ["SOFTWARE\x00", "SYSTEM\x00"], names
    key = rrp.hBaseRegOpenKey(dce, hklm, SHARES)["phkResult"]
    info = rrp.hBaseRegQueryInfoKey(dce, key)
    assert info["lpcValues"] == 1 and info["lpcSubKeys"] == 0
    value = rrp.hBaseRegEnumValue(dce, key, 0, 4096)
    assert value["lpValueNameOut"] == "share\x00"
    assert b"P\0a\0t\0h\0=\0" in b"".join(value["lpData"])
    fails([5], rrp.hBaseRegSetValue, dce, key, "a\x00", 1, "b\x00")
    fails([5], rrp.hBaseRegCreateKey, dce, hklm, "new\x00")
    fails([5], rrp.hBaseRegSaveKey, dce, hklm, "file\x00")
    rrp.hBaseRegCloseKey(dce, key)
    dce = bound(conn, "svcctl", scmr.MSRPC_UUID_SCMR)
    manager = scmr.hROpenSCManagerW(dce)["lpScHandle"]
    names = [s["lpServiceName"] for s in scmr.hREnumServicesStatusW(dce, manager)]
    assert "LanmanServer\x00" in names, names
    service = scmr.hROpenServiceW(dce, manager, "LanmanServer\x00")["lpServiceHandle"]
    assert scmr.hRQueryServiceStatus(dce, service)["lpServiceStatus"]["dwCurrentState"] == 4
    assert scmr.hRQueryServiceConfigW(dce, service)["lpServiceConfig"]["lpDisplayName"] == "Server\x00"
    fails([5], scmr.hRControlService, dce, service, 1)
    fails([5], scmr.hRDeleteService, dce, service)
    fails([5], scmr.hRCreateServiceW, dce, manager, "x\x00", "x\x00", 0xF01FF, 16, 3, 0, "x\x00")


def unsigned(conn):
    """Stops signing: whatever comes then must be refused."""
    low = conn.getSMBServer()
    low._Session["SigningActivated"] = False
    low._Session["SessionFlags"] &= ~SMB2_SESSION_FLAG_ENCRYPT_DATA
    fails([0xC0000022], conn.connectTree, "share")


def main():
    port, user, password, dialect, what = sys.argv[1:]
    port = int(port)
    conn = connect(port, dialect)
    if what == "badpassword":
        fails([0xC000006D], conn.login, user, password)
        print("ok")
        return
    conn.login(user, password)
    if dialect != "any":
        assert conn.getDialect() == DIALECTS[dialect], hex(conn.getDialect())
    if what == "files":
        files(conn)
    elif what == "eas":
        eas(conn)
    elif what == "rpc":
        rpc(conn, port, user, password)
    elif what == "look":
        look(conn)
    elif what == "manage":
        manage(conn)
    elif what == "unsigned":
        unsigned(conn)
        print("ok")
        return
    else:
        sys.exit("don't know " + what)
    conn.logoff()
    print("ok")


main()
