// Package deepest finds what is in the way of a path.
package deepest

import (
	"io/fs"
	"sort"
)

// IsFile reports whether name, which isn't there, can't be, as what is there of it is no directory. Of the paths to it
// stat is asked for few: one that is there has all before it.
func IsFile(name string, stat func(dir string) (fs.FileInfo, error)) bool {
	var ends []int
	for i := range len(name) {
		if name[i] == '/' {
			ends = append(ends, i)
		}
	}
	var last fs.FileInfo // of what is there, the deepest
	sort.Search(len(ends), func(i int) bool {
		fi, err := stat(name[:ends[i]])
		if err == nil {
			last = fi
		}
		return err != nil
	})
	return last != nil && !last.IsDir()
}
