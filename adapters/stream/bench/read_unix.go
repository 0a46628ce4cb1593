//go:build unix

package bench

import (
	"errors"
	"io"
	"net"
	"syscall"
)

// each reads until take reports false, with one call to the system for what there is. Read of a net.Conn looks a second
// time before it waits, which with hundreds of clients beside the server is what would be measured.
func each(conn net.Conn, buf []byte, take func([]byte) (more bool)) error {
	raw, err := conn.(syscall.Conn).SyscallConn() //nolint:forcetypeassert // a TCP connection is one
	if err != nil {
		return err
	}
	var failed error
	err = raw.Read(func(fd uintptr) (done bool) {
		n, err := syscall.Read(int(fd), buf)
		switch {
		case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
			return false
		case err != nil:
			failed = err
		case n == 0:
			failed = io.ErrUnexpectedEOF
		default:
			return !take(buf[:n])
		}
		return true
	})
	return errors.Join(err, failed)
}
