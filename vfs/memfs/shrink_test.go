package memfs

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/gosmbd/smb/vfs"
)

// What had much in it and has little takes no more than is counted.
func TestShrink(t *testing.T) {
	const objects, many = 20, maxStreams
	for what, use := range map[string]func(t *testing.T, f *FS, name string){
		"blocks": func(t *testing.T, f *FS, name string) {
			h := create(t, f, name)
			_, err := h.WriteAt([]byte("x"), 0)
			must(t, err)
			must(t, h.Truncate(maxClone*maxBlock))
			for n := int64(1); n < maxClone; n *= 2 {
				must(t, h.CloneRange(t.Context(), vfs.Range{Off: n * maxBlock, Len: n * maxBlock}, h, 0))
			}
			must(t, h.Truncate(1))
		},
		"blocks, by holes that are cloned": func(t *testing.T, f *FS, name string) {
			h := create(t, f, name)
			must(t, h.Truncate(2*many*maxBlock))
			for i := range int64(many) {
				_, err := h.WriteAt([]byte("x"), i*maxBlock)
				must(t, err)
			}
			must(t, h.CloneRange(t.Context(), vfs.Range{Off: maxBlock, Len: (many - 1) * maxBlock}, h, many*maxBlock))
		},
		"streams": func(t *testing.T, f *FS, name string) {
			h := create(t, f, name)
			for i := range many {
				s, err := h.OpenStream(t.Context(), fmt.Sprint(i), streamAccess)
				must(t, err)
				must(t, s.Close())
			}
			for i := range many - 1 {
				must(t, h.RemoveStream(t.Context(), fmt.Sprint(i)))
			}
		},
		"names": func(t *testing.T, f *FS, name string) {
			mkdir(t, f, name)
			for i := range many {
				must(t, create(t, f, name+"/"+fmt.Sprint(i)).Close())
			}
			for i := range many - 1 {
				must(t, f.Remove(t.Context(), name+"/"+fmt.Sprint(i)))
			}
		},
		"links": func(t *testing.T, f *FS, name string) {
			must(t, create(t, f, name).Close())
			link := func(i int) string { return fmt.Sprint(name, ".", i) }
			for i := range maxLinks - 1 {
				must(t, f.Link(t.Context(), name, link(i), false))
			}
			for i := range maxLinks - 1 {
				must(t, f.Remove(t.Context(), link(i)))
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			f := &FS{}
			use(t, f, "first") // what there is once for all
			before, used := heap(), f.used.Load()
			for i := range objects {
				use(t, f, fmt.Sprint(i))
			}
			if held, counted := heap()-before, f.used.Load()-used; held > 4*counted {
				t.Errorf("counted %d, held %d", counted, held)
			}
			runtime.KeepAlive(f)
		})
	}
}
