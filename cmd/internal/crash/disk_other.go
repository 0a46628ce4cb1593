//go:build !linux

package main

import (
	"errors"

	"github.com/duolog/duolog/adapters/sandboxkit"
)

// sizeLimit needs Linux, where a limit can be set on another process.
type sizeLimit struct {
	process *child
	chance  *sandboxkit.Chance
	files   string
}

var errNoLimit = errors.New("on this system name a folder on a small file system: --folder DIR")

func (*sizeLimit) begin() error { return errNoLimit }
func (*sizeLimit) end() error   { return nil }
