package smb

import (
	"cmp"

	"github.com/gosmbd/smb/vfs"
)

// Domain is a Windows or Samba domain that a server is joined to, as clients see it.
type Domain struct {
	// Name is its NetBIOS name, "EXAMPLE". If it is empty, the server is in none.
	Name string

	// DNSName is its DNS name, "example.com"; it may be empty.
	DNSName string

	// Forest is the DNS name of the forest's first domain; empty means DNSName.
	Forest string

	// SID is that of the domain, with which those of its users begin; empty if it isn't
	// known.
	SID vfs.SID
}

// joined returns the domain that the server is in.
func (s *Server) joined() Domain {
	if s.Domain == nil {
		return Domain{}
	}
	d := s.Domain()
	if d.Name == "" {
		return Domain{}
	}
	d.Forest = cmp.Or(d.Forest, d.DNSName)
	if !d.SID.Valid() {
		d.SID = ""
	}
	return d
}
