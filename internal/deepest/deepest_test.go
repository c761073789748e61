package deepest

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

func TestIsFile(t *testing.T) {
	deep := strings.Repeat("d/", 500)
	fsys := fstest.MapFS{"f": {}, "a/b/f": {}, deep + "f": {}}
	for name, want := range map[string]bool{
		"x": false, "x/y": false, "a/x": false, "a/x/y/z": false, "a/b/x/f": false,
		"f/x": true, "f/x/y/z": true, "a/b/f/x": true, "a/b/f/" + deep + "x": true,
		deep + "x/y": false, deep + "f/x": true, strings.Repeat("x/", 500) + "x": false,
	} {
		asked := 0
		got := IsFile(name, func(dir string) (fs.FileInfo, error) {
			asked++
			return fs.Stat(fsys, dir)
		})
		if got != want {
			t.Errorf("%.20s: %v", name, got)
		}
		if asked > 10 {
			t.Errorf("%.20s: %d directories were looked at", name, asked)
		}
	}
}
