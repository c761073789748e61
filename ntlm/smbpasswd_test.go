package ntlm

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/gosmbd/smb/internal/ntlmclient"
)

const (
	lm32 = "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"
	tail = ":LCT-5F000000:"
)

func hexHash(password string) string {
	h := HashOf(password)
	return fmt.Sprintf("%X", h[:])
}

func TestSmbpasswd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "smbpasswd")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := OpenSmbpasswd(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	write("# comment\n\n" +
		"alice:1000:" + lm32 + ":" + hexHash("one") + ":[U          ]" + tail + "\n" +
		"Alice:1009:" + lm32 + ":" + hexHash("other") + ":[U          ]" + tail + "\n" +
		"off:1001:" + lm32 + ":" + hexHash("one") + ":[DU         ]" + tail + "\r\n" +
		"nopw:1002:" + lm32 + ":" + hexHash("one") + ":[NU         ]" + tail + "\n" +
		"nohash:1003:" + lm32 + ":NO PASSWORDXXXXXXXXXXXXXXXXXXXXX:[U          ]" + tail + "\n" +
		"xhash:1003:" + lm32 + ":" + lm32 + ":[U          ]" + tail + "\n" +
		"pc$:1004:" + lm32 + ":" + hexHash("one") + ":[W          ]" + tail + "\n" +
		"old:1005:" + lm32 + ":" + hexHash("one") + "\n")
	s, err := OpenSmbpasswd(path)
	if err != nil {
		t.Fatal(err)
	}
	check := func(user, password string, want error) {
		t.Helper()
		a, _, err := logon(t, New(s), &ntlmclient.Client{User: user, Password: password}, nil)
		if !errors.Is(err, want) {
			t.Errorf("%s: error is %v, want %v", user, err, want)
		}
		if err == nil && user == "ALICE" && (a.Caller().Name != "alice" || a.Caller().SID != "S-1-22-1-1000") {
			t.Errorf("caller is %+v", a.Caller())
		}
	}
	check("ALICE", "one", nil)
	check("old", "one", nil)
	check("alice", "other", ErrWrongPassword)
	check("off", "one", ErrDisabled)
	check("off", "two", ErrWrongPassword)
	check("nopw", "one", ErrNoSecret)
	check("nohash", "x", ErrNoSecret)
	check("xhash", "x", ErrNoSecret)
	check("pc$", "one", ErrNoSecret)
	check("none", "one", ErrNoSuchUser)

	write("alice:1000:" + lm32 + ":" + hexHash("three+") + ":[U          ]" + tail + "\n")
	check("alice", "one", ErrWrongPassword)
	check("alice", "three+", nil)
	write("alice:1000:" + lm32 + ":garbage:[U          ]" + tail + "\n")
	check("alice", "three+", errSmbpasswd)
	// What is cut off may have been the flag of a disabled account.
	write("alice:1000:" + lm32 + ":" + hexHash("three+"))
	check("alice", "three+", errCut)
	write("alice:1000:" + lm32 + ":" + hexHash("three+") + ":[U          ]:LCT-")
	check("alice", "three+", nil)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	check("alice", "three+", os.ErrNotExist)
}

func TestSmbpasswdLine(t *testing.T) {
	for _, line := range []string{"", "a", "a:b:c:d", ":1:" + lm32 + ":" + lm32, "a:-1:" + lm32 + ":" + lm32,
		"a:1:x:ABC", "a:1:x:" + hexHash("x")[1:] + "g", "a:99999999999:x:" + lm32} {
		if e, err := parseSmbpasswdLine(line); err == nil {
			t.Errorf("%q gives %+v", line, e)
		}
	}
}
