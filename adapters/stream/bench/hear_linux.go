package bench

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// hear reads until all have heard everything: a thread for each processor is told at once of all that have something to
// read, and reads each with a single call. Go's own way wakes a goroutine for each.
func hear(all []*listener) error {
	var g errgroup.Group
	for part := range slices.Chunk(all, len(all)/runtime.NumCPU()+1) {
		g.Go(func() error {
			runtime.LockOSThread() // it ends with the goroutine
			return hearPart(part)
		})
	}
	return g.Wait()
}

func hearPart(all []*listener) error {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	defer func() { _ = unix.Close(epoll) }()
	for i, l := range all {
		fd, err := detach(l.conn)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(fd) }()
		event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET, Fd: int32(fd), Pad: int32(i)}
		if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
			return os.NewSyscallError("epoll_ctl", err)
		}
	}
	events, buf := make([]unix.EpollEvent, len(all)), make([]byte, 64<<10)
	for left := len(all); left > 0; {
		n, err := unix.EpollWait(epoll, events, -1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError("epoll_wait", err)
		}
		for _, e := range events[:max(n, 0)] {
			l := all[e.Pad]
			if l.done() {
				continue
			}
			if err := read(int(e.Fd), buf, l, e.Events&unix.EPOLLRDHUP != 0); err != nil {
				return err
			}
			if l.done() {
				left--
			}
		}
	}
	return nil
}

// read is told once of what there is, so it reads all of it: less than asked for was all, but for the end.
func read(fd int, buf []byte, l *listener, ended bool) error {
	for !l.done() {
		n, err := unix.Read(fd, buf)
		at := time.Now().UnixNano()
		switch {
		case errors.Is(err, unix.EAGAIN):
			return nil
		case err != nil:
			return os.NewSyscallError("read", err)
		case n == 0:
			return io.ErrUnexpectedEOF
		}
		if err := l.take(buf[:n], at); err != nil {
			return err
		}
		if n < len(buf) && !ended {
			return nil
		}
	}
	return nil
}

// detach takes a connection from Go, which would be told of all that comes as well.
func detach(conn net.Conn) (fd int, err error) {
	raw, err := conn.(syscall.Conn).SyscallConn() //nolint:forcetypeassert // a TCP connection is one
	if err != nil {
		return 0, err
	}
	failed := raw.Control(func(of uintptr) { fd, err = unix.FcntlInt(of, unix.F_DUPFD_CLOEXEC, 0) })
	return fd, errors.Join(failed, err, conn.Close())
}
