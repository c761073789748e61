package netlogon

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/internal/utf16le"
)

// NetrServerPasswordSet2, [MS-NRPC] 3.5.4.4.6.
const (
	opServerPasswordSet2 = 30

	trustPasswordLen = 512 // Buffer of an NL_TRUST_PASSWORD, 2.2.1.3.7
)

var (
	errNoPasswordFile = errors.New("netlogon: only a password in Config.PasswordFile can be changed")
	errNoPasswordSet  = errors.New("netlogon: the controller doesn't let machines change their passwords")
)

// Renew gives the machine account another password, a random one, and puts it into
// Config.PasswordFile. Windows does so every 30 days.
//
// The new password is in a file beside it, whose name has ".new" at its end, before the
// controller hears of it, and takes the other's place when the controller has agreed. If
// something comes between, both are tried from then on, and the next Renew sets the same
// once more. An error means that the change isn't finished.
//
// A keytab with the account's keys is of no more use afterwards: leave it to what made the
// keytab to change the password. Where a domain has several controllers, those that haven't
// heard of the change yet refuse the machine, and the others are asked.
func (a *Accounts) Renew(ctx context.Context) error {
	if a.cfg.PasswordFile == "" {
		return errNoPasswordFile
	}
	a.renewing.Lock()
	defer a.renewing.Unlock()
	ctx, cancel := context.WithTimeout(ctx, a.cfg.Timeout)
	defer cancel()
	ch, err := a.open(ctx)
	if err != nil {
		return err
	}
	if ch.session.flags&negPasswordSet2 == 0 {
		return errNoPasswordSet
	}
	file := renewedFile(a.cfg.PasswordFile)
	next, err := file.begin(newPassword)
	if err != nil {
		return fmt.Errorf("netlogon: %w", err)
	}
	if utf16le.Len(next) > trustPasswordLen {
		return fmt.Errorf("netlogon: %s holds no password: it is too long", file.next())
	}
	if err := ch.setPassword(ctx, next); err != nil {
		a.drop(ch)
		return fmt.Errorf("changing the password of the account %s$: %w", a.cfg.Computer, err)
	}
	if err := file.end(); err != nil {
		return fmt.Errorf("netlogon: %w", err)
	}
	return nil
}

// newPassword makes a password of 256 random bits.
func newPassword() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawStdEncoding.EncodeToString(b[:])
}

// setPassword has the controller change the password. What was negotiated with the one
// before still holds. It must not be called by two at a time.
func (ch *channel) setPassword(ctx context.Context, password string) error {
	select {
	case ch.slots <- struct{}{}:
		defer func() { <-ch.slots }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	c, err := ch.take(ctx)
	if err != nil {
		return err
	}
	if ch.session.stored, err = ch.machine.setPassword(ctx, c, ch.session, password); err != nil {
		c.close()
		return err
	}
	ch.give(c)
	return nil
}

// setPassword returns what becomes of session.stored.
func (m *machine) setPassword(ctx context.Context, c *client, s session, password string) (credential, error) {
	now := uint32(time.Now().Unix())
	stored := s.stored.add(now)
	reply, err := c.call(ctx, opServerPasswordSet2, appendPasswordSet2(m, s.key, s.key.credential(stored), now, password))
	if err != nil {
		return credential{}, err
	}
	proof, err := parsePasswordSet2(reply)
	if err != nil {
		return credential{}, err
	}
	stored = stored.add(1)
	if want := s.key.credential(stored); !hmac.Equal(want[:], proof[:]) {
		return credential{}, errTampered
	}
	return stored, nil
}

func appendPasswordSet2(m *machine, key sessionKey, proof credential, now uint32, password string) []byte {
	var e ndr.Encoder
	e.UniqueWString(m.server)
	e.WString(m.name + "$")
	e.U16(workstationChannel)
	e.WString(m.name)
	e.Align(4)
	e.Raw(proof[:])
	e.U32(now)
	e.Raw(sealPassword(key, password))
	return e.Bytes()
}

// sealPassword returns an NL_TRUST_PASSWORD with a password at its end, encrypted:
// [MS-NRPC] 3.4.5.2.6. The password has at most trustPasswordLen octets there.
func sealPassword(key sessionKey, password string) []byte {
	b := make([]byte, trustPasswordLen, trustPasswordLen+4)
	text := utf16le.Append(nil, password)
	rand.Read(b[:trustPasswordLen-len(text)])
	copy(b[trustPasswordLen-len(text):], text)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(text)))
	newCFB8(key, [16]byte{}).encrypt(b)
	return b
}

func parsePasswordSet2(stub []byte) (proof credential, err error) {
	d := ndr.NewDecoder(stub)
	copy(proof[:], d.Bytes(len(proof)))
	d.U32() // the authenticator's time
	return proof, status(d)
}
