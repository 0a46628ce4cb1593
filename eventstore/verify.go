package eventstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/oklog/ulid/v2"
)

// Report is what Verify found.
type Report struct {
	Connection string
	LogID      ulid.ULID
	Generation int64
	Head       int64 // position the head says
	Events     int64 // rows whose hash was worked out again
	Faults     []Fault
	// MoreFaults counts those beyond the first thousand.
	MoreFaults int64
}

// OK tells whether nothing was found.
func (r Report) OK() bool { return len(r.Faults) == 0 }

// Fault is one thing that is not as the log promises.
type Fault struct {
	Position int64 // 0: of the log as a whole
	Kind     string
	Detail   string
}

// The kinds of faults.
const (
	FaultMissing = "missing"  // a position without an event
	FaultBeyond  = "beyond"   // an event past the head
	FaultHash    = "hash"     // an event whose bytes do not give its hash
	FaultTime    = "time"     // recorded before its predecessor
	FaultKeys    = "keys"     // dedupe keys that do not match the events one to one
	FaultCount   = "count"    // another number of events than the head says
	FaultHead    = "head"     // a head that does not fit its last event
	maxFaults    = 1000       // kept in a report
	verifyPage   = int64(500) // events read at once
)

// ErrNoLog: the database has no log of that connection.
var ErrNoLog = errors.New("no such log")

// Verify reads a connection's whole log and checks that positions are dense, that each event's stored bytes give its
// stored hash, and that head, events and dedupe keys agree in number. It needs no keys and shares no code with what
// writes. progress, when not nil, is called after each page. Events appended meanwhile are left for the next time.
func Verify(ctx context.Context, db DB, connection string, progress func(done, total int64)) (Report, error) {
	v := &verifier{db: db, report: Report{Connection: connection}}
	if err := db.ReadTx(ctx, func(q Querier) error { return v.totals(ctx, q) }); err != nil {
		return v.report, fmt.Errorf("verify %s: %w", connection, err)
	}
	for next := int64(0); next < v.report.Head; {
		if err := v.page(ctx, next); err != nil {
			return v.report, fmt.Errorf("verify %s: %w", connection, err)
		}
		next = min(next+verifyPage, v.report.Head)
		if progress != nil {
			progress(next, v.report.Head)
		}
	}
	return v.report, nil
}

type verifier struct {
	db         DB
	report     Report
	recordedAt int64 // of the last event read
}

func (v *verifier) fault(position int64, kind, format string, args ...any) {
	if len(v.report.Faults) >= maxFaults {
		v.report.MoreFaults++
		return
	}
	v.report.Faults = append(v.report.Faults, Fault{position, kind, fmt.Sprintf(format, args...)})
}

// totals compares the numbers of head, events and keys in one snapshot.
func (v *verifier) totals(ctx context.Context, q Querier) error {
	connection := v.report.Connection
	var id []byte
	var recordedAt int64
	found, err := one(ctx, q, []any{&id, &v.report.Generation, &v.report.Head, &recordedAt},
		"SELECT log_id, generation, position, recorded_at FROM log_head WHERE connection = $1", connection)
	if err != nil {
		return err
	}
	if !found {
		return ErrNoLog
	}
	copy(v.report.LogID[:], id)
	var events, last, lastRecorded int64
	_, err = one(ctx, q, []any{&events, &last, &lastRecorded}, `SELECT COUNT(*), COALESCE(MAX(position), 0),
		COALESCE(MAX(recorded_at), 0) FROM event WHERE connection = $1`, connection)
	if err != nil {
		return err
	}
	v.compare(events, last, recordedAt, lastRecorded)
	return v.keys(ctx, q)
}

func (v *verifier) compare(events, last, recordedAt, lastRecorded int64) {
	head := v.report.Head
	if last > head {
		v.fault(last, FaultBeyond, "the last event is past the head at %d", head)
	}
	if events != head {
		v.fault(0, FaultCount, "the head is at %d, there are %d events", head, events)
	}
	if head > 0 && recordedAt != lastRecorded {
		v.fault(0, FaultHead, "the head's time is %d, the last event's %d", recordedAt, lastRecorded)
	}
}

func (v *verifier) keys(ctx context.Context, q Querier) error {
	var keys, positions, first, last int64
	_, err := one(ctx, q, []any{&keys, &positions, &first, &last}, `SELECT COUNT(*), COUNT(DISTINCT position),
		COALESCE(MIN(position), 1), COALESCE(MAX(position), 0) FROM append_key WHERE connection = $1`,
		v.report.Connection)
	if err != nil {
		return err
	}
	// As many keys as positions, all different and none outside: one key for each.
	if head := v.report.Head; keys != head || positions != head || first != 1 || last != head {
		v.fault(0, FaultKeys, "the head is at %d, there are %d dedupe keys of %d positions from %d to %d",
			head, keys, positions, first, last)
	}
	return nil
}

// page checks the events of one page of positions, whether or not they are there.
func (v *verifier) page(ctx context.Context, after int64) error {
	through := min(after+verifyPage, v.report.Head)
	rows, err := v.db.Query(ctx, `SELECT position, id, stream, type, schema, occurred_at, recorded_at, actor,
		causation, subject, data, key_hash, hash FROM event WHERE connection = $1 AND position > $2
		AND position <= $3 ORDER BY connection, position`, v.report.Connection, after, through)
	events, err := Scan(rows, err, scanRow)
	if err != nil {
		return err
	}
	expected := after + 1
	for i := range events {
		v.missing(expected, events[i].position-1)
		v.check(&events[i])
		expected = events[i].position + 1
	}
	v.missing(expected, through)
	return nil
}

func (v *verifier) missing(first, last int64) {
	for position := first; position <= last; position++ {
		v.fault(position, FaultMissing, "no event")
	}
}

func (v *verifier) check(ev *storedRow) {
	v.report.Events++
	if sum := ev.sum(v.report.Connection); !bytes.Equal(sum[:], ev.hash) {
		v.fault(ev.position, FaultHash, "%s of %s was altered", ev.typ, ev.stream)
	}
	if ev.recordedAt < v.recordedAt {
		v.fault(ev.position, FaultTime, "recorded at %d, after one at %d", ev.recordedAt, v.recordedAt)
	}
	v.recordedAt = ev.recordedAt
}

// one scans a query's only row; false when there is none.
func one(ctx context.Context, q Querier, dest []any, query string, args ...any) (bool, error) {
	rows, err := q.Query(ctx, query, args...)
	found, err := Scan(rows, err, func(r Rows) (struct{}, error) { return struct{}{}, r.Scan(dest...) })
	return len(found) > 0, err
}
