package scale

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/ingest"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/history"
	"github.com/duolog/duolog/projections/outbound"
)

// start is where a pattern's log begins: its positions are then numbers that mean nothing else.
const start = 7_000_000_000_000

// pattern is a contact of the real engine's making, ready to be copied.
type pattern struct {
	tables []table
	events []eventMold
	rows   []row
	acts   int // events in front, the same in each log
	ulids  []ulid.ULID
	// contact is the number of its id among ulids.
	contact int
}

type eventMold struct {
	like                  eventstore.NewEvent
	id                    int // among ulids
	stream, subject, data mold
	causation             mold
}

// engine is what takes a log's events further.
type engine struct {
	planner *outbound.Process
	runner  *projections.Runner
}

func newEngine(db eventstore.DB, log eventstore.Log) engine {
	return engine{
		planner: outbound.New(outbound.Config{DB: db, Log: log}),
		runner:  projections.New(db, log, projections.Options{}, contacts.Projection{}, history.Projection{}),
	}
}

// catchUp plans and folds what is in the log.
func (e engine) catchUp(ctx context.Context) error {
	for {
		n, err := e.planner.Step(ctx)
		if err != nil {
			return err
		}
		if n == 0 {
			return e.runner.CatchUp(ctx)
		}
	}
}

// open appends the acts of a connection that runs: settings, whose it is, and that both sides were matched.
func open(ctx context.Context, log eventstore.Log, newID func() ulid.ULID) (acts int, err error) {
	s, err := settings.Preset(settings.PresetRecommended)
	if err != nil {
		return 0, err
	}
	s = s.Sorted()
	s.Version = 1
	raw, err := json.Marshal(s)
	if err != nil {
		return 0, err
	}
	var events []eventstore.NewEvent
	for _, act := range []struct {
		kind, stream string
		payload      any
	}{
		{domain.SettingsChanged, "settings", domain.SettingsAct{Version: 1, Settings: raw}},
		{domain.ConnectionOpened, "connection", domain.Opened{Portal: "1"}},
		{domain.BaselineCompleted, "connection", domain.Act{}},
	} {
		data, err := json.Marshal(act.payload)
		if err != nil {
			return 0, err
		}
		events = append(events, eventstore.NewEvent{
			ID: newID(), Stream: act.stream, Type: act.kind, Schema: domain.SchemaOf(act.kind), Actor: "duolog",
			Subject: eventstore.SubjectLog, Data: data,
		})
	}
	_, err = log.Append(ctx, events...)
	return len(events), err
}

// newPattern has the real engine make one contact in a log of its own, under the secrets of the log its copies are for.
func newPattern(ctx context.Context, store eventstore.Store, target eventstore.Log) (*pattern, error) {
	own, err := store.Log(ctx, target.Connection()+"-pattern")
	if err != nil {
		return nil, err
	}
	log, db := borrow(own, target), borrowedDB{store}
	e, newID := newEngine(db, log), ingest.NewIDs(time.Now)
	if err := e.catchUp(ctx); err != nil {
		return nil, err
	}
	if err := begin(ctx, store, own.Connection()); err != nil {
		return nil, err
	}
	e = newEngine(db, log)
	p := &pattern{}
	if p.acts, err = open(ctx, log, newID); err != nil {
		return nil, err
	}
	if err := e.catchUp(ctx); err != nil {
		return nil, err
	}
	who := personAt(patternPerson)
	facts, err := who.facts(newID, time.Now().Add(-time.Hour).UnixMicro())
	if err != nil {
		return nil, err
	}
	if _, err := log.Append(ctx, facts...); err != nil {
		return nil, err
	}
	if err := e.catchUp(ctx); err != nil {
		return nil, err
	}
	return p, p.cast(ctx, store, log, who)
}

// begin moves an empty log, and what reads it, to where patterns lie.
func begin(ctx context.Context, db eventstore.DB, connection string) error {
	for _, name := range append([]string{"log_head"}, cursors...) {
		if err := moveTo(ctx, db, name, connection, start); err != nil {
			return err
		}
	}
	return nil
}

func moveTo(ctx context.Context, db eventstore.DB, table, connection string, position int64) error {
	_, err := db.Exec(ctx, "UPDATE "+table+" SET position = $1 WHERE connection = $2", position, connection)
	if err != nil {
		return fmt.Errorf("move %s: %w", table, err)
	}
	return nil
}

var ulidShape = regexp.MustCompile(`[0-7][0-9A-HJKMNP-TV-Z]{25}`)

