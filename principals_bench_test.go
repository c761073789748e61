package smb_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/vfs"
)

// BenchmarkIdentify is what a logon of a user costs beyond the check of his password: of
// one whom a file of many accounts lists, and of one whom nobody lists.
func BenchmarkIdentify(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		path := filepath.Join(b.TempDir(), "ksmbdpwd.db")
		var text strings.Builder
		for i := range n {
			fmt.Fprintf(&text, "user%d:AAAAAAAAAAAAAAAAAAAAAA==\n", i)
		}
		if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
			b.Fatal(err)
		}
		hourAgo := time.Now().Add(-time.Hour)
		if err := os.Chtimes(path, hourAgo, hourAgo); err != nil {
			b.Fatal(err)
		}
		file, err := ntlm.OpenKsmbdpwd(path)
		if err != nil {
			b.Fatal(err)
		}
		s := &smb.Server{Mechanisms: []smb.Mechanism{ntlm.New(ntlm.FirstOf{file, ntlm.Lookup(nil)})}, Logger: quiet()}
		b.Cleanup(func() { s.Close() })
		for _, name := range []string{"user1", "stranger"} {
			b.Run(fmt.Sprintf("%d users/%s", n, name), func(b *testing.B) {
				for b.Loop() {
					if _, err := s.Identify(b.Context(), &vfs.Caller{Name: name}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
