package smb

import (
	"math/bits"
	"strings"
	"unicode/utf8"
)

// longestPattern is how many characters a pattern may have, as many as a name.
const longestPattern = 255

// pattern is a folded pattern of QUERY_DIRECTORY, in which * and ? mean what they do on
// NTFS, and < > and " what DOS meant by * ? and dot. [MS-FSA] 2.1.4.4
//
// All ways to match a name are followed at once, a bit for each place in the pattern, so
// that no pattern takes longer than another of its length.
type pattern struct {
	all  bool // it is *
	long bool // it matches nothing
	n    int  // characters

	star, dosStar, one, dosOne, dosDot places
	literal                            map[rune]*places
}

// places is a set of places in a pattern: bit i stands between the first i characters and
// the rest, or for the character that follows.
type places [longestPattern/64 + 1]uint64

func (p *places) add(i int)      { p[i/64] |= 1 << (i % 64) }
func (p *places) has(i int) bool { return p[i/64]>>(i%64)&1 != 0 }

// everything is the pattern *.
var everything = &pattern{all: true}

func newPattern(folded string) *pattern {
	if folded == "*" {
		return everything
	}
	p := &pattern{n: utf8.RuneCountInString(folded), literal: make(map[rune]*places)}
	if p.n > longestPattern {
		p.long = true
		return p
	}
	i := 0
	for _, r := range folded {
		switch r {
		case '*':
			p.star.add(i)
		case '<':
			p.dosStar.add(i)
		case '?':
			p.one.add(i)
		case '>':
			p.dosOne.add(i)
		case '"':
			p.dosDot.add(i)
		default:
			if p.literal[r] == nil {
				p.literal[r] = new(places)
			}
			p.literal[r].add(i)
		}
		i++
	}
	return p
}

// match reports whether the whole of a folded name matches.
func (p *pattern) match(name string) bool {
	if p.all || p.long {
		return p.all
	}
	at := places{1}
	lastDot := strings.LastIndexByte(name, '.')
	for i, r := range name {
		at = p.skip(at, r)
		at = p.take(at, r, i == lastDot)
		if at == (places{}) {
			return false
		}
	}
	at = p.skip(at, -1)
	return at.has(p.n)
}

// take returns the places that are reached from those in at by reading r.
func (p *pattern) take(at places, r rune, lastDot bool) (next places) {
	same := p.literal[r]
	if same == nil {
		same = &places{}
	}
	carry := uint64(0)
	for i, x := range at {
		stays, goes := p.star[i], p.one[i]|same[i]
		if !lastDot { // < takes all up to that
			stays |= p.dosStar[i]
		}
		if r == '.' {
			goes |= p.dosDot[i]
		} else {
			goes |= p.dosOne[i]
		}
		next[i] = x&stays | x&goes<<1 | carry
		carry = x & goes >> 63
	}
	return next
}

// skip adds the places that are reached without reading anything, before r, or at the end
// of the name (-1).
func (p *pattern) skip(at places, r rune) places {
	carry := uint64(0)
	for i, x := range at {
		empty := p.star[i] | p.dosStar[i]
		if r == '.' || r < 0 {
			empty |= p.dosOne[i]
		}
		if r < 0 {
			empty |= p.dosDot[i]
		}
		// Adding a place to the run of ones that it is in turns all from there to the
		// end of the run to zeros, and the zero behind the run to a one.
		var sum uint64
		sum, carry = bits.Add64(empty, x&empty, carry)
		at[i] = x | (sum ^ empty)
	}
	return at
}