// cast makes molds of everything the contact left in the database.
func (p *pattern) cast(ctx context.Context, store eventstore.Store, log eventstore.Log, who person) (err error) {
	if p.tables, err = described(ctx, store); err != nil {
		return err
	}
	events, err := log.Read(ctx, start+int64(p.acts), math.MaxInt32)
	if err != nil {
		return err
	}
	read := make([][][]any, len(p.tables))
	for i, t := range p.tables {
		if read[i], err = t.read(ctx, store, log); err != nil {
			return err
		}
	}
	p.findIDs(events, read)
	v := log.Vault()
	digests := planner.NewDigester(v.Secret("planner digest"))
	m := newMolder(p.texts(who.tokens(v, digests), func(at int) (int64, int64) {
		if at < p.acts {
			return start + int64(at) + 1, 0
		}
		e := events[at-p.acts]
		return e.Position, e.RecordedAt
	}, len(events), p.ulids, log.Connection()))
	for _, e := range events {
		p.events = append(p.events, p.castEvent(m, e))
	}
	for i, rows := range read {
		for _, cells := range rows {
			if mine(p.tables[i], cells) {
				p.rows = append(p.rows, castRow(m, i, p.tables[i], cells, who.blind(v)))
			}
		}
	}
	return nil
}

// mine tells a contact's row from those of the connection's acts.
func mine(t table, cells []any) bool {
	at := t.column("owner")
	return at < 0 || cells[at] != "connection"
}

// findIDs collects the ids in events and rows.
func (p *pattern) findIDs(events []eventstore.Event, tables [][][]any) {
	seen := map[string]bool{}
	note := func(text []byte) {
		for _, id := range ulidShape.FindAll(text, -1) {
			if parsed, err := ulid.ParseStrict(string(id)); err == nil && !seen[string(id)] {
				seen[string(id)] = true
				p.ulids = append(p.ulids, parsed)
			}
		}
	}
	for _, e := range events {
		note([]byte(e.ID.String()))
		note([]byte(e.Stream))
		note(e.Data)
	}
	for _, rows := range tables {
		for _, cells := range rows {
			for _, c := range cells {
				switch c := c.(type) {
				case string:
					note([]byte(c))
				case []byte:
					note(c)
				}
			}
		}
	}
	for _, e := range events {
		if e.Type == domain.DecisionMade {
			id, _ := ulid.ParseStrict(e.Stream[len("contact/"):])
			p.contact = p.number(id)
		}
	}
}

func (p *pattern) number(id ulid.ULID) int {
	for i, u := range p.ulids {
		if u == id {
			return i
		}
	}
	return none
}

// texts lists what is another text in each copy: a person's tokens, the connection, ids, and for every event its position
// and the time it was recorded.
func (p *pattern) texts(tokens []string, event func(at int) (position, recorded int64), events int, ids []ulid.ULID,
	connection string,
) []string {
	out := make([]string, 0, len(tokens)+1+len(ids)+2*(p.acts+events))
	out = append(append(out, tokens...), connection)
	for _, id := range ids {
		out = append(out, id.String())
	}
	for at := range p.acts + events {
		position, recorded := event(at)
		out = append(out, strconv.FormatInt(position, 10))
		if at >= p.acts {
			out = append(out, strconv.FormatInt(recorded, 10))
		}
	}
	return out
}

func (p *pattern) castEvent(m molder, e eventstore.Event) eventMold {
	return eventMold{
		like: eventstore.NewEvent{Type: e.Type, Schema: e.Schema, OccurredAt: occurred(e), Actor: e.Actor},
		id:   p.number(e.ID), stream: m.mold(e.Stream), subject: m.mold(e.Subject), data: m.mold(string(e.Data)),
		causation: m.mold(strconv.FormatInt(e.Causation, 10)),
	}
}

// occurred is the time an event was appended with: readers are given the recording time for none.
func occurred(e eventstore.Event) int64 {
	if e.OccurredAt == e.RecordedAt {
		return 0
	}
	return e.OccurredAt
}

func castRow(m molder, number int, t table, cells []any, blind [][]byte) row {
	r := row{table: number, cells: make([]cell, len(cells)), record: t.column("record")}
	for i, value := range cells {
		c := cell{kind: t.columns[i].Kind, sealed: t.columns[i].Name == t.sealed, blind: none}
		switch value := value.(type) {
		case int64:
			c.mold = m.mold(strconv.FormatInt(value, 10))
		case string:
			c.mold = m.mold(value)
		case []byte:
			for n, token := range blind {
				if bytes.Equal(token, value) {
					c.blind = n
				}
			}
			if c.blind == none {
				c.mold = mold{{string(value), none}}
			}
			if c.sealed {
				c.mold = m.mold(string(value))
			}
		}
		r.cells[i] = c
	}
	return r
}
