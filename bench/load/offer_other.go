//go:build !linux

package load

import "errors"

// Offer is for Linux.
func Offer([]*Client, string, int64, int, float64, int, func() error) (Result, error) {
	return Result{}, errors.ErrUnsupported
}
