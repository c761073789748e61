package smb_test

import (
	"fmt"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/signing"
	"github.com/gosmbd/smb/smb2"
)

func TestNegotiateEachDialect(t *testing.T) {
	r := newRig(t, nil)
	put(t, r.fs, "f", "hello")
	eachDialect(t, func(t *testing.T, d smb.Dialect) {
		c := r.logon(d)
		if c.Dialect != d {
			t.Fatalf("dialect %v", c.Dialect)
		}
		id := r.open(c, "f")
		data, st := c.Read(id, 0, 100)
		want(t, "READ", st, ok)
		if string(data) != "hello" {
			t.Errorf("read %q", data)
		}
		want(t, "CLOSE", c.CloseFile(id), ok)
		multi := d >= smb.Dialect210
		if got := c.Server.Capabilities&smb2.CapLargeMTU != 0; got != multi {
			t.Errorf("large MTU %v at %v", got, d)
		}
		if got := c.Server.MaxReadSize > 64<<10; got != multi {
			t.Errorf("MaxReadSize %d at %v", c.Server.MaxReadSize, d)
		}
		// A client at 3.1.1 that saw the bit would not look at the context.
		enc := d == smb.Dialect300 || d == smb.Dialect302
		if got := c.Server.Capabilities&smb2.CapEncryption != 0; got != enc {
			t.Errorf("encryption capability %v at %v", got, d)
		}
	})
}

func TestNegotiateEveryAlgorithm(t *testing.T) {
	r := newRig(t, nil)
	for _, cipher := range []uint16{1, 2, 3, 4} {
		for _, alg := range []uint16{0, 1, 2} {
			c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{Ciphers: []uint16{cipher}, Signing: []uint16{alg}})
			if c.Cipher != signing.Cipher(cipher) || c.SignAlg != signing.Algorithm(alg) {
				t.Errorf("got %v and %v", c.Cipher, c.SignAlg)
			}
			r.setup(c, "ann", password)
			r.tree(c, "s")
			alive(t, c)
			c.Session.Seal = true
			r.tree(c, "enc")
			id := r.open(c, "f")
			want(t, "CLOSE", c.CloseFile(id), ok)
			if rep := c.Do(smb2.CommandEcho, smb2.EchoRequest{}); !rep.Sealed {
				t.Error("the reply to an encrypted request is not encrypted")
			}
		}
	}
}

func TestNegotiateMinMax(t *testing.T) {
	r := newRig(t, func(s *smb.Server) { s.MinDialect, s.MaxDialect = smb.Dialect210, smb.Dialect302 })
	for _, tt := range []struct {
		offer []smb.Dialect
		want  smb.Dialect
	}{
		{smbtest.AllDialects, smb.Dialect302},
		{[]smb.Dialect{smb.Dialect210, smb.Dialect202}, smb.Dialect210},
		{[]smb.Dialect{smb.Dialect202}, 0},
		{[]smb.Dialect{smb.Dialect311}, 0},
		{[]smb.Dialect{0x0222}, 0},
	} {
		c := r.dial()
		resp, st := c.Negotiate(tt.offer, smbtest.NegotiateOptions{})
		if tt.want == 0 {
			want(t, "NEGOTIATE", st, smb2.StatusNotSupported)
		} else if st != ok || resp.Dialect != tt.want {
			t.Errorf("%v: %v, %v; want %v", tt.offer, resp.Dialect, st, tt.want)
		}
		c.Close()
	}
}

func TestNegotiateRequiredEncryptionRefusesOldDialects(t *testing.T) {
	r := newRig(t, func(s *smb.Server) { s.Encryption = smb.Required })
	c := r.dial()
	_, st := c.Negotiate([]smb.Dialect{smb.Dialect202, smb.Dialect210}, smbtest.NegotiateOptions{})
	want(t, "NEGOTIATE", st, smb2.StatusNotSupported)
}

