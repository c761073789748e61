package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gosmbd/smb/netlogon"
	"github.com/gosmbd/smb/ntlm"
)

// A controller refuses logons to a server that calls itself by another name than that of its account:
// -name changes what clients see elsewhere.
func TestNameInDomain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "machine")
	if err := os.WriteFile(file, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := &config{name: "PUBLIC"}
	host := func() string {
		m, err := newNTLM(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return m.(*ntlm.Mechanism).Host
	}
	if got := host(); got != "PUBLIC" {
		t.Errorf("without a domain: %q", got)
	}
	cfg.domain = domainConfig{name: "EXAMPLE", dnsName: "example.com", computer: "FILES", passwordFile: file,
		controllers: []netlogon.Controller{{Name: "dc", Addr: "127.0.0.1:1"}}}
	if got := host(); got != "FILES" {
		t.Errorf("in a domain: %q", got)
	}
}
