package contacts

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/internal/inputs"
)

// rows reads the projection's tables of one connection and version.
type rows struct {
	q          eventstore.Querier
	connection string
	version    int64
	held       *folder // what is held in memory; nil when that is nothing
}

// wanted are the rows to load.
type wanted struct {
	records  map[string]bool
	contacts map[string]bool
	aliased  map[string]bool // contacts about to become aliases: their records move
	linked   map[string]bool // records whose contact is touched with them
}

func want(inputs []*input) wanted {
	w := wanted{map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}}
	for _, in := range inputs {
		if in.shows() {
			w.records[in.Stream] = true
		}
		if in.decision != nil {
			w.decision(in.decision)
		}
		if in.erasure != nil {
			for _, r := range in.erasure.Records {
				w.records[r.Stream()], w.linked[r.Stream()] = true, true
			}
		}
		streams, _ := in.read()
		for _, stream := range streams {
			w.records[stream], w.linked[stream] = true, true
		}
		if in.fact != nil && len(streams) > 0 {
			w.contacts[in.fact.Answer.Contact.String()] = true
		}
		if in.outcome != nil {
			w.contacts[in.outcome.Contact.String()] = true
		}
	}
	return w
}

func (w wanted) decision(d *inputs.Effects) {
	w.contacts[d.Contact.String()] = true
	for _, l := range d.Links {
		w.records[l.Record.Stream()], w.linked[l.Record.Stream()] = true, true
		w.contacts[l.Contact.String()] = true
	}
	for _, a := range d.Aliases {
		w.contacts[a.From.String()], w.contacts[a.To.String()] = true, true
		w.aliased[a.From.String()] = true
	}
}

// load reads what the inputs touch into the fold, and what follows from it: the contacts that records leave, the
// contacts that aliases mean, and the records of contacts that become aliases.
func (t rows) load(ctx context.Context, f *fold, w wanted) error {
	for len(w.records)+len(w.contacts) > 0 {
		records, err := t.records(ctx, take(w.records))
		if err != nil {
			return fmt.Errorf("load records: %w", err)
		}
		for _, r := range records {
			f.records[r.stream] = r
			if w.linked[r.stream] && r.contact != "" && f.contacts[r.contact] == nil {
				w.contacts[r.contact] = true
			}
		}
		contacts, err := t.contacts(ctx, take(w.contacts))
		if err != nil {
			return fmt.Errorf("load contacts: %w", err)
		}
		for _, c := range contacts {
			f.contacts[c.id] = c
			w.follow(f, c)
		}
	}
	return nil
}

func (w wanted) follow(f *fold, c *contact) {
	if c.aliasOf != "" && f.contacts[c.aliasOf] == nil {
		w.contacts[c.aliasOf] = true
	}
	if !w.aliased[c.id] {
		return
	}
	for _, m := range c.body.Members {
		if f.records[m.name] == nil {
			w.records[m.name] = true
		}
	}
}

// take empties the set and returns what was in it.
func take(set map[string]bool) []string {
	keys := slices.Collect(maps.Keys(set))
	clear(set)
	return keys
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func (t rows) records(ctx context.Context, streams []string) ([]*record, error) {
	all, streams, err := t.heldRecords(streams)
	if err != nil || len(streams) == 0 {
		return all, err
	}
	found, err := t.q.QueryKeys(ctx, `SELECT record, contact, link, linked_by, linked_at, body, position
		FROM contact_record WHERE connection = $1 AND version = $2 AND record IN ($keys)`,
		streams, t.connection, t.version)
	loaded, err := eventstore.Scan(found, err, func(row eventstore.Rows) (*record, error) {
		r, link := &record{stored: true}, ""
		err := row.Scan(&r.stream, &r.contact, &link, &r.linked.Input, &r.linked.Position, &r.sealed, &r.position)
		r.link = planner.LinkState(link)
		return r, err
	})
	return append(all, loaded...), err
}

const contactColumns = `contact, alias_of, body, created_at, updated_at, position`

func (t rows) contacts(ctx context.Context, ids []string) ([]*contact, error) {
	all, ids, err := t.heldContacts(ids)
	if err != nil || len(ids) == 0 {
		return all, err
	}
	found, err := t.q.QueryKeys(ctx, `SELECT `+contactColumns+` FROM contact
		WHERE connection = $1 AND version = $2 AND contact IN ($keys)`, ids, t.connection, t.version)
	loaded, err := eventstore.Scan(found, err, scanContact)
	return append(all, loaded...), err
}

func scanContact(row eventstore.Rows) (*contact, error) {
	c, body := &contact{hasRow: true}, ""
	err := row.Scan(&c.id, &c.aliasOf, &body, &c.created, &c.updated, &c.position)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(body), &c.body); err != nil {
		return nil, fmt.Errorf("read contact %s: %w", c.id, err)
	}
	c.stored = c.notInStep()
	return c, nil
}

// notInStep lists the fields that have rows of their own.
func (c *contact) notInStep() byName[fieldRow] {
	var out byName[fieldRow]
	for _, f := range c.body.Fields {
		if f.v.State != InStep {
			out = append(out, named[fieldRow]{f.name, fieldRow{f.v.State, f.v.Reason, f.v.Position}})
		}
	}
	return out
}

// policies returns the settings in force at the position, and nothing older.
func (t rows) policies(ctx context.Context, position int64) ([]policy, error) {
	found, err := t.q.Query(ctx, `SELECT position, body FROM contact_policy
		WHERE connection = $1 AND version = $2 AND position <= $3
		ORDER BY connection DESC, version DESC, position DESC LIMIT 1`, t.connection, t.version, position)
	return scanPolicies(found, err)
}

// allPolicies returns every version of the settings.
func (t rows) allPolicies(ctx context.Context) ([]policy, error) {
	found, err := t.q.Query(ctx, `SELECT position, body FROM contact_policy
		WHERE connection = $1 AND version = $2 ORDER BY connection, version, position`, t.connection, t.version)
	return scanPolicies(found, err)
}

func scanPolicies(found eventstore.Rows, err error) ([]policy, error) {
	all, err := eventstore.Scan(found, err, func(row eventstore.Rows) (policy, error) {
		var (
			at   int64
			body string
		)
		if err := row.Scan(&at, &body); err != nil {
			return policy{}, err
		}
		return newPolicy(at, body)
	})
	if err != nil {
		return nil, fmt.Errorf("load settings: %w", err)
	}
	first, err := standard()
	return append([]policy{first}, all...), err
}
