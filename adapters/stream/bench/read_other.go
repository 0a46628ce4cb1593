//go:build !unix

package bench

import "net"

// each reads until take reports false.
func each(conn net.Conn, buf []byte, take func([]byte) (more bool)) error {
	for {
		n, err := conn.Read(buf)
		if err != nil || !take(buf[:n]) {
			return err
		}
	}
}
