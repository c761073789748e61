package smb2

import (
	"bytes"
	"testing"
)

func TestCommandString(t *testing.T) {
	for c, want := range map[Command]string{
		CommandNegotiate: "NEGOTIATE", CommandTreeDisconnect: "TREE_DISCONNECT", CommandIoctl: "IOCTL",
		CommandCancel: "CANCEL", CommandQueryDirectory: "QUERY_DIRECTORY", CommandOplockBreak: "OPLOCK_BREAK",
		0x13: "Command(19)", 0xFFFF: "Command(65535)",
	} {
		if got := c.String(); got != want {
			t.Errorf("%#x: %q, want %q", uint16(c), got, want)
		}
	}
}

func TestBreakStructureSize(t *testing.T) {
	for want, m := range map[uint16]appender{
		OplockBreakSize: OplockBreak{}, LeaseBreakAckSize: LeaseBreakAck{}, LeaseBreakNotificationSize: LeaseBreakNotification{},
	} {
		b := element(m)
		if got := BreakStructureSize(b); got != want || len(b) != HeaderSize+int(want) {
			t.Errorf("%T: %d of %d bytes, want %d", m, got, len(b)-HeaderSize, want)
		}
	}
	if got := BreakStructureSize(make([]byte, HeaderSize+1)); got != 0 {
		t.Errorf("short message: %d", got)
	}
}

func TestPut(t *testing.T) {
	h := Header{Command: CommandEcho, MessageID: 7, TreeID: 3}
	b := bytes.Repeat([]byte{0xFF}, HeaderSize+1)
	h.Put(b)
	if !bytes.Equal(b[:HeaderSize], h.Append(nil)) || b[HeaderSize] != 0xFF {
		t.Errorf("header: % x", b)
	}
	x := TransformHeader{SessionID: 7, Flags: TransformEncrypted}
	b = bytes.Repeat([]byte{0xFF}, TransformHeaderSize+1)
	x.Put(b)
	if !bytes.Equal(b[:TransformHeaderSize], x.Append(nil)) || b[TransformHeaderSize] != 0xFF {
		t.Errorf("transform header: % x", b)
	}
	if !IsTransform(b) || IsTransform(b[:3]) || IsTransform(h.Append(nil)) {
		t.Error("IsTransform is wrong")
	}
}

func TestFindContext(t *testing.T) {
	list := []CreateContext{{Name: ContextMxAc}, {Name: ContextQFid, Data: []byte{1}}, {Name: ContextQFid, Data: []byte{2}}}
	if data, ok := FindContext(list, ContextQFid); !ok || !bytes.Equal(data, []byte{1}) {
		t.Errorf("QFid: %v, %v", data, ok)
	}
	if data, ok := FindContext(list, ContextMxAc); !ok || data != nil {
		t.Errorf("MxAc: %v, %v", data, ok)
	}
	if _, ok := FindContext(list, ContextTWrp); ok {
		t.Error("found TWrp")
	}
}

func TestAppendFixed(t *testing.T) {
	r := ReadResponse{DataRemaining: 1, Data: []byte("data")}
	want := element(r)
	got := append(r.AppendFixed(make([]byte, HeaderSize), 4), "data"...)
	if !bytes.Equal(got, want) || len(r.AppendFixed(nil, 4)) != ReadResponseSize {
		t.Fatalf("got % x, want % x", got, want)
	}
}

func TestErrorResponseLength(t *testing.T) {
	for _, tt := range []struct{ data, want int }{{0, 9}, {1, 9}, {4, 12}} {
		if got := len(ErrorResponse{Data: make([]byte, tt.data)}.Append(nil)); got != tt.want {
			t.Errorf("%d bytes of data: %d, want %d", tt.data, got, tt.want)
		}
	}
}

// The data of a WRITE are the bytes of the message.
func TestWriteAliases(t *testing.T) {
	b := element(WriteRequest{Data: []byte("data")})
	r, err := ParseWriteRequest(b)
	if err != nil || len(r.Data) != 4 || &r.Data[0] != &b[112] || cap(r.Data) != 4 {
		t.Fatalf("Data = %q, cap %d, err %v", r.Data, cap(r.Data), err)
	}
}

func TestAllocations(t *testing.T) {
	header := Header{}.Append(nil)
	read, write := element(ReadRequest{Length: 1}), element(WriteRequest{Data: []byte("data")})
	bad := element(WriteRequest{Data: []byte("data")})[:HeaderSize+50]
	buf := make([]byte, 0, 256)
	for name, f := range map[string]func(){
		"ParseHeader":       func() { _, _ = ParseHeader(header) },
		"ParseReadRequest":  func() { _, _ = ParseReadRequest(read) },
		"ParseWriteRequest": func() { _, _ = ParseWriteRequest(write) },
		"error":             func() { _, _ = ParseWriteRequest(bad) },
		"Header.Append":     func() { _ = Header{}.Append(buf) },
		"AppendFixed":       func() { _ = ReadResponse{}.AppendFixed(buf, 1) },
		"WriteResponse":     func() { _ = WriteResponse{}.Append(buf) },
		"CloseResponse":     func() { _ = CloseResponse{}.Append(buf) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