func TestNegotiateFromSMB1(t *testing.T) {
	r := newRig(t, nil)
	t.Run("wildcard", func(t *testing.T) {
		c := r.dial()
		c.SendFrame(smb2.AppendSMB1Negotiate(nil, []string{"NT LM 0.12", "SMB 2.002", "SMB 2.???"}))
		rep := c.Wait(0)
		resp, err := smb2.ParseNegotiateResponse(rep.Msg)
		if err != nil || resp.Dialect != smb2.DialectWildcard {
			t.Fatalf("dialect %v, %v", resp.Dialect, err)
		}
		c.NextID = 1
		if _, st := c.Negotiate(nil, smbtest.NegotiateOptions{}); st != ok {
			t.Fatal(st)
		}
		r.setup(c, "ann", password)
		r.tree(c, "s")
	})
	t.Run("2.002", func(t *testing.T) {
		c := r.dial()
		c.SendFrame(smb2.AppendSMB1Negotiate(nil, []string{"NT LM 0.12", "SMB 2.002"}))
		resp, err := smb2.ParseNegotiateResponse(c.Wait(0).Msg)
		if err != nil || resp.Dialect != smb.Dialect202 {
			t.Fatalf("dialect %v, %v", resp.Dialect, err)
		}
		c.NextID, c.Dialect = 1, smb.Dialect202
		r.setup(c, "ann", password)
		r.tree(c, "s")
	})
	t.Run("SMB1 only", func(t *testing.T) {
		c := r.dial()
		c.SendFrame(smb2.AppendSMB1Negotiate(nil, []string{"NT LM 0.12"}))
		dropped(t, "NEGOTIATE", c)
	})
	t.Run("after NEGOTIATE", func(t *testing.T) {
		c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
		c.SendFrame(smb2.AppendSMB1Negotiate(nil, []string{"SMB 2.???"}))
		dropped(t, "NEGOTIATE", c)
	})
	t.Run("twice", func(t *testing.T) {
		c := r.dial()
		c.SendFrame(smb2.AppendSMB1Negotiate(nil, []string{"SMB 2.???"}))
		c.Wait(0)
		c.SendFrame(smb2.AppendSMB1Negotiate(nil, []string{"SMB 2.???"}))
		dropped(t, "NEGOTIATE", c)
	})
	t.Run("wildcard then another request", func(t *testing.T) {
		c := r.dial()
		c.SendFrame(smb2.AppendSMB1Negotiate(nil, []string{"SMB 2.???"}))
		c.Wait(0)
		c.NextID = 1
		c.Send(c.Req(smb2.CommandEcho, smb2.EchoRequest{}))
		dropped(t, "ECHO", c)
	})
}

func TestNegotiateTwiceDrops(t *testing.T) {
	r := newRig(t, nil)
	eachDialect(t, func(t *testing.T, d smb.Dialect) {
		c := r.dialect(d, smbtest.NegotiateOptions{})
		c.Send(c.Req(smb2.CommandNegotiate, smbtest.NegotiateRequest(smbtest.AllDialects, smbtest.NegotiateOptions{})))
		dropped(t, "second NEGOTIATE", c)
	})
}

// What a NEGOTIATE settles belongs to the goroutine that reads, so it comes alone.
func TestNegotiateInCompoundDrops(t *testing.T) {
	r := newRig(t, nil)
	for _, cmd := range []smb2.Command{smb2.CommandCancel, smb2.CommandEcho} {
		for _, first := range []bool{false, true} {
			c := r.dial()
			neg := c.Req(smb2.CommandNegotiate, smbtest.NegotiateRequest([]smb.Dialect{smb.Dialect311}, smbtest.NegotiateOptions{}))
			other := c.Req(cmd, bodies(smb2.FileID{})[cmd])
			neg.CreditCharge, other.CreditCharge = 0, 0
			if first {
				c.Send(neg, other)
			} else {
				other.MessageID = 1
				neg.MessageID = 0
				c.Send(other, neg)
			}
			dropped(t, fmt.Sprint("NEGOTIATE and ", cmd), c)
		}
	}
}

func TestRequestBeforeNegotiateDrops(t *testing.T) {
	r := newRig(t, nil)
	for cmd := smb2.CommandSessionSetup; cmd <= smb2.CommandOplockBreak; cmd++ {
		if cmd == smb2.CommandCancel {
			continue // never answered
		}
		c := r.dial()
		c.Send(c.Req(cmd, bodies(smb2.FileID{})[cmd]))
		dropped(t, cmd.String(), c)
	}
}

