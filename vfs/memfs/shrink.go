package memfs

import "maps"

// smallMap is up to how many entries a map isn't worth shrinking.
const smallMap = 32

// shrunk returns what is to be in the place of m, from which something was deleted: itself,
// a smaller copy or, if it is empty, nil. For a map doesn't shrink: it would take far more
// than what is in it counts for. peak is the most entries that m had.
func shrunk[K comparable, V any](m map[K]V, peak *int) map[K]V {
	switch {
	case len(m) == 0:
		*peak = 0
		return nil
	case *peak <= smallMap || len(m) > *peak/2:
		return m
	}
	*peak = len(m)
	small := make(map[K]V, len(m)) // maps.Clone may make it as large as m
	maps.Copy(small, m)
	return small
}
