package ingest

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

// Router serves the one URL a HubSpot app has for all portals it is installed in: each item goes to the connection
// bound to its portal.
type Router struct {
	// Ring keeps the line of a delivery that no connection's secret has signed.
	Ring *Ring
	// Ingests lists the connections that take part, in a stable order.
	Ingests func() []*Ingest
}

// Receive routes a delivery and returns when every log it concerns has committed. After an error the sender has to
// deliver again; in the logs that had committed that is a no-op.
func (r *Router) Receive(ctx context.Context, d adapters.Delivery) (Receipt, error) {
	trusted, err := r.authenticate(ctx, d)
	if err != nil {
		return Receipt{}, err
	}
	if len(trusted) == 1 && trusted[0].Account() == "" {
		return trusted[0].Receive(ctx, d) // the only portal there is, not bound yet
	}
	var sum Receipt
	var failed error
	for i, in := range trusted {
		arrivals, err := in.cfg.System.Translate(d)
		if err != nil {
			return sum, in.Refuse(ctx, d, err)
		}
		rec, err := in.store(ctx, route(arrivals, trusted, i))
		if err != nil {
			in.delivered(http.StatusServiceUnavailable)
			failed = errors.Join(failed, err)
			continue
		}
		in.delivered(http.StatusOK)
		if i == 0 {
			rec.Unknown = r.unknown(ctx, arrivals, trusted)
			in.count(Receipt{Unknown: rec.Unknown})
		}
		sum.add(rec)
	}
	return sum, failed
}

// authenticate returns the connections whose app has signed the delivery. Connections of one app share its secret,
// so several may.
func (r *Router) authenticate(ctx context.Context, d adapters.Delivery) ([]*Ingest, error) {
	var trusted []*Ingest
	refused := error(&adapters.Rejection{Status: http.StatusNotFound, Reason: "no connection takes webhooks here"})
	for _, in := range r.Ingests() {
		if err := in.cfg.System.Authenticate(d); err != nil {
			refused = err
			continue
		}
		trusted = append(trusted, in)
	}
	if len(trusted) > 0 {
		return trusted, nil
	}
	return nil, r.Refuse(ctx, d, refused)
}

// Refuse leaves a line for a delivery refused before or by all connections, and returns err.
func (r *Router) Refuse(ctx context.Context, d adapters.Delivery, err error) error {
	var rej *adapters.Rejection
	if !errors.As(err, &rej) {
		return fmt.Errorf("receive webhook: %w", err)
	}
	if r.Ring != nil {
		_ = r.Ring.Add(ctx, AppWide, rejected(domain.HubSpot, d.URL, rej)) // the refusal stands without its line
	}
	return err
}

// route picks the arrivals for one of the trusted connections. An item that does not tell its portal belongs to the
// only one there is; among several it is parked by the first, for it may be anyone's.
func route(arrivals []adapters.Arrival, trusted []*Ingest, which int) sorted {
	var s sorted
	for _, a := range arrivals {
		switch {
		case a.Ignored:
			if which == 0 {
				s.ignored++
			}
		case a.Account == "" && len(trusted) == 1, a.Account != "" && a.Account == trusted[which].Account():
			s.ours = append(s.ours, a)
		case a.Account == "" && which == 0:
			s.foreign = append(s.foreign, a)
		}
	}
	return s
}

// unknown counts the items of portals no connection is bound to and leaves one line about them.
func (r *Router) unknown(ctx context.Context, arrivals []adapters.Arrival, trusted []*Ingest) int {
	known := map[string]bool{"": true}
	for _, in := range trusted {
		known[in.Account()] = true
	}
	n, account := 0, ""
	for _, a := range arrivals {
		if !a.Ignored && !known[a.Account] {
			n++
			account = a.Account
		}
	}
	if n > 0 && r.Ring != nil {
		_ = r.Ring.Add(ctx, AppWide, Line{
			Kind: KindUnknown, System: domain.HubSpot, Status: http.StatusOK, Account: account,
			Reason: fmt.Sprintf("%d items of a portal no connection has", n),
		})
	}
	return n
}

func (r *Receipt) add(o Receipt) {
	r.Stored += o.Stored
	r.Duplicates += o.Duplicates
	r.Raw += o.Raw
	r.Parked += o.Parked
	r.Unknown += o.Unknown
	r.Ignored += o.Ignored
}
