package load

import (
	"time"

	"github.com/gosmbd/smb/smb2"
)

// Op is an operation: one frame after the other, each sent when the one before was answered.
type Op struct {
	Index int    // which it is, from 0
	Step  int    // how many frames were answered
	File  FileID // that was opened last

	next    []Request
	began   time.Duration
	missing int    // replies to the last frame
	length  uint32 // that READ is to return
}

// ReadBlock has an operation read one of the blocks of length bytes in size bytes.
func ReadBlock(size int64, length int) func(*Op) []Request {
	return func(op *Op) []Request {
		if op.Step > 0 {
			return nil
		}
		return []Request{{Command: smb2.CommandRead, Charge: charge(length), Body: smb2.ReadRequest{
			FileID: op.File, Offset: uint64(Block(size, length)), Length: uint32(length),
		}}}
	}
}

// WriteBlock has an operation write data over one of the blocks of its length in size bytes.
func WriteBlock(size int64, data []byte) func(*Op) []Request {
	return func(op *Op) []Request {
		if op.Step > 0 {
			return nil
		}
		return []Request{writeTo(op.File, Block(size, len(data)), data)}
	}
}

// Make has an operation make a file, write data to it and close it.
func Make(name func(int) string, data []byte) func(*Op) []Request {
	return func(op *Op) []Request {
		switch op.Step {
		case 0:
			return []Request{create(name(op.Index), readWrite, smb2.Create, smb2.OptionNonDirectoryFile)}
		case 1:
			return []Request{writeTo(op.File, 0, data)}
		case 2:
			return []Request{closing(op.File)}
		}
		return nil
	}
}

// Remove has an operation open a file to remove it, and close it.
func Remove(name func(int) string) func(*Op) []Request {
	return func(op *Op) []Request {
		switch op.Step {
		case 0:
			return []Request{create(name(op.Index), removing, smb2.Open, smb2.OptionDeleteOnClose)}
		case 1:
			return []Request{closing(op.File)}
		}
		return nil
	}
}

// Then has an operation do first, which takes steps frames, and then second.
func Then(first func(*Op) []Request, steps int, second func(*Op) []Request) func(*Op) []Request {
	return func(op *Op) []Request {
		if op.Step < steps {
			return first(op)
		}
		later := *op
		later.Step -= steps
		return second(&later)
	}
}

// Stat has an operation ask for all that there is to know about a file, as one compound: open,
// query, close.
func Stat(name func(int) string) func(*Op) []Request {
	return func(op *Op) []Request {
		if op.Step > 0 {
			return nil
		}
		const all = 64 << 10 // room for the answer
		return []Request{
			create(name(op.Index), readAttributes, smb2.Open, 0),
			{Command: smb2.CommandQueryInfo, Body: smb2.QueryInfoRequest{InfoType: smb2.InfoFile, Class: uint8(smb2.ClassFileAllInformation), OutputLength: all, FileID: related}},
			closing(related),
		}
	}
}