func TestNegotiateContexts(t *testing.T) {
	r := newRig(t, nil)
	ctx := func(typ smb2.ContextType, data []byte) smb2.NegotiateContext {
		return smb2.NegotiateContext{Type: typ, Data: data}
	}
	enc := smb2.EncryptionContext{Ciphers: []uint16{2}}.Append(nil)
	sig := smb2.SigningContext{Algorithms: []uint16{1}}.Append(nil)
	pre := smb2.PreauthIntegrityContext{HashAlgorithms: []uint16{smb2.HashSHA512}, Salt: make([]byte, 32)}.Append(nil)
	const invalid = smb2.StatusInvalidParameter
	for _, tt := range []struct {
		name string
		o    smbtest.NegotiateOptions
		want smb2.Status
	}{
		{"unknown ones", smbtest.NegotiateOptions{Contexts: []smb2.NegotiateContext{ctx(0x7777, []byte("abc")), ctx(0x7777, nil), ctx(0x100, make([]byte, 16))}}, ok},
		{"no encryption", smbtest.NegotiateOptions{Ciphers: []uint16{}}, ok},
		{"no signing", smbtest.NegotiateOptions{Signing: []uint16{}}, ok},
		{"no cipher in common", smbtest.NegotiateOptions{Ciphers: []uint16{9, 10}}, ok},
		{"no signing in common", smbtest.NegotiateOptions{Signing: []uint16{9, 10}}, ok},
		{"unknown ciphers first", smbtest.NegotiateOptions{Ciphers: []uint16{9, 8, 7, 6, 5, 2}}, ok},
		{"two preauth", smbtest.NegotiateOptions{Contexts: []smb2.NegotiateContext{ctx(smb2.ContextPreauthIntegrity, pre)}}, invalid},
		{"two encryption", smbtest.NegotiateOptions{Contexts: []smb2.NegotiateContext{ctx(smb2.ContextEncryption, enc)}}, invalid},
		{"two signing", smbtest.NegotiateOptions{Contexts: []smb2.NegotiateContext{ctx(smb2.ContextSigning, sig)}}, invalid},
		{"no preauth", smbtest.NegotiateOptions{NoPreauth: true}, invalid},
		{"empty preauth", smbtest.NegotiateOptions{NoPreauth: true, Contexts: []smb2.NegotiateContext{ctx(smb2.ContextPreauthIntegrity, nil)}}, invalid},
		{"empty ciphers", smbtest.NegotiateOptions{Ciphers: []uint16{}, Contexts: []smb2.NegotiateContext{ctx(smb2.ContextEncryption, []byte{0, 0})}}, invalid},
		{"ciphers cut off", smbtest.NegotiateOptions{Ciphers: []uint16{}, Contexts: []smb2.NegotiateContext{ctx(smb2.ContextEncryption, []byte{2, 0, 1, 0})}}, invalid},
		{"unknown hash", smbtest.NegotiateOptions{NoPreauth: true, Contexts: []smb2.NegotiateContext{ctx(smb2.ContextPreauthIntegrity, smb2.PreauthIntegrityContext{HashAlgorithms: []uint16{7}, Salt: []byte{1}}.Append(nil))}}, smb2.StatusSmbNoPreauthIntegrityHashOverlap},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := r.dial()
			_, st := c.Negotiate(nil, tt.o)
			want(t, "NEGOTIATE", st, tt.want)
			if st != ok {
				return
			}
			r.setup(c, "ann", password)
			r.tree(c, "s")
			if tt.name == "no cipher in common" && c.Cipher != 0 {
				t.Errorf("cipher %v", c.Cipher)
			}
		})
	}
}

// A client without a cipher can't use a share that asks for encryption.
func TestNoCipherNoEncryptedShare(t *testing.T) {
	r := newRig(t, nil)
	c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{Ciphers: []uint16{9}})
	r.setup(c, "ann", password)
	_, st := c.TreeConnect("enc")
	want(t, "TREE_CONNECT", st, smb2.StatusAccessDenied)
}

func TestValidateNegotiate(t *testing.T) {
	r := newRig(t, nil)
	for _, d := range []smb.Dialect{smb.Dialect300, smb.Dialect302} {
		c := r.logon(d)
		req := smb2.ValidateNegotiateInfoRequest{
			Capabilities: c.Asked.Capabilities, GUID: c.Asked.ClientGUID, SecurityMode: c.Asked.SecurityMode, Dialects: c.Asked.Dialects,
		}
		out, st := c.Ioctl(smb2.RelatedFileID, smb2.FsctlValidateNegotiateInfo, req.Append(nil), 24)
		want(t, "VALIDATE_NEGOTIATE_INFO", st, ok)
		got, err := smb2.ParseValidateNegotiateInfoResponse(out)
		if err != nil {
			t.Fatal(err)
		}
		exp := smb2.ValidateNegotiateInfoResponse{
			Capabilities: c.Server.Capabilities, GUID: c.Server.ServerGUID, SecurityMode: c.Server.SecurityMode, Dialect: d,
		}
		if got != exp {
			t.Errorf("%+v, want %+v", got, exp)
		}
		// Whatever differs, somebody sits in between.
		for i, edit := range []func(*smb2.ValidateNegotiateInfoRequest){
			func(q *smb2.ValidateNegotiateInfoRequest) { q.Capabilities ^= 1 },
			func(q *smb2.ValidateNegotiateInfoRequest) { q.GUID[0] ^= 1 },
			func(q *smb2.ValidateNegotiateInfoRequest) { q.SecurityMode ^= 2 },
			func(q *smb2.ValidateNegotiateInfoRequest) { q.Dialects = []smb.Dialect{smb.Dialect202} },
			func(q *smb2.ValidateNegotiateInfoRequest) { q.Dialects = smbtest.AllDialects },
		} {
			c := r.logon(d)
			q := req
			q.GUID = c.Asked.ClientGUID
			edit(&q)
			c.Send(c.Req(smb2.CommandIoctl, smbtest.IoctlReq(smb2.RelatedFileID, smb2.FsctlValidateNegotiateInfo, q.Append(nil), 24)))
			if !c.Dropped() {
				t.Errorf("case %d: not dropped", i)
			}
		}
	}
}
