package app_test

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// proxy stands between a process and its database, and can be shut.
type proxy struct {
	t      *testing.T
	listen string
	target string

	mu    sync.Mutex
	l     net.Listener
	conns map[net.Conn]bool
}

// behind returns a proxy before the database and the URL by which it is reached.
func behind(t *testing.T, database string) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, listen: "127.0.0.1:0", target: u.Host, conns: map[net.Conn]bool{}}
	p.open()
	t.Cleanup(p.shut)
	u.Host = p.listen
	return p, u.String()
}

// open lets connections through, on the address from before.
func (p *proxy) open() {
	p.t.Helper()
	l, err := (&net.ListenConfig{}).Listen(p.t.Context(), "tcp", p.listen)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.l, p.listen = l, l.Addr().String()
	go p.accept(l)
}

// shut breaks all connections and takes no new ones.
func (p *proxy) shut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.l.Close()
	for c := range p.conns {
		_ = c.Close()
	}
	clear(p.conns)
}

func (p *proxy) accept(l net.Listener) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		out, err := (&net.Dialer{}).Dial("tcp", p.target)
		if err != nil {
			_ = in.Close()
			continue
		}
		p.mu.Lock()
		if p.l != l { // shut meanwhile, and opened again
			_ = in.Close()
			_ = out.Close()
		}
		p.conns[in], p.conns[out] = true, true
		p.mu.Unlock()
		go p.pipe(in, out)
		go p.pipe(out, in)
	}
}

func (p *proxy) pipe(from, to net.Conn) {
	_, _ = io.Copy(to, from)
	_ = from.Close()
	_ = to.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, from)
	delete(p.conns, to)
}
