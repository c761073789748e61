"""Fills a new domain for the tests, and exports the keys of its server.

usage: dc_accounts.py smb.conf password machine machine-password keytab

Prints "name SID" of each account. Needs Samba's python modules.
"""

import sys

import ldb
from samba import dsdb
from samba.auth import system_session
from samba.dcerpc import security
from samba.dckeytab import *  # noqa: F401,F403: gives Net its export_keytab
from samba.ndr import ndr_unpack
from samba.net import Net
from samba.param import LoadParm
from samba.samdb import SamDB

conf, password, machine, machine_password, keytab = sys.argv[1:]
lp = LoadParm()
lp.load(conf)
db = SamDB(session_info=system_session(), lp=lp)
realm = lp.get("realm").lower()


def change(name, **values):
    found = db.search(expression="(samAccountName=%s)" % name, attrs=[])
    m = ldb.Message(found[0].dn)
    for key, value in values.items():
        m[key] = ldb.MessageElement(str(value), ldb.FLAG_MOD_REPLACE, key)
    db.modify(m)


# alice is in engineers, which is in staff, which is in shareholders: a global,
# a universal and a domain local group. The others are in no group.
for user in ("alice", "bob", "disabled", "locked", "expired", "mustchange"):
    db.newuser(user, password)
for group, scope in (
    ("engineers", dsdb.GTYPE_SECURITY_GLOBAL_GROUP),
    ("staff", dsdb.GTYPE_SECURITY_UNIVERSAL_GROUP),
    ("shareholders", dsdb.GTYPE_SECURITY_DOMAIN_LOCAL_GROUP),
    ("strangers", dsdb.GTYPE_SECURITY_GLOBAL_GROUP),
):
    db.newgroup(group, grouptype=scope)
db.add_remove_group_members("engineers", ["alice"])
db.add_remove_group_members("staff", ["engineers"])
db.add_remove_group_members("shareholders", ["staff"])

db.disable_account("(samAccountName=disabled)")
change("expired", accountExpires=10000000)  # in 1601
change("mustchange", pwdLastSet=0)

# Five wrong passwords lock an account, for half an hour.
m = ldb.Message(ldb.Dn(db, db.domain_dn()))
m["lockoutThreshold"] = ldb.MessageElement("5", ldb.FLAG_MOD_REPLACE, "lockoutThreshold")
db.modify(m)

# The file server: keys for AES and RC4.
host = machine.lower()
spns = ["cifs/" + host, "cifs/%s.%s" % (host, realm), "host/" + host, "host/%s.%s" % (host, realm)]
db.newcomputer(machine, service_principal_name_list=spns)
db.setpassword("(samAccountName=%s$)" % machine, machine_password, False)
change(machine + "$", dNSHostName="%s.%s" % (host, realm))
change(machine + "$", **{"msDS-SupportedEncryptionTypes": 28})
for spn in spns:
    Net(None, lp).export_keytab(keytab=keytab, principal=spn)

for found in db.search(expression="(objectSid=*)", attrs=["samAccountName", "objectSid"]):
    if "samAccountName" in found:
        print(found["samAccountName"][0], ndr_unpack(security.dom_sid, found["objectSid"][0]))
