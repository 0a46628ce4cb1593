package simulate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/domain"
)

// fault is what goes wrong with a request.
type fault int

const (
	faultNone   fault = iota
	faultRefuse       // it does not arrive, and the sender knows
	faultLose         // it does not arrive, and nobody tells
	faultBefore       // 5xx, nothing happened
	faultAfter        // 5xx, it was carried out
	faultCut          // it was carried out, and the connection broke
	faultHang         // it was carried out, and no answer comes
	faultLimit        // 429
	faults
)

func (f fault) String() string {
	return [...]string{"none", "refused", "lost", "5xx", "5xx after commit", "cut", "hangs", "429"}[f]
}

var errWire = errors.New("connection reset")

// remote is one of the two systems as the network reaches it.
type remote struct {
	system  domain.System
	handler http.Handler
	inject  *sandboxkit.Injector
	faults  []fault // of the next requests
}

func (r *remote) next() fault {
	if len(r.faults) == 0 {
		return faultNone
	}
	f := r.faults[0]
	r.faults = r.faults[1:]
	return f
}

// wire is the network of one process.
type wire struct{ n *node }

// RoundTrip stands still before the request leaves and before its answer arrives.
func (x wire) RoundTrip(req *http.Request) (*http.Response, error) {
	w, ctx := x.n.w, req.Context()
	r := w.remotes[systemOf(req)]
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		_ = req.Body.Close()
	}
	t := taskOf(ctx)
	if t == nil { // who is it?
		return r.serve(req, body), nil
	}
	c := w.begins(t, r, req, body)
	v := w.park(ctx, &op{kind: opSend, system: r, what: c.what, writes: c.writes != nil})
	switch {
	case v.err != nil:
		return nil, v.err
	case v.fault == faultRefuse:
		return nil, errWire
	case v.fault == faultLose:
		v = w.park(ctx, &op{kind: opAnswer, stuck: true, what: "no answer to " + c.what})
		return nil, orWire(v.err)
	}
	res := w.arrives(c, v.fault)
	if v.fault == faultCut {
		return nil, errWire
	}
	v = w.park(ctx, &op{kind: opAnswer, system: r, stuck: v.fault == faultHang, writes: c.writes != nil, what: "answer to " + c.what})
	if v.err != nil || v.fault != faultNone {
		return nil, orWire(v.err)
	}
	return res, nil
}

func orWire(err error) error {
	if err == nil {
		return errWire
	}
	return err
}

func systemOf(req *http.Request) domain.System {
	name, _, _ := strings.Cut(req.URL.Host, ".")
	return domain.System(name)
}

// serve has the system answer.
func (r *remote) serve(req *http.Request, body []byte) *http.Response {
	in := req.Clone(context.WithoutCancel(req.Context()))
	in.Body, in.ContentLength, in.RequestURI = io.NopCloser(bytes.NewReader(body)), int64(len(body)), req.URL.RequestURI()
	out := &answer{header: http.Header{}, status: http.StatusOK}
	r.handler.ServeHTTP(out, in)
	return &http.Response{
		StatusCode: out.status, Status: http.StatusText(out.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: out.header, Body: io.NopCloser(&out.body), ContentLength: int64(out.body.Len()), Request: req,
	}
}

// sparse takes the values of mapped fields out of HubSpot's answer to a write.
func (w *world) sparse(res *http.Response) {
	var body map[string]any
	raw, err := io.ReadAll(res.Body)
	w.must(err)
	_ = json.Unmarshal(raw, &body)
	results, _ := body["results"].([]any)
	for _, r := range results {
		object, _ := r.(map[string]any)
		shown, _ := object["properties"].(map[string]any)
		for _, f := range fields {
			delete(shown, f.HubSpot.Read)
		}
	}
	if len(results) > 0 {
		raw, err = json.Marshal(body)
		w.must(err)
	}
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
}

// answer is a ResponseWriter in memory.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }
