package smb_test

import (
	"encoding/binary"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/internal/ntlmclient"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

// srvsvcBody is the body of a bind to the server service.
func srvsvcBody() []byte {
	b := bindBody()
	srvsvc := dcerpc.MustUUID("4b324fc8-1670-01d3-1278-5a47bf6ee188")
	copy(b[16:], append(srvsvc[:], 3))
	return b
}

// TestPipeRelayed has a user without rights pass on the logon of an administrator whom he
// lured to his machine. He doesn't have the key, so it is of no use.
func TestPipeRelayed(t *testing.T) {
	var shares smb.EditableShares
	shares.Set("victim", &smb.Share{FS: &memfs.FS{}})
	r := newRig(t, func(s *smb.Server) {
		s.Shares = &shares
		s.Mechanisms = []smb.Mechanism{ntlm.New(ntlm.Static{
			"ann":  {Password: password},
			"root": {Password: password, Groups: []vfs.SID{vfs.SIDAdministrators}},
		})}
	})
	c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
	r.setup(c, "ann", password)
	p := r.openPipe(t, c)
	victim := &ntlmclient.Client{User: "root", Password: password}
	ack := p.transceive(p.pdu(11, dcerpc.LevelConnect, victim.Negotiate(), srvsvcBody()))
	message, _, err := victim.Authenticate(ack[len(ack)-int(binary.LittleEndian.Uint16(ack[10:])):])
	if err != nil {
		t.Fatal(err)
	}
	p.write(p.pdu(16, dcerpc.LevelConnect, message, []byte{0, 0, 0, 0}))
	var e ndr.Encoder
	e.Ptr(false)
	e.WString("victim")
	e.U32(0)
	resp := p.transceive(p.pdu(0, 0, nil, []byte{0, 0, 0, 0, 0, 0, 18, 0}, e.Bytes())) // NetrShareDel
	if resp[2] != 3 || dcerpc.Fault(binary.LittleEndian.Uint32(resp[24:])) != dcerpc.FaultAccessDenied {
		t.Errorf("NetrShareDel: %x", resp)
	}
	if sh, _ := shares.Share(t.Context(), "victim"); sh == nil {
		t.Error("the share is gone")
	}
}
