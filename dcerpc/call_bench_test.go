package dcerpc_test

import (
	"context"
	"testing"

	"github.com/gosmbd/smb/dcerpc"
)

// BenchmarkCall makes a small call and reads the answer.
func BenchmarkCall(b *testing.B) {
	c := dialer(&dcerpc.Server{}, "ann", echo)()
	write(b, c, bindPDU(11, 4280))
	request := requestPDU(3, 2, 0, make([]byte, 200))
	buf := make([]byte, 4280)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(context.Background(), request); err != nil {
			b.Fatal(err)
		}
		if _, err := c.Read(buf); err != nil {
			b.Fatal(err)
		}
	}
}
