package netlogon

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/smb2"
)

// TestNoSecretsTold looks for passwords, keys and responses in what is printed of all that
// there is, and in every error, whatever the controller does.
func TestNoSecretsTold(t *testing.T) {
	all := misdeeds()
	all["honest"] = misdeed{change: func(*fakeDC) {}}
	for _, st := range []smb2.Status{smb2.StatusWrongPassword, smb2.StatusNoSuchUser, smb2.StatusAccountDisabled, smb2.StatusAccessDenied, 0xC0FFEE00} {
		all[st.String()] = misdeed{change: func(f *fakeDC) { f.status = st }}
	}
	for name, c := range all {
		t.Run(name, func(t *testing.T) {
			dc := newFakeDC()
			info := aliceInfo()
			rand.Read(info.key[:])
			dc.info = samInfoBytes(info)
			c.change(dc)
			a := newAccounts(t, dc)
			at := newTestAttempt()
			rand.Read(at.NTResponse[:16])
			on, err := a.Authenticate(t.Context(), at)
			hash := ntlm.HashOf(testPassword)
			secrets := map[string][]byte{"password": []byte(testPassword), "hash": hash[:], "response": at.NTResponse[:16], "key of the user": info.key[:]}
			var text strings.Builder
			a.mu.Lock()
			ch := a.channel
			a.mu.Unlock()
			if ch != nil {
				secrets["key of the channel"] = bytes.Clone(ch.session.key[:])
				fmt.Fprintf(&text, "%+v %#v %+v %#v\n", ch, ch, ch.session, ch.machine)
			} else if name == "honest" {
				t.Error("there is no channel")
			}
			dc.change(func() { dc.down = true })
			dc.restart()
			_, later := a.Authenticate(t.Context(), at)
			for _, v := range []any{on, err, later, a, a.cfg, *at, at} {
				fmt.Fprintf(&text, "%v %+v %#v %s\n", v, v, v, v)
			}
			for name, secret := range secrets {
				for _, s := range smbtest.Spellings(secret) {
					if strings.Contains(text.String(), s) {
						t.Errorf("the %s is told as %q in\n%s", name, s, text.String())
					}
				}
			}
		})
	}
}
