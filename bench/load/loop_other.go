//go:build !linux

package load

import "errors"

// Keep is for Linux.
func Keep([]*Client, string, int, int, func(*Op) []Request, func() error) (Result, error) {
	return Result{}, errors.ErrUnsupported
}

// Offer is for Linux.
func Offer([]*Client, string, int64, int, float64, int, func() error) (Result, error) {
	return Result{}, errors.ErrUnsupported
}
