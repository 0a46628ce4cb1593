package ingest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"golang.org/x/time/rate"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
)

// Kinds of lines.
const (
	KindRejected = "rejected" // refused: signature, time stamp, shape
	KindRaw      = "raw"      // stored unread, as source.raw at Position
	KindParked   = "parked"   // of another portal: kept aside, sealed
	KindUnknown  = "unknown"  // of a portal no connection has: not kept
)

// AppWide stands for a connection in lines about the endpoint all portals of one app share.
const AppWide = ""

// RingSize is how many lines of each kind a connection keeps.
const RingSize = 200

// ringTime bounds the writing of a line: an answer does not wait long for it.
const ringTime = 2 * time.Second

// Line tells of a delivery or an item that was not taken in as a fact. It holds no body and no personal value.
type Line struct {
	Kind     string        `json:"kind"`
	ID       ulid.ULID     `json:"id"`
	At       int64         `json:"at"` // µs UTC
	System   domain.System `json:"system"`
	Status   int           `json:"status"` // HTTP status answered
	Reason   string        `json:"reason"`
	URL      string        `json:"url,omitempty"` // the one we expected, what a signature was checked against
	Offered  []string      `json:"offered,omitempty"`
	Account  string        `json:"account,omitempty"`
	Vendor   string        `json:"vendor,omitempty"`
	Position int64         `json:"position,omitempty"`
}

// Ring keeps the last lines of each connection, in the database, so that every process sees them.
type Ring struct {
	db    eventstore.DB
	clock func() time.Time
	ids   func() ulid.ULID
	// limit keeps a flood of bad requests from becoming a flood of transactions; what is beyond it is counted only.
	limit *rate.Limiter
}

// NewRing returns the ring of a database. A nil clock is time.Now.
func NewRing(db eventstore.DB, clock func() time.Time) *Ring {
	if clock == nil {
		clock = time.Now
	}
	return &Ring{db: db, clock: clock, ids: NewIDs(clock), limit: rate.NewLimiter(20, RingSize)}
}

// Add keeps lines; missing ids and times are filled in.
func (r *Ring) Add(ctx context.Context, connection string, lines ...Line) error {
	rows := make([][]any, 0, len(lines))
	kinds := map[string]bool{}
	for _, l := range lines {
		if l.Kind != KindRaw && !r.limit.AllowN(r.clock(), 1) {
			continue
		}
		rows = append(rows, r.row(connection, l))
		kinds[l.Kind] = true
	}
	if len(rows) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, ringTime)
	defer cancel()
	err := r.db.InTx(ctx, func(tx eventstore.Tx) error {
		if err := tx.Bulk(ctx, ringInsert, rows); err != nil {
			return err
		}
		for kind := range kinds {
			if _, err := tx.Exec(ctx, ringPrune, connection, kind, int64(RingSize)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep a line about a webhook: %w", err)
	}
	return nil
}

func (r *Ring) row(connection string, l Line) []any {
	if l.ID.IsZero() {
		l.ID = r.ids()
	}
	if l.At == 0 {
		l.At = r.clock().UnixMicro()
	}
	return []any{
		connection, l.Kind, l.ID.String(), l.At, string(l.System), int64(l.Status), plain(l.Reason), plain(l.URL),
		strings.Join(l.Offered, ","), plain(l.Account), plain(l.Vendor), l.Position,
	}
}

var ringInsert = eventstore.BulkOp{
	Mode: eventstore.InsertNew, Table: "rejected_webhook", Key: 3,
	Columns: []eventstore.Column{
		{Name: "connection", Kind: eventstore.Text},
		{Name: "kind", Kind: eventstore.Text},
		{Name: "id", Kind: eventstore.Text},
		{Name: "at", Kind: eventstore.Int},
		{Name: "system", Kind: eventstore.Text},
		{Name: "status", Kind: eventstore.Int},
		{Name: "reason", Kind: eventstore.Text},
		{Name: "url", Kind: eventstore.Text},
		{Name: "offered", Kind: eventstore.Text},
		{Name: "account", Kind: eventstore.Text},
		{Name: "vendor", Kind: eventstore.Text},
		{Name: "position", Kind: eventstore.Int},
	},
}

const ringPrune = `DELETE FROM rejected_webhook WHERE connection = $1 AND kind = $2 AND id <= (
	SELECT id FROM rejected_webhook WHERE connection = $1 AND kind = $2
	ORDER BY connection DESC, kind DESC, id DESC LIMIT 1 OFFSET $3)`

const ringList = `SELECT kind, id, at, system, status, reason, url, offered, account, vendor, position
	FROM rejected_webhook WHERE connection IN ($keys)`

// List returns the newest lines of a connection, the app-wide endpoint's and parked items among them, newest first.
func (r *Ring) List(ctx context.Context, connection string, limit int) ([]Line, error) {
	rows, err := r.db.QueryKeys(ctx, ringList, []string{connection, AppWide})
	lines, err := eventstore.Scan(rows, err, scanLine)
	if err != nil {
		return nil, fmt.Errorf("list rejected webhooks: %w", err)
	}
	parked, err := r.parkedLines(ctx, connection, limit)
	if err != nil {
		return nil, err
	}
	lines = append(lines, parked...)
	slices.SortFunc(lines, func(a, b Line) int { return b.ID.Compare(a.ID) })
	return lines[:min(limit, len(lines))], nil
}

func scanLine(rows eventstore.Rows) (Line, error) {
	var l Line
	var id, system, offered string
	var status int64
	err := rows.Scan(&l.Kind, &id, &l.At, &system, &status, &l.Reason, &l.URL, &offered, &l.Account, &l.Vendor,
		&l.Position)
	if err != nil {
		return l, err
	}
	l.System, l.Status = domain.System(system), int(status)
	if offered != "" {
		l.Offered = strings.Split(offered, ",")
	}
	l.ID, err = ulid.ParseStrict(id)
	return l, err
}

// rejected is the line of a refused delivery. The URL is kept without its query, which may hold a secret.
func rejected(system domain.System, url string, r *adapters.Rejection) Line {
	url, _, _ = strings.Cut(url, "?")
	l := Line{Kind: KindRejected, System: system, Status: r.Status, Reason: r.Reason, URL: url}
	for _, o := range r.Offered {
		l.Offered = append(l.Offered, scheme(o))
	}
	return l
}

// schemes are the words an offer may be shown as. Anything else came from the sender and may be a secret put in the
// wrong place.
var schemes = []string{"v1", "v2", "v3", "basic", "bearer", "digest", "none"}

func scheme(offered string) string {
	if o := strings.ToLower(strings.TrimSpace(offered)); slices.Contains(schemes, o) {
		return o
	}
	return "other"
}
