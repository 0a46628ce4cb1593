package export

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/seal"
)

// Options say what is exported; all but Only, Sealed and Progress are required.
type Options struct {
	DB  eventstore.DB
	Log eventstore.Log
	// Head is the signed head the proofs end in; Sign signs the file's end with the same key, Key is its public half.
	Head seal.Signed
	Sign func(text string) (string, error)
	Key  string
	// Scope says in words what was asked for.
	Scope string
	// From and Through bound the positions, both included. Only, when not nil, names those that are meant, sorted.
	From, Through int64
	Only          []int64
	// Sealed leaves out keys and data: that the events are there can be shown, and not read.
	Sealed   bool
	Progress func(done, total int64)
}

// Summary is what was written.
type Summary struct {
	Events    int64 `json:"events"`
	Disclosed int64 `json:"disclosed"`
	Erased    int64 `json:"erased"`
}

// page is how many events are read at once.
const page = 500

// Positions lists the events of streams up to a position, sorted.
func Positions(ctx context.Context, db eventstore.DB, connection string, through int64, streams ...string) ([]int64, error) {
	rows, err := db.QueryKeys(ctx, "SELECT position FROM event WHERE connection = $1 AND stream IN ($keys)", streams, connection)
	all, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (p int64, err error) { return p, r.Scan(&p) })
	if err != nil {
		return nil, fmt.Errorf("events of streams: %w", err)
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(p int64) bool { return p > through }), nil
}

// Total is how many events the options name.
func (o Options) Total() int64 {
	if o.Only == nil {
		return max(o.Through-o.From+1, 0)
	}
	var n int64
	for _, p := range o.Only {
		if p >= o.From && p <= o.Through {
			n++
		}
	}
	return n
}

// Write writes the file.
func Write(ctx context.Context, w io.Writer, o Options) (Summary, error) {
	e := &writer{Options: o, sum: sha256.New(), tree: seal.NewTree(o.DB, o.Log.Connection())}
	e.out = io.MultiWriter(w, e.sum)
	if o.Through > o.Head.Size {
		return e.Summary, fmt.Errorf("export: event %d is past the signed head of %d", o.Through, o.Head.Size)
	}
	err := e.put(Header{
		Version: version, Connection: o.Log.Connection(), LogID: o.Head.LogID.String(), Generation: o.Head.Generation,
		Scope: o.Scope, From: o.From, Through: o.Through, Head: o.Head.Note, Key: o.Key,
	})
	for next := o.From; err == nil && next <= o.Through; {
		next, err = e.page(ctx, next)
	}
	if err == nil {
		err = e.end()
	}
	if err != nil {
		return e.Summary, fmt.Errorf("export: %w", err)
	}
	return e.Summary, nil
}

type writer struct {
	Options
	Summary
	out  io.Writer
	sum  hash.Hash
	tree *seal.Tree
	held []span
}

func (e *writer) put(v any) error {
	b, err := encode(v)
	if err == nil {
		_, err = e.out.Write(b)
	}
	return err
}

func (e *writer) end() error {
	signed, err := e.Sign(endText(e.Head.Origin(), e.held, e.Events, e.sum.Sum(nil)))
	if err != nil {
		return err
	}
	return e.put(ending{version, signed})
}

// page writes the next events from a position on, and returns where to go on.
func (e *writer) page(ctx context.Context, from int64) (int64, error) {
	events, next, err := e.read(ctx, from)
	if err != nil {
		return 0, err
	}
	ids := make([]eventstore.EventID, len(events))
	for i := range events {
		ids[i] = eventstore.EventID{ID: events[i].id, Subject: events[i].subject, Position: events[i].position}
	}
	keys, err := e.Log.Vault().EventKeys(ctx, ids...)
	if err != nil {
		return 0, err
	}
	for i := range events {
		l, err := e.line(ctx, &events[i], keys[i])
		if err == nil {
			err = e.put(l)
		}
		if err != nil {
			return 0, fmt.Errorf("event %d: %w", events[i].position, err)
		}
		e.held = extend(e.held, events[i].position)
		e.Events++
	}
	if e.Progress != nil {
		e.Progress(e.Events, e.Total())
	}
	return next, nil
}

