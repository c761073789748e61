//go:build !amd64 || purego

package signing

const hasWide = false

// wideGCM has a use on other processors only.
type wideGCM struct{}

func newWideGCM([]byte) *wideGCM { return nil }

func (*wideGCM) crypt(_, _, _ []byte, _ bool) [Size]byte { panic("signing: not for this processor") }
