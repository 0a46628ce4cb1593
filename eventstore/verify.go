package eventstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/oklog/ulid/v2"
	"golang.org/x/mod/sumdb/note"
)

// Report is what Verify found.
type Report struct {
	Connection string
	LogID      ulid.ULID
	Generation int64
	Head       int64 // position the head says
	Events     int64 // rows whose hash was worked out again
	Sealed     int64 // events the last signed head speaks for
	Heads      int64 // signed heads held against the events, those held elsewhere included
	LastHead   string
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
	FaultKeys    = "keys"     // dedupe keys that do not match the events one to one, or an event that goes by another's
	FaultCount   = "count"    // another number of events than the head says
	FaultHead    = "head"     // a head that does not fit its last event
	FaultAdded   = "added"    // an event with the id of another
	FaultTree    = "tree"     // an event, or a stored hash of the Merkle tree, that is not the one that was sealed
	FaultSigned  = "signed"   // a signed head that is not one of this log as it is
	FaultSubject = "subject"  // an event whose key is not its subject's, or a subject's key that is gone
	maxFaults    = 1000       // kept in a report
	verifyPage   = int64(500) // events read at once
)

// ErrNoLog: the database has no log of that connection.
var ErrNoLog = errors.New("no such log")

// Check is a verification of a connection's log; DB and Connection are required.
type Check struct {
	DB         DB
	Connection string
	// Master, when set, also has the events' keys held against their subjects'.
	Master MasterKey
	// Verifiers know who signs the log's heads; without any, signatures are not looked at.
	Verifiers []note.Verifier
	// Held are signed heads that somebody kept elsewhere: only they show a log that was forged with its own.
	Held []string
	// Progress, when not nil, is called after each page.
	Progress func(done, total int64)
}

// Verify is a Check that needs no keys.
func Verify(ctx context.Context, db DB, connection string, progress func(done, total int64)) (Report, error) {
	return Check{DB: db, Connection: connection, Progress: progress}.Run(ctx)
}

// Run reads the whole log and checks that positions are dense, that each event's stored bytes give its stored hash,
// that head, events and dedupe keys agree in number, and that the events are those the stored tree and the signed
// heads were made of. It shares no code with what writes. Events appended meanwhile are left for the next time.
func (c Check) Run(ctx context.Context) (Report, error) {
	v := &verifier{Check: c, db: c.DB, report: Report{Connection: c.Connection}}
	err := c.DB.ReadTx(ctx, func(q Querier) error { return v.totals(ctx, q) })
	if err != nil {
		return v.report, fmt.Errorf("verify %s: %w", c.Connection, err)
	}
	v.begin()
	for next := int64(0); next < v.report.Head; {
		if err := v.page(ctx, next); err != nil {
			return v.report, fmt.Errorf("verify %s: %w", c.Connection, err)
		}
		next = min(next+verifyPage, v.report.Head)
		if c.Progress != nil {
			c.Progress(next, v.report.Head)
		}
	}
	if err := v.owners(ctx); err != nil {
		return v.report, fmt.Errorf("verify %s: %w", c.Connection, err)
	}
	return v.report, nil
}

type verifier struct {
	Check
	db         DB
	report     Report
	recordedAt int64 // of the last event read
	tree       treeCheck
	heads      headCheck
	sealed     sealedTo
	keyring    keyring
	dedupe     dedupeCheck
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
	if err := v.keys(ctx, q); err != nil {
		return err
	}
	if err := v.dedupeKeys(ctx, q); err != nil {
		return err
	}
	if err := v.ids(ctx, q); err != nil {
		return err
	}
	return v.seals(ctx, q)
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

// ids finds an event stored a second time: its bytes are good, whatever its position.
func (v *verifier) ids(ctx context.Context, q Querier) error {
	rows, err := q.Query(ctx, `SELECT MIN(position), MAX(position) FROM event WHERE connection = $1
		GROUP BY id HAVING COUNT(*) > 1 ORDER BY 1 LIMIT 100`, v.report.Connection)
	_, err = Scan(rows, err, func(r Rows) (none struct{}, err error) {
		var first, last int64
		if err = r.Scan(&first, &last); err == nil {
			v.fault(last, FaultAdded, "it has the id of event %d: it was stored again", first)
		}
		return none, err
	})
	return err
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
	if err := v.opened(ctx, events); err != nil {
		return err
	}
	expected := after + 1
	for i := range events {
		if err := v.missing(ctx, expected, events[i].position-1); err != nil {
			return err
		}
		if err := v.check(ctx, &events[i]); err != nil {
			return err
		}
		expected = events[i].position + 1
	}
	return v.missing(ctx, expected, through)
}

func (v *verifier) missing(ctx context.Context, first, last int64) error {
	for position := first; position <= last; position++ {
		v.fault(position, FaultMissing, "no event")
		if err := v.fold(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) check(ctx context.Context, ev *storedRow) error {
	v.report.Events++
	sum := ev.sum(v.report.Connection)
	if !bytes.Equal(sum[:], ev.hash) {
		v.fault(ev.position, FaultHash, "%s of %s was altered", ev.typ, ev.stream)
	}
	if ev.recordedAt < v.recordedAt {
		v.fault(ev.position, FaultTime, "recorded at %d, after one at %d", ev.recordedAt, v.recordedAt)
	}
	v.recordedAt = ev.recordedAt
	v.keyed(ev)
	v.goesBy(ev)
	leaf := ev.leaf(sum)
	return v.fold(ctx, &leaf)
}

// one scans a query's only row; false when there is none.
func one(ctx context.Context, q Querier, dest []any, query string, args ...any) (bool, error) {
	rows, err := q.Query(ctx, query, args...)
	found, err := Scan(rows, err, func(r Rows) (struct{}, error) { return struct{}{}, r.Scan(dest...) })
	return len(found) > 0, err
}
