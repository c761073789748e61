//go:build !linux

package smb

import "io"

func (t *tcp) writeAtOnce() (done bool) { return false }

func (t *tcp) reader() io.Reader { return t.nc }
