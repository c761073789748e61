//go:build !linux

package osfs

import "errors"

// initAgents declines: the system has no threads with a user of their own.
func (f *FS) initAgents() error { return errors.ErrUnsupported }

func (a *agent) guarded() bool { return false }

func (a *agent) run(act func() error) error { return act() }

// What follows is for agents, and there are none.

func (h *File) mayRead() error   { return nil }
func (h *File) mayChange() error { return nil }

func (h *File) change(act func() error) error { return act() }
