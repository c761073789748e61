package krb

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/gosmbd/smb/internal/smbtest"
)

// No key, ticket or authenticator reaches a log or an error, which the server logs,
// whether a logon is refused or not.
func TestNoSecretsLogged(t *testing.T) {
	k := newTestKey(aes256, 0x11)
	ways := append(refusals[:len(refusals):len(refusals)], refusals[0])
	ways[len(refusals)].name, ways[len(refusals)].change = "nothing wrong", func(*Mechanism, *client) {}
	for _, tc := range ways {
		var log strings.Builder
		m := newMechanism(t, testEntry([]string{"cifs", "files.example.com"}, 3, k))
		opts := &slog.HandlerOptions{Level: slog.Level(-100)}
		m.Logger = slog.New(slog.NewMultiHandler(slog.NewTextHandler(&log, opts), slog.NewJSONHandler(&log, opts)))
		c := newClient(k)
		tc.change(m, c)
		token := c.token(t)
		a, reply, done, err := attempt(t, m, token)
		if done != (tc.name == "nothing wrong") {
			t.Errorf("%s: done %v, %v", tc.name, done, err)
		}
		again := c.token(t)
		_, _, later := a.Step(t.Context(), again)
		fmt.Fprintf(&log, "%v %+v %#v %v %#v", err, err, err, later, later)
		m.Logger.Debug("what a server may have in its hands", "mechanism", m, "err", err)
		secrets := map[string][]byte{
			"service's key": k.value, "ticket's key": c.tktKey.value, "client's key": c.subkey().value,
			"ticket": token[len(token)/3:][:100], "authenticator": token[len(token)-100:], "next authenticator": again[len(again)-100:],
		}
		if len(reply) > 100 {
			secrets["reply"] = reply[len(reply)-60:]
		}
		for name, secret := range secrets {
			if len(secret) < 12 {
				continue // refused for that
			}
			for _, s := range smbtest.Spellings(secret) {
				if strings.Contains(log.String(), s) {
					t.Errorf("%s: the %s is shown as %q in %s", tc.name, name, s, log.String())
				}
			}
		}
	}
}
