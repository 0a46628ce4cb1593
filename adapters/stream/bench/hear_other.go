//go:build !linux

package bench

import (
	"errors"
	"io"
	"time"

	"golang.org/x/sync/errgroup"
)

// hear reads until all have heard everything.
func hear(all []*listener) error {
	var g errgroup.Group
	for _, l := range all {
		g.Go(func() error {
			buf := make([]byte, 16<<10)
			for !l.done() {
				n, err := l.conn.Read(buf)
				at := time.Now().UnixNano()
				if errors.Is(err, io.EOF) {
					return io.ErrUnexpectedEOF
				}
				if err != nil {
					return err
				}
				if err := l.take(buf[:n], at); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}
