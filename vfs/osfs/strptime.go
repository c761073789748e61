package osfs

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The names of snapshots are matched with conversions of strftime. Package time's layouts
// won't do: what stands beside the conversions may look like a part of one.

// widths are the conversions, and how many characters each takes; 0: the rest.
var widths = map[byte]int{'Y': 4, 'm': 2, 'd': 2, 'H': 2, 'M': 2, 'S': 2, 'y': 2, 'j': 3, 'b': 3, 'z': 5, 's': 0, '%': 1}

// checkPattern reports what is wrong with the pattern of a name. A time has a year, or is
// in seconds.
func checkPattern(pattern string) error {
	seen := ""
	for i := 0; i < len(pattern); i++ {
		switch {
		case pattern[i] == '*':
			return errors.New("* must be the whole name")
		case pattern[i] != '%':
			continue
		}
		if i++; i == len(pattern) {
			return errors.New("it ends in %")
		}
		if _, ok := widths[pattern[i]]; !ok {
			return fmt.Errorf("%%%c isn't known", pattern[i])
		}
		if pattern[i] == 's' && i != len(pattern)-1 {
			return errors.New("%s must be the end of the name")
		}
		seen += pattern[i : i+1]
	}
	if !strings.ContainsAny(seen, "Yys") {
		return errors.New("neither %Y, %y nor %s tells the year")
	}
	return nil
}

// parseTime returns the time that name has by pattern, in UTC without %z.
func parseTime(pattern, name string) (at time.Time, ok bool) {
	f := map[byte]int64{'m': 1, 'd': 1}
	for i := 0; i < len(pattern); i++ {
		n := 1
		c := pattern[i]
		conversion := c == '%'
		if conversion {
			i++
			c = pattern[i]
			if n = widths[c]; n == 0 {
				n = len(name)
			}
		}
		if n == 0 || n > len(name) {
			return at, false
		}
		text := name[:n]
		name = name[n:]
		switch {
		case !conversion || c == '%':
			ok = text[0] == c
		case c == 'b':
			var m time.Time
			var err error
			m, err = time.Parse("Jan", text)
			f['m'], ok = int64(m.Month()), err == nil
		case c == 'z':
			var z time.Time
			var err error
			z, err = time.Parse("-0700", text)
			_, east := z.Zone()
			f['z'], ok = int64(east), err == nil
		default:
			v, err := strconv.ParseUint(text, 10, 40)
			f[c], ok = int64(v), err == nil
		}
		if !ok {
			return at, false
		}
	}
	return date(f), name == "" && inRange(f)
}

// date puts a time together from what the conversions said.
func date(f map[byte]int64) time.Time {
	if s, ok := f['s']; ok {
		return time.Unix(s, 0).UTC()
	}
	month, day := f['m'], f['d']
	if j, ok := f['j']; ok {
		month, day = 1, j
	}
	at := time.Date(year(f), time.Month(month), int(day), int(f['H']), int(f['M']), int(f['S']), 0, time.UTC)
	return at.Add(-time.Duration(f['z']) * time.Second)
}

func year(f map[byte]int64) int {
	if y, ok := f['y']; ok {
		return 2000 + int(y)
	}
	return int(f['Y'])
}

// inRange reports whether there is such a date.
func inRange(f map[byte]int64) bool {
	if f['H'] > 23 || f['M'] > 59 || f['S'] > 59 || f['j'] > 366 {
		return false
	}
	if j, ok := f['j']; ok {
		return j > 0
	}
	day := time.Date(year(f), time.Month(f['m']), int(f['d']), 0, 0, 0, 0, time.UTC)
	return int64(day.Month()) == f['m'] && int64(day.Day()) == f['d']
}
