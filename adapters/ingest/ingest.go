// Package ingest takes webhook deliveries in: it authenticates them, translates them to facts and appends those to
// the connection's log, and answers only when they are durable. What it does not take in leaves a line in a ring.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
)

// Config is what an Ingest works with. Log, System and Ring are required.
type Config struct {
	Log    eventstore.Log
	System adapters.System
	// Account is the portal or company whose items belong to this connection. Empty: the first one told is learned.
	Account string
	// Ring keeps what was not taken in; connections of one database share it.
	Ring *Ring
	// Clock gives recording times of the ring's lines. Default time.Now.
	Clock func() time.Time
	// IDs mints event ids. Default NewIDs(Clock).
	IDs func() ulid.ULID
	// Metrics count deliveries and items. Default: counted, not exposed.
	Metrics *Metrics
	// Erased is asked of an event that was refused whether it shows somebody who was erased, and has the record erased as
	// well. Default: nobody is recognised.
	Erased func(context.Context, eventstore.NewEvent) (bool, error)
	// Logger gets what the ring could not keep. Default slog.Default().
	Logger *slog.Logger
}

// Ingest takes in the webhooks of one system for one connection. Its methods may be called concurrently.
type Ingest struct {
	cfg     Config
	account atomic.Pointer[string]
	tested  atomic.Int64
}

// Receipt counts what became of the items of one delivery.
type Receipt struct {
	Stored     int // appended as facts
	Duplicates int // appended before; nothing happened
	Raw        int // appended unread, as source.raw
	Parked     int // of another portal: kept aside, never appended
	Unknown    int // of a portal no connection has: counted only
	Ignored    int // well-formed, of no meaning for contacts
	// Position is the highest position at which an item lies, 0 when none was appended.
	Position int64
}

// New returns an Ingest with defaults filled in.
func New(cfg Config) *Ingest {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.IDs == nil {
		cfg.IDs = NewIDs(cfg.Clock)
	}
	if cfg.Metrics == nil {
		cfg.Metrics = NewMetrics(nil)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Erased == nil {
		cfg.Erased = func(context.Context, eventstore.NewEvent) (bool, error) { return false, nil }
	}
	in := &Ingest{cfg: cfg}
	if cfg.Account != "" {
		in.account.Store(&cfg.Account)
	}
	return in
}

// Connection returns the name of the connection whose log the items go to.
func (in *Ingest) Connection() string { return in.cfg.Log.Connection() }

// System returns whose webhooks these are.
func (in *Ingest) System() domain.System { return in.cfg.System.Name() }

// Account returns the portal or company bound or learned, empty while neither.
func (in *Ingest) Account() string {
	if a := in.account.Load(); a != nil {
		return *a
	}
	return ""
}

// Bind ties the ingest to the account its connection was opened with, whatever it learned before.
func (in *Ingest) Bind(account string) { in.account.Store(&account) }

// Receive takes one delivery in and returns when all its items are durable. The error is an *adapters.Rejection
// when the delivery is refused, and wraps eventstore.ErrUnavailable when the database cannot be reached: then the
// sender has to try again, and what was stored already is recognised.
func (in *Ingest) Receive(ctx context.Context, d adapters.Delivery) (Receipt, error) {
	if err := in.cfg.System.Authenticate(d); err != nil {
		return Receipt{}, in.Refuse(ctx, d, err)
	}
	arrivals, err := in.cfg.System.Translate(d)
	if err != nil {
		return Receipt{}, in.Refuse(ctx, d, err)
	}
	rec, err := in.store(ctx, in.own(arrivals))
	if err != nil {
		in.delivered(http.StatusServiceUnavailable)
		return rec, err
	}
	in.delivered(http.StatusOK)
	if len(arrivals) == rec.Ignored {
		in.tested.Store(in.cfg.Clock().UnixMicro())
	}
	return rec, nil
}

// Tested is when this process last took in a delivery of no meaning for contacts, as a system's test is; zero: never.
func (in *Ingest) Tested() time.Time {
	if at := in.tested.Load(); at != 0 {
		return time.UnixMicro(at)
	}
	return time.Time{}
}

// Refuse leaves a line in the ring for a delivery refused with err and returns err. An err that is no
// *adapters.Rejection is our own failure, not the sender's, and leaves none.
func (in *Ingest) Refuse(ctx context.Context, d adapters.Delivery, err error) error {
	var r *adapters.Rejection
	if !errors.As(err, &r) {
		return fmt.Errorf("receive %s webhook: %w", in.System(), err)
	}
	in.delivered(r.Status)
	in.note(ctx, rejected(in.System(), d.URL, r))
	return err
}

// sorted holds a delivery's arrivals by what is to become of them.
type sorted struct {
	ours, foreign []adapters.Arrival
	ignored       int
}

// own sorts arrivals by whose they are. An item that does not tell its portal is taken as ours: the path it came
// by and the secret it was signed with are this connection's.
func (in *Ingest) own(arrivals []adapters.Arrival) sorted {
	var s sorted
	for _, a := range arrivals {
		switch {
		case a.Ignored:
			s.ignored++
		case a.Account == "" || a.Account == in.learn(a.Account):
			s.ours = append(s.ours, a)
		default:
			s.foreign = append(s.foreign, a)
		}
	}
	return s
}

// learn binds the ingest to the account when it is bound to none, and returns the one it is bound to.
func (in *Ingest) learn(account string) string {
	in.account.CompareAndSwap(nil, &account)
	return in.Account()
}

// store parks what is foreign and appends the rest in one call.
func (in *Ingest) store(ctx context.Context, s sorted) (Receipt, error) {
	rec := Receipt{Ignored: s.ignored}
	if len(s.foreign) > 0 {
		n, err := in.park(ctx, s.foreign, "item of another portal")
		if err != nil {
			return rec, err
		}
		rec.Parked = n
	}
	if len(s.ours) > 0 {
		if err := in.append(ctx, s.ours, &rec); err != nil {
			return rec, err
		}
	}
	in.count(rec)
	return rec, nil
}

// note keeps a line in the ring; a line lost is a warning, never a reason to refuse a good delivery.
func (in *Ingest) note(ctx context.Context, lines ...Line) {
	if in.cfg.Ring == nil || len(lines) == 0 {
		return
	}
	if err := in.cfg.Ring.Add(ctx, in.Connection(), lines...); err != nil {
		in.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "line about a webhook not kept",
			slog.String("connection", in.Connection()), slog.String("error", err.Error()))
	}
}
