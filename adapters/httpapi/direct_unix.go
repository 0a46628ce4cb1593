//go:build unix

package httpapi

import "syscall"

// writeOnce writes what the system takes at once, which may be nothing.
func writeOnce(fd uintptr, b []byte) int {
	n, err := syscall.Write(int(fd), b)
	if err != nil {
		return 0 // whoever waits for the reader finds out
	}
	return n
}
