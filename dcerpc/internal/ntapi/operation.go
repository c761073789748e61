package ntapi

import "github.com/gosmbd/smb/dcerpc"

// Finish ends an operation that read its parameters and, unless it failed, wrote its
// results: it writes the status behind them. If there are no results, as many 32-bit zeros
// stand in their place: all that these interfaces return are handles, null pointers and
// numbers then.
func Finish(c *dcerpc.Call, zeros int, status Status, err error) error {
	switch {
	case err != nil:
		return err
	case c.In.Err() != nil:
		return c.In.Err()
	}
	if c.Out.Len() == 0 {
		for range zeros {
			c.Out.U32(0)
		}
	}
	c.Out.U32(uint32(status))
	return nil
}

// maxEnum bounds what one call of an enumeration returns; the rest comes with the next.
const maxEnum = 1 << 20

// Fit returns how many of n entries a client takes that wants about limit octets, where
// size tells how many octets entry i takes; one that passes the limit is the last. So the
// first is always taken, and a client that asks again gets on.
func Fit(n int, limit uint32, size func(i int) int) int {
	room := int(min(limit, maxEnum))
	for i := range n {
		if room -= size(i); room <= 0 {
			return i + 1
		}
	}
	return n
}
