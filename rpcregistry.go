package smb

import (
	"context"

	"github.com/gosmbd/smb/dcerpc/srvsvc"
	"github.com/gosmbd/smb/dcerpc/winreg"
)

// registry returns the server's registry: what every server has, and above it what the
// embedder gave.
func (v rpcServer) registry(ctx context.Context) []winreg.Table {
	c := winreg.Computer{Name: v.s.name, Product: "SMB file server", Major: versionMajor, Minor: versionMinor}
	var shares []winreg.Value
	for _, s := range v.Shares(ctx) {
		if s.Type&srvsvc.TypeSpecial == 0 {
			shares = append(shares, winreg.ShareValue(s.Name, s.Path, s.Comment, s.MaxUses))
		}
	}
	return []winreg.Table{c.Table(), {winreg.SharesKey: shares}, v.s.Registry}
}
