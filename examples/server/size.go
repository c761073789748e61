package main

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// parseSize reads a number of bytes with K, M, G or T after it, or nothing.
func parseSize(s string) (uint64, error) {
	digits := strings.TrimRight(s, "KMGT")
	n, err := strconv.ParseUint(digits, 10, 64)
	shift, ok := map[string]int{"": 0, "K": 10, "M": 20, "G": 30, "T": 40}[s[len(digits):]]
	if err != nil || !ok || n == 0 || bits.Len64(n)+shift > 63 {
		return 0, fmt.Errorf("%q is no size: want a number and K, M, G or T, as in 500G", s)
	}
	return n << shift, nil
}
