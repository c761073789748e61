package netlogon

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gosmbd/smb/ntlm"
)

func TestPasswordFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "password")
	secret := PasswordFile(path)
	if _, err := secret(); err == nil {
		t.Error("there is no file")
	}
	for text, want := range map[string]string{"x": "x", "x\n": "x", "x \r\n": "x ", "x\n\n": "x\n", "\n": "", "": ""} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := secret()
		if want == "" && err == nil || want != "" && (err != nil || got != ntlm.HashOf(want)) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
