//go:build !smbtorture

package smb

// torture is for tests; see torture.go.
func (r *request) torture(*reply) bool { return false }

// breakSent is for tests; see torture.go.
func (c *conn) breakSent() {}
