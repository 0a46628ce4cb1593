package httpapi

import (
	"context"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/duolog/duolog/adapters/stream"
	"github.com/duolog/duolog/adapters/stream/cloudevent"
)

type peerKey struct{}

// peer is a connection and the writer of the request that is answered on it.
type peer struct {
	conn net.Conn
	w    http.ResponseWriter
}

func withPeer(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, peerKey{}, &peer{conn: conn})
}

// known notes what net/http answers a request with. The requests of a connection come one after the other.
func known(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p, ok := r.Context().Value(peerKey{}).(*peer); ok {
			p.w = w
		}
		next.ServeHTTP(w, r)
	})
}

// direct writes chunks of an answer to its connection without waiting and past net/http, which must have nothing
// unflushed and be left alone meanwhile. So one goroutine can serve many, each with a single call to the system.
type direct struct {
	conn  net.Conn
	raw   syscall.RawConn
	rec   *recorder
	buf   []byte // for more chunks than one
	out   []byte // what is being written
	rest  []byte // of a chunk that was begun
	wrote int
	once  func(fd uintptr) // made once, for it would be made for each chunk
}

// directly returns nil for an answer that something changes on its way, or that does not go out in chunks.
func directly(w http.ResponseWriter, r *http.Request) *direct {
	rec, ok := w.(*recorder)
	p, plain := r.Context().Value(peerKey{}).(*peer)
	if !ok || !plain || p.w != rec.ResponseWriter || r.Method != http.MethodGet || r.ProtoMajor != 1 || r.ProtoMinor < 1 {
		return nil
	}
	conn, ok := p.conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil
	}
	d := &direct{conn: p.conn, raw: raw, rec: rec}
	d.once = func(fd uintptr) { d.wrote = writeOnce(fd, d.out) }
	return d
}

// join returns the chunks of events as one, or what there is of them when that is more than a follower may hold.
func (d *direct) join(entries []*stream.Entry, enc cloudevent.Encoder, data string) []byte {
	if len(entries) == 1 {
		return entries[0].Chunk(enc, data) // which all share
	}
	d.buf = d.buf[:0]
	for _, e := range entries {
		if d.buf = append(d.buf, e.Chunk(enc, data)...); len(d.buf) > keptBuffer {
			break
		}
	}
	return d.buf
}

// try writes chunks, which stay as they are until rest is nil. It reports false when nothing of them was written; what is
// not yet written of those that were begun is left in rest.
func (d *direct) try(chunks []byte) bool {
	d.out, d.wrote = chunks, 0
	err := d.raw.Control(d.once)
	d.out = nil // those who wait hold next to nothing
	if err != nil || d.wrote <= 0 {
		return false
	}
	d.rec.bytes += int64(d.wrote)
	if d.wrote < len(chunks) {
		d.rest = chunks[d.wrote:]
	}
	return true
}

// finish waits until the reader has taken the rest.
func (d *direct) finish(within time.Duration) error {
	if err := d.conn.SetWriteDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	n, err := d.conn.Write(d.rest)
	d.rec.bytes += int64(n)
	d.rest = nil
	return err
}
