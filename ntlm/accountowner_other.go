//go:build !unix

package ntlm

import "os"

// keepOwner does nothing: a file has the permissions that its directory lends.
func keepOwner(*os.File, os.FileInfo) error { return nil }

// beforeRename closes a file that is to be replaced, as Windows wants it.
func beforeRename(f *os.File) error { return f.Close() }

// syncDir does nothing: directories can't be flushed.
func syncDir(string) error { return nil }
