package smb

import (
	"context"

	"github.com/gosmbd/smb/dcerpc/srvsvc"
	"github.com/gosmbd/smb/dcerpc/svcctl"
	"github.com/gosmbd/smb/dcerpc/winreg"
)

// registry returns the server's registry: what every server has, and above it what the
// embedder gave.
func (v rpcServer) registry(ctx context.Context) []winreg.Table {
	c := winreg.Computer{Name: v.s.name, Domain: v.s.joined().DNSName, Product: "SMB file server", Major: versionMajor, Minor: versionMinor}
	var shares []winreg.Value
	for _, s := range v.Shares(ctx) {
		if s.Type&srvsvc.TypeSpecial == 0 {
			shares = append(shares, winreg.ShareValue(s.Name, s.Path, s.Comment, s.MaxUses))
		}
	}
	return []winreg.Table{c.Table(), {winreg.SharesKey: shares}, v.s.Registry}
}

// rpcServices are the services of Windows that tools look for on a file server; those that
// the server has a part of are running.
var rpcServices = []svcctl.Service{
	{Name: "LanmanServer", DisplayName: "Server", Description: "Shares files over the network.", Running: true},
	{Name: "LanmanWorkstation", DisplayName: "Workstation", Description: "Tells about the computer.", Running: true},
	{Name: "Netlogon", DisplayName: "Netlogon", Description: "Checks logons with a domain controller."},
	{Name: "RemoteRegistry", DisplayName: "Remote Registry", Description: "Lets administrators read the registry.", Running: true},
	{Name: "Spooler", DisplayName: "Print Spooler", Description: "Prints. There are no printers."},
}
