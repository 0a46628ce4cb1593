package contacts

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
)

// Contact is a contact as people and services see it.
type Contact struct {
	ID     ulid.ULID `json:"id"`
	Status string    `json:"status"`
	// Reason says why the contact as a whole has its status; fields have their own.
	Reason string `json:"reason,omitempty"`
	// Others are records of other contacts that stand in its way, or that it may be: "hubspot:512".
	Others    []string  `json:"others,omitempty"`
	Records   []Record  `json:"records"` // Aloware first
	Fields    []Field   `json:"fields"`  // by name
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"` // of the last decision or outcome
	Position  int64     `json:"position"`   // of the last decision or outcome
	Erased    bool      `json:"erased,omitempty"`
}

// Record is one system's record of a contact.
type Record struct {
	System domain.System `json:"system"`
	ID     string        `json:"id"`
	State  string        `json:"state"`
	// Reason says why it is in this state: "email", "created" …
	Reason string           `json:"reason,omitempty"`
	Values map[string]Value `json:"values,omitempty"` // by the system's read names
	Erased bool             `json:"erased,omitempty"`
}

// Value is what a record shows, since when and by whom. An emptied value is there with null.
type Value struct {
	Value      json.RawMessage `json:"value"`
	Position   int64           `json:"position"` // of the event that told it first
	OccurredAt time.Time       `json:"occurred_at"`
	By         string          `json:"by,omitempty"` // empty: the system does not tell
}

// Field is how a field stands between the two systems.
type Field struct {
	Field    string `json:"field"`
	State    string `json:"state"`
	Reason   string `json:"reason,omitempty"`
	Position int64  `json:"position"` // of the decision or outcome that left it so
}

// view shows a contact with its opened records.
func (f *fold) view(ctx context.Context, c *contact) (Contact, error) {
	id, err := ulid.ParseStrict(c.id)
	if err != nil {
		return Contact{}, fmt.Errorf("contact id: %w", err)
	}
	v := Contact{
		ID: id, CreatedAt: micros(c.created), UpdatedAt: micros(c.updated), Position: c.position,
		Records: []Record{}, Fields: []Field{},
	}
	v.Status, v.Reason = c.status()
	for _, o := range c.body.Head.Others {
		v.Others = append(v.Others, o.String())
	}
	for _, m := range c.body.Members {
		rec, err := f.viewRecord(ctx, m.name, m.v)
		if err != nil {
			return Contact{}, err
		}
		v.Erased = v.Erased || rec.Erased && rec.State != string(planner.Merged) // what was merged away is let in with what it became
		v.Records = append(v.Records, rec)
	}
	for _, fl := range c.body.Fields {
		v.Fields = append(v.Fields, Field{fl.name, fl.v.State, fl.v.Reason, fl.v.Position})
	}
	return v, nil
}

func (f *fold) viewRecord(ctx context.Context, stream string, m member) (Record, error) {
	rec, err := domain.ParseRecord(stream)
	if err != nil {
		return Record{}, fmt.Errorf("member of a contact: %w", err)
	}
	v := Record{System: rec.System, ID: rec.ID, State: string(m.State), Reason: m.Reason}
	r := f.records[stream]
	if r == nil {
		return v, nil
	}
	if err := f.open(ctx, r); err != nil {
		return Record{}, err
	}
	v.Erased = r.erased
	if len(r.values) > 0 {
		v.Values = make(map[string]Value, len(r.values))
	}
	for _, val := range r.values {
		v.Values[val.name] = Value{val.v.Value, val.v.Position, micros(val.v.Occurred), val.v.By}
	}
	return v, nil
}

// loadMembers reads the records of the contacts in one round trip.
func (t rows) loadMembers(ctx context.Context, f *fold, all []*contact) error {
	streams := map[string]bool{}
	for _, c := range all {
		for _, m := range c.body.Members {
			streams[m.name] = true
		}
	}
	records, err := t.records(ctx, sortedKeys(streams))
	if err != nil {
		return fmt.Errorf("load records: %w", err)
	}
	for _, r := range records {
		f.records[r.stream] = r
	}
	return nil
}

// views shows loaded contacts, in id order. It opens what is sealed, so no transaction may be held.
func (f *fold) views(ctx context.Context, all []*contact) ([]Contact, error) {
	var sealed []string
	for _, stream := range sortedKeys(f.records) {
		if r := f.records[stream]; len(r.sealed) > len(erasedMark) {
			sealed = append(sealed, stream)
		}
	}
	if err := prefetch(ctx, f.vault, sealed); err != nil {
		return nil, err
	}
	out := make([]Contact, 0, len(all))
	for _, c := range all {
		v, err := f.view(ctx, c)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b Contact) int { return cmp.Compare(a.ID.String(), b.ID.String()) })
	return out, nil
}

func micros(at int64) time.Time { return time.UnixMicro(at).UTC() }

// prefetch loads the keys of the records that are there; an erased one says so when it is opened.
func prefetch(ctx context.Context, v eventstore.Vault, subjects []string) error {
	if len(subjects) == 0 {
		return nil
	}
	if err := v.Prefetch(ctx, subjects...); err != nil && !errors.Is(err, eventstore.ErrErased) {
		return fmt.Errorf("load keys: %w", err)
	}
	return nil
}
