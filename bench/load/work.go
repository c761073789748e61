package load

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosmbd/smb/smb2"
)

// Result is what a row of work took.
type Result struct {
	Operations int
	Wall       time.Duration
	Median     time.Duration // of an operation
	P99        time.Duration
	Late       time.Duration // p99 of what Offer was late with its requests; part of the above
}

// Run has the workers do total operations among them, each one after the other.
func Run(workers []*Worker, total int, do func(w *Worker, i int) error) (Result, error) {
	var next atomic.Int64
	var mu sync.Mutex
	var failed error
	took := make([]time.Duration, total)
	start := time.Now()
	var group sync.WaitGroup
	for _, w := range workers {
		group.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= total {
					return
				}
				began := time.Now()
				if err := do(w, i); err != nil {
					next.Store(int64(total))
					mu.Lock()
					failed = errors.Join(failed, err)
					mu.Unlock()
					return
				}
				took[i] = time.Since(began)
			}
		})
	}
	group.Wait()
	r := Result{Operations: total, Wall: time.Since(start)}
	r.Median, r.P99 = quantiles(took)
	return r, failed
}

// quantiles sorts d and returns its median and the 99th percentile.
func quantiles(d []time.Duration) (median, p99 time.Duration) {
	if len(d) == 0 {
		return 0, 0
	}
	slices.Sort(d)
	return d[len(d)/2], d[len(d)*99/100]
}

// Workers returns n workers of c.
func (c *Client) Workers(n int) []*Worker {
	list := make([]*Worker, n)
	for i := range list {
		list[i] = c.NewWorker()
	}
	return list
}

// FileID names an open file.
type FileID = smb2.FileID

// related stands for the file that a request before in the compound opened.
var related = smb2.FileID{Persistent: ^uint64(0), Volatile: ^uint64(0)}

func create(name string, access uint32, disposition smb2.Disposition, options smb2.CreateOptions) Request {
	return Request{Command: smb2.CommandCreate, Body: smb2.CreateRequest{
		Impersonation: 2,
		DesiredAccess: access,
		ShareAccess:   smb2.ShareRead | smb2.ShareWrite | smb2.ShareDelete,
		Disposition:   disposition,
		Options:       options,
		Name:          name,
	}}
}

const (
	readWrite      = 0x0012019F // FILE_GENERIC_READ and FILE_GENERIC_WRITE
	readAttributes = 0x00100080
	removing       = 0x00010080
	listing        = 0x00100081
)

// Open opens a file to read and write it, and makes it if there is none.
func (w *Worker) Open(name string) (smb2.FileID, error) {
	return w.open(create(name, readWrite, smb2.OpenIf, smb2.OptionNonDirectoryFile))
}

func (w *Worker) open(r Request) (smb2.FileID, error) {
	replies, err := w.Do(r)
	if err != nil {
		return smb2.FileID{}, err
	}
	resp, err := smb2.ParseCreateResponse(replies[0].Msg)
	return resp.FileID, err
}

// Close closes a file.
func (w *Worker) Close(id smb2.FileID) error {
	_, err := w.Do(closing(id))
	return err
}

// Read reads n bytes.
func (w *Worker) Read(id smb2.FileID, off int64, n int) error {
	replies, err := w.Do(Request{Command: smb2.CommandRead, Charge: charge(n),
		Body: smb2.ReadRequest{FileID: id, Offset: uint64(off), Length: uint32(n)}})
	if err != nil {
		return err
	}
	resp, err := smb2.ParseReadResponse(replies[0].Msg)
	if err == nil && len(resp.Data) != n {
		err = errShort
	}
	return err
}

// Write writes data.
func (w *Worker) Write(id smb2.FileID, off int64, data []byte) error {
	_, err := w.Do(writeTo(id, off, data))
	return err
}

func closing(id FileID) Request {
	return Request{Command: smb2.CommandClose, Body: smb2.CloseRequest{FileID: id}}
}

func writeTo(id FileID, off int64, data []byte) Request {
	return Request{Command: smb2.CommandWrite, Charge: charge(len(data)), Body: smb2.WriteRequest{FileID: id, Offset: uint64(off), Data: data}}
}

func charge(n int) uint16 { return uint16((n + 65535) / 65536) }

// Block returns the offset of one of the blocks of that length in size bytes.
func Block(size int64, length int) int64 {
	return rand.Int64N(size/int64(length)) * int64(length)
}

// List lists a directory and returns how many entries it has, "." and ".." among them.
func (w *Worker) List(name string) (entries int, err error) {
	id, err := w.open(create(name, listing, smb2.Open, smb2.OptionDirectoryFile))
	if err != nil {
		return 0, err
	}
	for {
		const room = 1 << 20
		replies, err := w.Try(Request{Command: smb2.CommandQueryDirectory, Charge: charge(room), Body: smb2.QueryDirectoryRequest{
			Class: smb2.ClassFileIdBothDirectoryInformation, FileID: id, OutputLength: room, Pattern: "*",
		}})
		if err != nil {
			return 0, err
		}
		if st := replies[0].Status; st == smb2.StatusNoMoreFiles {
			return entries, w.Close(id)
		} else if st != smb2.StatusSuccess {
			return 0, st
		}
		resp, err := smb2.ParseQueryDirectoryResponse(replies[0].Msg)
		if err != nil {
			return 0, err
		}
		for b := resp.Data; len(b) >= 4; {
			entries++
			next := binary.LittleEndian.Uint32(b)
			if next == 0 || int(next) > len(b) {
				break
			}
			b = b[next:]
		}
	}
}
