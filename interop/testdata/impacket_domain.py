"""Prints the domain that a server says it is in: HOST USER PASSWORD."""
import sys

from impacket.dcerpc.v5 import lsad, transport, wkst

host, user, password = sys.argv[1:]


def bind(pipe, uuid):
    t = transport.DCERPCTransportFactory("ncacn_np:%s[\\pipe\\%s]" % (host, pipe))
    t.set_credentials(user, password)
    dce = t.get_dce_rpc()
    dce.connect()
    dce.bind(uuid)
    return dce


info = wkst.hNetrWkstaGetInfo(bind("wkssvc", wkst.MSRPC_UUID_WKST), 100)["WkstaInfo"]["WkstaInfo100"]
print("wkssvc:", info["wki100_langroup"].rstrip("\0"))
dce = bind("lsarpc", lsad.MSRPC_UUID_LSAD)
policy = lsad.hLsarOpenPolicy2(dce, lsad.POLICY_VIEW_LOCAL_INFORMATION)["PolicyHandle"]
level = lsad.POLICY_INFORMATION_CLASS.PolicyDnsDomainInformation
info = lsad.hLsarQueryInformationPolicy2(dce, policy, level)["PolicyInformation"]["PolicyDnsDomainInfo"]
print("lsarpc:", info["Name"], info["DnsDomainName"], info["DnsForestName"], info["Sid"].formatCanonical())
