package ntlm

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"
)

const (
	// maxAccountFile bounds what is read, to some hundred thousand users.
	maxAccountFile = 32 << 20

	// settleTime is how old a file's time must be for a change after it to show: some
	// file systems count in steps of two seconds.
	settleTime = 2 * time.Second

	// readTries is how often a file is read that changes meanwhile.
	readTries = 4
)

var (
	errTooLarge = errors.New("file is too large")
	errChanging = errors.New("file changes while it is read")
)

// cachedFile is what a file holds. It is read again when the file changed; should that
// fail, there is nothing, not what was there before.
type cachedFile[T any] struct {
	path  string
	parse func(text []byte) (T, error)

	mu    sync.Mutex
	state fileState
	value T
	reads uint64 // that made a value
}

// fileState is what tells that a file changed.
type fileState struct{ info os.FileInfo }

func (s fileState) same(info os.FileInfo) bool {
	return s.info != nil && os.SameFile(s.info, info) &&
		s.info.ModTime().Equal(info.ModTime()) && s.info.Size() == info.Size()
}

// load returns what the file holds. The value is shared, and never changed.
func (c *cachedFile[T]) load() (T, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.loadLocked()
}

// version returns a text that is another for another value; not ok: there is none.
func (c *cachedFile[T]) version() (text string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.loadLocked()
	return strconv.FormatUint(c.reads, 10), err == nil
}

// loadLocked is load for who holds c.mu.
func (c *cachedFile[T]) loadLocked() (T, error) {
	err := errChanging
	for n := 0; n < readTries && errors.Is(err, errChanging); n++ {
		err = c.refresh()
	}
	if err != nil {
		var none T
		c.value, c.state = none, fileState{}
		var path *os.PathError
		if errors.As(err, &path) { // it has the name
			return none, fmt.Errorf("ntlm: %w", err)
		}
		return none, fmt.Errorf("ntlm: %s: %w", c.path, err)
	}
	return c.value, nil
}

// refresh reads the file unless it is the one that was read last.
func (c *cachedFile[T]) refresh() error {
	f, err := os.Open(c.path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || c.state.same(info) {
		return err
	}
	now := time.Now()
	text, err := io.ReadAll(io.LimitReader(f, maxAccountFile+1))
	if err != nil {
		return err
	}
	if len(text) > maxAccountFile {
		return errTooLarge
	}
	state := fileState{info}
	if after, err := f.Stat(); err != nil || !state.same(after) || int64(len(text)) != after.Size() {
		return errors.Join(errChanging, err)
	}
	if c.value, err = c.parse(text); err != nil {
		return err
	}
	c.reads++
	// A further change may leave the time of a file that was just changed as it is, so
	// such a file is read again next time.
	c.state = fileState{}
	if now.Sub(info.ModTime()) >= settleTime {
		c.state = state
	}
	return nil
}
