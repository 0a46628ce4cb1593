package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/ingest"
	"github.com/duolog/duolog/domain"
)

// Delivered is a webhook that came while one was waited for.
type Delivered struct {
	System domain.System
	At     time.Time
	What   string        // the vendor's word for what happened, empty when it is not told
	Test   bool          // a test delivery, of no meaning for contacts
	Took   time.Duration // from the change to its arrival, 0 where that is not told
	// Refused is why it was not taken, empty when it was.
	Refused string
}

// Await waits for webhooks of a system, and tells each until told returns false. On a listener of its own it takes them
// in itself; without one a running duolog serve does, and its log tells.
func (a *App) Await(ctx context.Context, s domain.System, l net.Listener, told func(Delivered) (more bool)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	came := make(chan Delivered, 16)
	failed := make(chan error, 1)
	if l != nil {
		server, err := a.receiver(ctx, s, came)
		if err != nil {
			return errors.Join(err, l.Close())
		}
		go func() { failed <- server.Serve(ctx, l) }()
	} else {
		go func() { failed <- a.tail(ctx, s, came) }()
	}
	for {
		select {
		case d := <-came:
			if !told(d) {
				cancel()
				return ended(ctx, <-failed)
			}
		case err := <-failed:
			return err
		}
	}
}

// receiver takes webhooks in without owning the connection. HubSpot's are answered 503 as long as the connection was
// never opened: it sends them again.
func (a *App) receiver(ctx context.Context, s domain.System, came chan<- Delivered) (httpapi.Server, error) {
	e, err := a.engine(ctx)
	if err != nil {
		return httpapi.Server{}, err
	}
	in := e.inlets(nil)
	watch := func(w httpapi.Webhooks) httpapi.Webhooks {
		return watched{Webhooks: w, system: e.systems[s], came: came, ctx: ctx}
	}
	conn := httpapi.Connection{Log: a.Log}
	hubspot := httpapi.Webhooks(e.bound(in[domain.HubSpot], in[domain.HubSpot]))
	if s == domain.HubSpot {
		hubspot = watch(hubspot)
		conn.HubSpot = hubspot
	} else {
		conn.Aloware = watch(in[domain.Aloware])
	}
	auth, err := a.authorizer("")
	if err != nil {
		return httpapi.Server{}, err
	}
	h, err := httpapi.New(httpapi.Config{ //nolint:contextcheck // a handler takes its request's
		Version: Version(), PublicURL: a.PublicURL, Authorizer: auth, Logger: a.Logger, HubSpotApp: hubspot,
		Connection: func(name string) (httpapi.Connection, bool) { return conn, name == a.Connection },
	})
	if err != nil {
		return httpapi.Server{}, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return httpapi.Server{Handler: h, Logger: a.Logger, Grace: time.Second}, nil
}

// watched tells what is delivered.
type watched struct {
	httpapi.Webhooks
	system adapters.System
	came   chan<- Delivered
	ctx    context.Context //nolint:containedctx // ends the telling, not the delivery
}

// Receive implements httpapi.Webhooks.
func (w watched) Receive(ctx context.Context, d adapters.Delivery) (ingest.Receipt, error) {
	rec, err := ingest.Receipt{}, w.system.Authenticate(d) // also while it is not to be stored yet
	if err != nil {
		err = w.Refuse(ctx, d, err)
	} else {
		rec, err = w.Webhooks.Receive(ctx, d)
	}
	out := Delivered{System: w.system.Name(), At: d.ReceivedAt}
	var no *adapters.Rejection
	if errors.As(err, &no) && no.Status != http.StatusServiceUnavailable {
		out.Refused = no.Reason
	} else if arrivals, unreadable := w.system.Translate(d); unreadable == nil {
		out.Test = true
		for _, arrival := range arrivals {
			if !arrival.Ignored {
				out.Test, out.What, out.Took = false, arrival.Fact.Vendor, d.ReceivedAt.Sub(time.UnixMicro(arrival.OccurredAt))
				if arrival.Raw != nil {
					out.What = arrival.Raw.Vendor
				}
				break
			}
		}
	}
	select {
	case w.came <- out:
	case <-w.ctx.Done():
	}
	return rec, err
}

// tail reads in the log what a running server takes in, and in the ring what it refuses.
func (a *App) tail(ctx context.Context, s domain.System, came chan<- Delivered) error {
	head, err := a.Log.Head(ctx)
	if err != nil {
		return err
	}
	after, since := head.Position, time.Now()
	for ctx.Err() == nil {
		events, err := a.Log.Read(ctx, after, 500)
		if err != nil {
			return err
		}
		for _, e := range events {
			after = e.Position
			var f domain.Fact
			if e.Actor == string(s) && domain.Decode(e.Type, e.Schema, e.Data, &f) == nil && f.Via == "webhook" {
				at := time.UnixMicro(e.RecordedAt)
				deliver(ctx, came, Delivered{System: s, At: at, What: f.Vendor, Took: at.Sub(time.UnixMicro(e.OccurredAt))})
			}
		}
		lines, err := a.Rejected(ctx, 20)
		if err != nil {
			return err
		}
		for _, line := range lines {
			if at := time.UnixMicro(line.At); line.System == s && line.Kind == ingest.KindRejected && at.After(since) {
				since = at
				deliver(ctx, came, Delivered{System: s, At: at, Refused: line.Reason})
			}
		}
		sleep(ctx, 250*time.Millisecond)
	}
	return ctx.Err()
}

func deliver(ctx context.Context, came chan<- Delivered, d Delivered) {
	select {
	case came <- d:
	case <-ctx.Done():
	}
}