// read returns events from a position on, each of which must be there.
func (e *writer) read(ctx context.Context, from int64) (events []stored, next int64, err error) {
	const columns = `SELECT position, id, stream, type, schema, occurred_at, recorded_at, actor, causation, subject, data,
		key_hash FROM event WHERE connection = $1`
	var rows eventstore.Rows
	var want int64
	if e.Only == nil {
		next = min(from+page, e.Through+1)
		want = next - from
		rows, err = e.DB.Query(ctx, columns+" AND position >= $2 AND position < $3", e.Log.Connection(), from, next)
	} else {
		positions := e.some(from)
		if len(positions) == 0 {
			return nil, e.Through + 1, nil
		}
		next, want = positions[len(positions)-1]+1, int64(len(positions))
		rows, err = e.DB.QueryKeys(ctx, columns+" AND position IN ($keys)", positions, e.Log.Connection())
	}
	events, err = eventstore.Scan(rows, err, e.scan)
	if err == nil && int64(len(events)) != want {
		err = fmt.Errorf("of %d events from %d on, %d are there; duolog verify says more", want, from, len(events))
	}
	slices.SortFunc(events, func(a, b stored) int { return cmp.Compare(a.position, b.position) })
	return events, next, err
}

// some returns the next positions of those that are meant.
func (e *writer) some(from int64) []int64 {
	first, _ := slices.BinarySearch(e.Only, from)
	last, found := slices.BinarySearch(e.Only, e.Through)
	if found {
		last++
	}
	return e.Only[first:min(first+page, max(first, last))]
}

func (e *writer) scan(r eventstore.Rows) (s stored, err error) {
	var id []byte
	s.connection = e.Log.Connection()
	err = r.Scan(&s.position, &id, &s.stream, &s.typ, &s.schema, &s.occurredAt, &s.recordedAt, &s.actor, &s.causation,
		&s.subject, &s.sealed, &s.keyHash)
	copy(s.id[:], id)
	return s, err
}

// line lays an event out with its proof, and, unless it stays sealed, its key and data.
func (e *writer) line(ctx context.Context, s *stored, key []byte) (line, error) {
	proof, err := e.tree.Prove(ctx, e.Head.Size, s.position)
	if err != nil {
		return line{}, err
	}
	l := line{
		SpecVersion: "1.0", ID: s.id.String(),
		Source: source(s.connection, eventstore.Head{LogID: e.Head.LogID}), Type: s.typ, Subject: s.stream,
		Time: stamp(s.recordedAt), Sequence: strconv.FormatInt(s.position, 10),
		Generation: strconv.FormatInt(e.Head.Generation, 10), Actor: s.actor, Schema: s.schema, DataSubject: s.subject,
		Sealed: s.sealed, KeyHash: s.keyHash, Proof: []byte{}, Erased: key == nil,
	}
	for _, h := range proof {
		l.Proof = append(l.Proof, h[:]...)
	}
	if s.occurredAt != 0 {
		l.OccurredAt = stamp(s.occurredAt)
	}
	if s.causation != 0 {
		l.Causation = strconv.FormatInt(s.causation, 10)
	}
	switch {
	case l.Erased:
		e.Erased++
	case !e.Sealed:
		plain, err := s.open(key)
		if err != nil {
			return l, err
		}
		l.EventKey = key
		l.DataContentType, l.Data = shown(plain)
		e.Disclosed++
	}
	return l, nil
}

// shown is how opened data stands in a line: as JSON without white space, or not at all when it is no JSON.
func shown(plain []byte) (kind string, data json.RawMessage) {
	var b bytes.Buffer
	if json.Compact(&b, plain) != nil || b.Len() == 0 {
		return "", nil
	}
	return "application/json", b.Bytes()
}

func stamp(us int64) string { return time.UnixMicro(us).UTC().Format(timeLayout) }
