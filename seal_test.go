package smb_test

import (
	"bytes"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/smb2"
)

// Large encrypted frames, each of which is read while the one before it is decrypted, are
// taken in their order; when one is bad, or the connection ends in the middle of one,
// nothing of what was read ahead stays behind.
func TestSealedReadAhead(t *testing.T) {
	const size, count = 512 << 10, 6
	for _, end := range []string{"close", "half a frame", "bad frame", "bad frame, then half a frame"} {
		t.Run(end, func(t *testing.T) {
			r := newRig(t, nil)
			c := r.logon(smb.Dialect311)
			c.Session.Seal = true
			id := r.open(c, "f")
			for c.Credits < count*size>>16+1 {
				c.Echo()
			}
			write := func(i int) []byte {
				return c.Build(c.Req(smb2.CommandWrite, smb2.WriteRequest{FileID: id, Offset: uint64(i) * size, Data: bytes.Repeat([]byte{byte('a' + i)}, size)}))
			}
			first := c.NextID
			go func(frames [][]byte) {
				for _, f := range frames {
					c.SendFrame(f)
				}
			}([][]byte{write(0), write(1), write(2), write(3), write(4)})
			for i := range 5 {
				want(t, "WRITE", c.Wait(first+uint64(i)*(size>>16)).Status, ok)
				data, st := c.Read(id, uint64(i)*size, 1000)
				if st != ok || !bytes.Equal(data, bytes.Repeat([]byte{byte('a' + i)}, 1000)) {
					t.Errorf("WRITE %d: %v, or other content", i, st)
				}
			}
			f := write(5)
			half := append([]byte{0, 8, 0, 64}, f[:size/2]...)
			switch end {
			case "close":
				want(t, "CLOSE", c.CloseFile(id), ok)
				c.Close()
			case "half a frame":
				c.SendBytes(half)
				c.Close()
			case "bad frame":
				f[len(f)-1] ^= 1
				c.SendFrame(f)
				dropped(t, "bad frame", c)
			default:
				f[len(f)-1] ^= 1
				c.SendFrame(f)
				c.SendBytes(half)
				dropped(t, "bad frame", c)
			}
		})
	}
}
