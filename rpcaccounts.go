package smb

import (
	"context"

	"github.com/gosmbd/smb/dcerpc/dssetup"
	"github.com/gosmbd/smb/dcerpc/lsarpc"
	"github.com/gosmbd/smb/dcerpc/samr"
	"github.com/gosmbd/smb/vfs"
)

// rpcAccounts is what the RPC interfaces see of those who have accounts on a Server.
type rpcAccounts struct{ s *Server }

// Domains implements samr.Server.
func (v rpcAccounts) Domains(ctx context.Context) (account, builtin *samr.Domain, err error) {
	d, err := v.s.directory(ctx, false)
	if err != nil {
		v.s.log.Error("smb: account store failed", "err", err)
		return nil, nil, err
	}
	return &d.account, &d.builtin, nil
}

// Policy implements lsarpc.Server.
func (v rpcAccounts) Policy(context.Context) lsarpc.Policy {
	d := v.s.joined()
	return lsarpc.Policy{
		Name: v.s.accountDomain(), SID: v.s.sid,
		Domain: d.Name, DomainSID: d.SID, DNSDomain: d.DNSName, Forest: d.Forest,
	}
}

// Role implements dssetup.Server.
func (v rpcAccounts) Role(context.Context) dssetup.Role {
	d := v.s.joined()
	return dssetup.Role{Domain: d.Name, DNSDomain: d.DNSName, Forest: d.Forest, Member: d.Name != ""}
}

// NamesOf implements lsarpc.Server.
func (v rpcAccounts) NamesOf(ctx context.Context, sids []vfs.SID) ([]lsarpc.Name, error) {
	t, err := v.s.newTranslation(ctx)
	if err != nil {
		v.s.log.Error("smb: account store failed", "err", err)
		return nil, err
	}
	names := make([]lsarpc.Name, len(sids))
	for i, sid := range sids {
		names[i] = t.nameOf(sid)
	}
	return names, nil
}

// SIDsOf implements lsarpc.Server.
func (v rpcAccounts) SIDsOf(ctx context.Context, names []string) ([]lsarpc.Name, error) {
	t, err := v.s.newTranslation(ctx)
	if err != nil {
		v.s.log.Error("smb: account store failed", "err", err)
		return nil, err
	}
	sids := make([]lsarpc.Name, len(names))
	for i, name := range names {
		sids[i] = t.sidOf(name)
	}
	return sids, nil
}

// Holders implements lsarpc.Server: what the engine grants. See vfs.Caller.Token.
func (rpcAccounts) Holders(context.Context) []lsarpc.Holder {
	const traverse, network = "SeChangeNotifyPrivilege", "SeNetworkLogonRight"
	return []lsarpc.Holder{
		{SID: vfs.SIDAdministrators, Rights: []string{
			"SeSecurityPrivilege", "SeTakeOwnershipPrivilege", "SeBackupPrivilege", "SeRestorePrivilege", traverse, network,
		}},
		{SID: vfs.SIDUsers, Rights: []string{traverse, network}},
	}
}
