package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/duolog/duolog/adapters/sandboxkit"
)

// sizeLimit limits how large the files of a process may be.
type sizeLimit struct {
	process *child
	chance  *sandboxkit.Chance
	files   string // a pattern: those that are to be too large
	before  unix.Rlimit
}

// begin sets the limit somewhere within the largest file, so that no write beyond succeeds from now on: neither one
// that lets a file grow, nor, as on a file system that copies what it writes, one in place.
func (l *sizeLimit) begin() error {
	names, err := filepath.Glob(l.files)
	if err != nil {
		return err
	}
	size := int64(1)
	for _, name := range names {
		if info, err := os.Stat(name); err == nil {
			size = max(size, info.Size())
		}
	}
	limit := unix.Rlimit{Cur: uint64(l.chance.Intn(int(size)))}
	if err := unix.Prlimit(l.process.cmd.Process.Pid, unix.RLIMIT_FSIZE, nil, &l.before); err != nil {
		return fmt.Errorf("ask for the file size limit: %w", err)
	}
	limit.Max = l.before.Max
	if err := unix.Prlimit(l.process.cmd.Process.Pid, unix.RLIMIT_FSIZE, &limit, nil); err != nil {
		return fmt.Errorf("limit file sizes: %w", err)
	}
	return nil
}

// end takes the limit away; a process that was killed has none any more.
func (l *sizeLimit) end() error {
	err := unix.Prlimit(l.process.cmd.Process.Pid, unix.RLIMIT_FSIZE, &l.before, nil)
	if err == nil || errors.Is(err, unix.ESRCH) {
		return nil
	}
	return fmt.Errorf("take the file size limit away: %w", err)
}
