package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gosmbd/smb/internal/harness"
)

// The example server built with the tag profile notes what it does between two signals:
// see its profile.go.

// profileDir makes the directory for the profiles of a phase, and has the server that is
// started next know of it.
func (b *bench) profileDir(p phase) error {
	dir, err := filepath.Abs(filepath.Join(b.o.profile, strings.NewReplacer(" ", "-", ",", "").Replace(p.name)))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	return os.Setenv("SMB_PROFILE", dir)
}

// signalProfile has srv begin or end its profiles, and waits until it said so.
func signalProfile(srv *harness.Server, answer string) error {
	if err := srv.Signal(profileSignal); err != nil {
		return err
	}
	for range 500 {
		if _, said, ok := strings.Cut(srv.Log(), answer+": "); ok && strings.HasSuffix(said, "\n") {
			if said, _, _ = strings.Cut(said, "\n"); said != "<nil>" {
				return fmt.Errorf("%s: %s", answer, said)
			}
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("the server was to be %s, and isn't", answer)
}
