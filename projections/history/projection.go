package history

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections"
)

// Name of the projection.
const Name = "history"

// ownerConnection owns the acts that concern every contact.
const ownerConnection = "connection"

// Projection folds a connection's log into the table history_entry.
type Projection struct{}

var _ projections.Projection = Projection{}

// Name returns the projection's name.
func (Projection) Name() string { return Name }

// Fold returns the number of this code.
func (Projection) Fold() int { return 1 }

// Tables lists what it writes.
func (Projection) Tables() []projections.Table {
	return []projections.Table{entryTable}
}

var entryTable = projections.Table{
	Name: "history_entry", Key: 4, Columns: []eventstore.Column{
		projections.Text("connection"), projections.Int("version"), projections.Text("owner"), projections.Int("position"),
		projections.Text("type"), projections.Int("input"),
	},
}

// Decode returns the event's owners.
func (Projection) Decode(e eventstore.Event) (any, error) {
	list, err := owners(e)
	if err != nil {
		return nil, fmt.Errorf("read %s at %d: %w", e.Type, e.Position, err)
	}
	return list, nil
}

// Open returns a folder.
func (Projection) Open(v projections.Version) projections.Folder { return &folder{version: v} }

// rowCost is about what a row takes in memory.
const rowCost = 300

// folder collects a row for every owner of every event.
type folder struct {
	version projections.Version
	rows    [][]any
}

func (f *folder) Fold(_ context.Context, _ eventstore.Querier, page []projections.Input) error {
	for _, in := range page {
		list, _ := in.Decoded.([]string)
		for _, owner := range list {
			f.rows = append(f.rows, []any{
				f.version.Connection, f.version.Number, owner, in.Position, in.Type, in.Causation,
			})
		}
	}
	return nil
}

func (f *folder) Waiting() (int, bool) { return len(f.rows), len(f.rows)*rowCost >= f.version.Memory/2 }

// Write inserts the rows.
func (f *folder) Write(ctx context.Context, q eventstore.Querier) error {
	if len(f.rows) == 0 {
		return nil
	}
	return q.Bulk(ctx, entryTable.Op(eventstore.Insert), f.rows)
}

func (f *folder) Written() { f.rows = nil }

// owners returns whose timeline the event belongs to, each once.
func owners(e eventstore.Event) ([]string, error) {
	if _, err := domain.ParseRecord(e.Stream); err == nil {
		return []string{e.Stream}, nil
	}
	switch e.Type {
	case domain.DecisionMade:
		return decisionOwners(e)
	case domain.CommandRetried, domain.CommandDiscarded, domain.PlannerRetried, domain.ReviewSettled, domain.DuplicateResolved,
		domain.SubjectErased, domain.SubjectLifted, domain.SubjectHeld, domain.SubjectReleased:
		return actOwners(e)
	case domain.SettingsChanged, domain.ModeChanged, domain.SyncPaused, domain.SyncResumed, domain.GateChanged:
		return []string{ownerConnection}, nil
	}
	return nil, nil
}

// actOwners are the contact the act is about and the records it names.
func actOwners(e eventstore.Event) (list []string, err error) {
	var act domain.Act
	if err := json.Unmarshal(e.Data, &act); err != nil {
		return nil, err
	}
	if !act.Contact.IsZero() {
		list = append(list, contactOwner(act.Contact.String()))
	}
	for _, r := range act.Records {
		list = append(list, r.Stream())
	}
	return list, nil
}

func contactOwner(id string) string { return "contact/" + id }

// decisionOwners are the contact decided on, the records it links, and the contacts that lose or win by an alias.
func decisionOwners(e eventstore.Event) ([]string, error) {
	var d planner.Decision
	if err := json.Unmarshal(e.Data, &d); err != nil {
		return nil, err
	}
	list := []string{contactOwner(d.Contact.String())}
	seen := map[string]bool{list[0]: true}
	add := func(owner string) {
		if owner != "" && !seen[owner] {
			seen[owner] = true
			list = append(list, owner)
		}
	}
	for _, l := range d.Links {
		add(l.Record.Stream())
	}
	for _, a := range d.Aliases {
		add(contactOwner(a.From.String()))
		add(contactOwner(a.To.String()))
	}
	return list, nil
}
