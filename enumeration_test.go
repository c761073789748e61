package smb

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gosmbd/smb/vfs"
)

// namedDir has count names, and is told when each is read.
type namedDir struct {
	count int
	read  func(i int)
	err   error // after the last
}

func (d *namedDir) ReadNames(context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for i := range d.count {
			if d.read != nil {
				d.read(i)
			}
			if !yield(fmt.Sprint(i), nil) {
				return
			}
		}
		if d.err != nil {
			yield("", d.err)
		}
	}
}

func (d *namedDir) ReadDir(context.Context) iter.Seq2[vfs.DirEntry, error] { panic("not asked for") }

func (d *namedDir) StatNames(_ context.Context, entries []vfs.DirEntry) error {
	for i := range entries {
		entries[i].Attr.Links = 7
	}
	return nil
}

// all reads what e has, answers of n entries each, and returns the names.
func (e *enumeration) all(t *testing.T, ctx context.Context, n int) (names []string, err error) {
	for {
		for i := range n {
			d, err := e.entry(ctx, func(name string) bool { return !strings.HasSuffix(name, "3") }, 8*(n-i), 0, false) // the names have up to four characters
			if d == nil || err != nil {
				e.pause()
				return names, err
			}
			if d.Attr.Links != 7 {
				t.Fatalf("%q wasn't looked at", d.Name)
			}
			names = append(names, d.Name)
		}
		e.pause()
	}
}

// What an answer has no room for isn't read, or it would be held until the client goes on.
func TestEnumerationReadsWhatFits(t *testing.T) {
	for _, each := range []int{64, 12} {
		const room = 4096
		read := 0
		var e enumeration
		e.start(t.Context(), &namedDir{count: 3000, read: func(int) { read++ }})
		names := 0
		for left := room; left > 0; names++ {
			d, err := e.entry(t.Context(), func(string) bool { return true }, left, each, false)
			if d == nil || err != nil {
				t.Fatal(d, err)
			}
			left -= each + 2*len(d.Name)
		}
		e.pause()
		if read > names+1 || len(e.unread) > 1 {
			t.Errorf("%d names of %d bytes and more were read for an answer of %d, and %d are kept", read, each, names, len(e.unread))
		}
		e.stop()
	}
}

// Each name comes once and in order, however many an answer has, also if the client gave one up; at the end there are no more.
func TestEnumeration(t *testing.T) {
	const count = 3000
	var want []string
	for i := range count {
		if i%10 != 3 {
			want = append(want, fmt.Sprint(i))
		}
	}
	oops := errors.New("as planned")
	for _, n := range []int{1, 7, 100, batchSize, 2000, count} {
		ctx, cancel := context.WithCancel(t.Context())
		d := &namedDir{count: count, err: oops, read: func(i int) {
			if i == count/2 {
				cancel()
			}
		}}
		var e enumeration
		e.start(ctx, d)
		got, err := e.all(t, ctx, n)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("answers of %d: canceled, %v", n, err)
		}
		more, err := e.all(t, t.Context(), n)
		got = append(got, more...)
		if err == oops && n > 1 { // the rest of the names was read before the error, and is kept
			more, err = e.all(t, t.Context(), n)
			got = append(got, more...)
		} else if err == oops {
			err = nil
		}
		if err != nil || strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("answers of %d: %d names, want %d, error %v", n, len(got), len(want), err)
		}
		if d, err := e.entry(t.Context(), nil, 1, 0, false); d != nil || err != nil {
			t.Errorf("after the end: %v, %v", d, err)
		}
		e.stop()
	}
}

// A panic of the backend comes to who reads, and one that is given up ends.
func TestEnumerationPanic(t *testing.T) {
	var e enumeration
	e.start(t.Context(), &namedDir{count: 10, read: func(i int) {
		if i == 5 {
			panic("as planned")
		}
	}})
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		e.all(t, t.Context(), 100)
	}()
	e.stop()
	if e.end != nil {
		t.Error("it isn't over")
	}
}

// What one look finds to be a good name is one.
func TestIsPlain(t *testing.T) {
	for c := range 256 {
		for _, name := range []string{string([]byte{byte(c)}), string([]byte{byte(c), byte(c)}), "a" + string([]byte{byte(c)}) + "b"} {
			want := utf8.ValidString(name) && checkElement(name) == nil && !strings.Contains(name, `\`)
			if got := isPlain(name); got && !want || !got && want && len(name) > 2 && c < 0x7F {
				t.Errorf("%q is plain: %v", name, got)
			}
			if got := representable(name); got != want {
				t.Errorf("%q is representable: %v", name, got)
			}
		}
	}
	if isPlain("") || isPlain("..") || isPlain(strings.Repeat("x", 256)) || !isPlain(strings.Repeat("x", 255)) {
		t.Error("names that are too short or too long, or as long as they may be")
	}
}
