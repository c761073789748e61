//go:build !linux

package smb

import "errors"

// conduit is what Linux has.
type conduit struct{ r, n int }

func openConduit() *conduit { return nil }

func (p *conduit) close() {}

func (p *conduit) empty() bool { return true }

func (p *conduit) take(conn uintptr, n int) (int, error) { return 0, errors.ErrUnsupported }

func (p *conduit) read(b []byte) error { return errors.ErrUnsupported }
