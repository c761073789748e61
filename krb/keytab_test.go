package krb

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jcmturner/gokrb5/v8/keytab"

	"github.com/gosmbd/smb/internal/smbtest"
)

// TestKeytabFormat has gokrb5 write one.
func TestKeytabFormat(t *testing.T) {
	kt := keytab.New()
	for i, etype := range []int32{17, 18, 16, 23} {
		if err := kt.AddEntry("cifs/files.example.com", testRealm, "secret", testTime, uint8(i+1), etype); err != nil {
			t.Fatal(err)
		}
	}
	b := must(kt.Marshal())
	got, err := parseKeytab(b)
	if err != nil || len(got) != 3 { // triple DES isn't there
		t.Fatal(got, err)
	}
	for i, e := range got {
		want := kt.Entries[[]int{0, 1, 3}[i]]
		if e.principal.String() != "cifs/files.example.com@EXAMPLE.COM" || e.kvno != want.KVNO || e.key.etype != want.Key.KeyType || !bytes.Equal(e.key.value, want.Key.KeyValue) {
			t.Errorf("entry %d is %v %d", i, e.principal, e.kvno)
		}
	}
}

func TestKeytabRefuses(t *testing.T) {
	good := appendKeytab(testEntry([]string{"cifs", "a"}, 300, newTestKey(aes256, 0x41)))
	hole := append(bytes.Clone(good), 0xff, 0xff, 0xff, 0xfc, 1, 2, 3, 4, 0, 0, 0, 0, 9, 9, 9, 9)
	if e, err := parseKeytab(hole); err != nil || len(e) != 1 || e[0].kvno != 300 {
		t.Errorf("with a hole: %v, %v", len(e), err)
	}
	for name, b := range map[string][]byte{
		"empty": nil, "text": []byte("key"), "version 1": {5, 1}, "cut": good[:len(good)-5],
		"endless hole": {5, 2, 0x80, 0, 0, 0}, "no entry": {5, 2, 0, 0, 0, 1, 0},
		"many parts": {5, 2, 0, 0, 0, 6, 0xff, 0xff, 0, 1, 'R', 0},
	} {
		_, err := parseKeytab(b)
		if !errors.Is(err, errKeytab) || strings.Contains(err.Error(), "AAAA") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeytabReload(t *testing.T) {
	k, next := newTestKey(aes256, 0x11), newTestKey(aes256, 0x12)
	m := newMechanism(t, testEntry([]string{"cifs", "files.example.com"}, 3, k))
	second := filepath.Join(t.TempDir(), "second")
	m.Keytabs = append(m.Keytabs, second)
	m.keys = keytabs{}
	logon := func(k key) bool {
		_, _, done, _ := attempt(t, m, newClient(k).token(t))
		return done
	}
	write := func(path string, b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if logon(k) {
		t.Error("let in although a keytab is missing")
	}
	write(second, appendKeytab(testEntry([]string{"cifs", "files.example.com"}, 4, next)))
	if !logon(k) || !logon(next) {
		t.Error("two keytabs don't work")
	}
	write(second, appendKeytab())
	if !logon(k) || logon(next) {
		t.Error("a key that was taken out is still good")
	}
	write(second, []byte{5})
	if logon(k) {
		t.Error("let in although a keytab is damaged")
	}
	write(second, appendKeytab(testEntry([]string{"host", "files"}, 4, next)))
	if !logon(k) || !logon(next) {
		t.Error("a mended keytab isn't read")
	}
}

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keytab")
	if _, err := Open(path); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("no file: %v", err)
	}
	if err := os.WriteFile(path, appendKeytab(testEntry([]string{"http", "files"}, 1, newTestKey(aes256, 1))), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "cifs/HOST") {
		t.Errorf("no key: %v", err)
	}
}

// TestNoSecretsPrinted prints what holds keys.
func TestNoSecretsPrinted(t *testing.T) {
	k := newTestKey(aes256, 'K')
	m := newMechanism(t, testEntry([]string{"cifs", "files.example.com"}, 3, k))
	c := newClient(k)
	for _, tc := range refusals {
		_, _, _, err := attempt(t, m, c.token(t))
		text := fmt.Sprintf("%v %+v %#v", m, m, err)
		for _, key := range [][]byte{k.value, c.tktKey.value, c.subkey().value} {
			if len(key) < 12 {
				continue // refused for that
			}
			for _, secret := range smbtest.Spellings(key) {
				if strings.Contains(text, secret) {
					t.Fatalf("printed %s", text)
				}
			}
		}
		m = newMechanism(t, testEntry([]string{"cifs", "files.example.com"}, 3, k))
		c = newClient(k)
		tc.change(m, c)
	}
}
