//go:build !linux

package bench

import (
	"time"

	"golang.org/x/sync/errgroup"
)

// hear reads until all have heard everything.
func hear(all []*listener) error {
	var g errgroup.Group
	for _, l := range all {
		g.Go(func() error {
			buf := make([]byte, 16<<10)
			for more := true; more; {
				n, err := l.conn.Read(buf)
				if err != nil {
					return err
				}
				if more, err = l.take(buf[:n], time.Now().UnixNano()); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}
