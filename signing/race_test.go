//go:build race

package signing

// raceEnabled tells that sync.Pool drops some of what is put into it.
const raceEnabled = true
