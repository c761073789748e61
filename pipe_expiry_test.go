package smb_test

import (
	"bytes"
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/internal/ntlmclient"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/smb2"
)

// TestPipeExpiry outlasts a logon on a pipe, in a session that is renewed.
func TestPipeExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(s *smb.Server) { s.Mechanisms = []smb.Mechanism{brief{ntlm.New(accounts()), time.Hour}} })
		c := r.logon(smb.Dialect311)
		p := r.openPipe(t, c)
		own := &rpcPipe{t: t, c: c, id: r.create(c, smbtest.CreateReq("srvsvc", smb2.Open))}
		own.transceive(own.pdu(11, 0, nil, bindBody()))
		p.write(p.logon(&ntlmclient.Client{User: "bob", Password: password + "!"}, dcerpc.LevelConnect))
		call := func(p *rpcPipe) []byte { return p.transceive(p.pdu(0, 0, nil, listening)) }
		time.Sleep(time.Hour - time.Second)
		if resp := call(p); !bytes.HasSuffix(resp, isListening) {
			t.Errorf("in time: %x", resp)
		}
		_, st := c.Logon(&smbtest.Logon{User: "ann", Password: password, Again: c.Session})
		want(t, "logon", st, ok)
		time.Sleep(2 * time.Second)
		resp := call(p)
		if resp[2] != 3 || dcerpc.Fault(binary.LittleEndian.Uint32(resp[24:])) != dcerpc.FaultSecurity {
			t.Errorf("after expiry: %x", resp)
		}
		if resp := call(own); !bytes.HasSuffix(resp, isListening) {
			t.Errorf("as who has the session: %x", resp)
		}
		end(r, c)
	})
}
