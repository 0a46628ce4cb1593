package operations

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections"
)

// rows reads and writes the projection's tables of one connection and version.
type rows struct {
	q          eventstore.Querier
	connection string
	version    int64
}

const (
	operationColumns = `operation, name, plan, state, actor, position, started_at, ended_at, body`
	planColumns      = `plan, number, state, operation, actor, position, made_at, body`
)

func scanOperation(r eventstore.Rows) (*operation, error) {
	o, body := &operation{}, ""
	if err := r.Scan(&o.id, &o.name, &o.plan, &o.state, &o.actor, &o.position, &o.started, &o.ended, &body); err != nil {
		return nil, err
	}
	return o, json.Unmarshal([]byte(body), &o.body)
}

func scanPlan(r eventstore.Rows) (*plan, error) {
	p := &plan{}
	return p, r.Scan(&p.id, &p.number, &p.state, &p.operation, &p.actor, &p.position, &p.made, &p.body)
}

// load reads what the inputs touch, and the fold does not hold yet, into it.
func (t rows) load(ctx context.Context, f *fold, told []input, paged bool) error {
	if paged {
		if err := t.loadPages(ctx, f, told); err != nil {
			return err
		}
	}
	ids, plans := wanted(f, told)
	if err := t.loadOperations(ctx, f, ids); err != nil {
		return fmt.Errorf("load operations: %w", err)
	}
	if err := t.loadPlans(ctx, f, plans); err != nil {
		return fmt.Errorf("load plans: %w", err)
	}
	return nil
}

func (t rows) loadOperations(ctx context.Context, f *fold, ids []string) error {
	if len(ids) == 0 { // as nearly always: most outcomes are no operation's
		return nil
	}
	found, err := t.q.QueryKeys(ctx, `SELECT `+operationColumns+` FROM operation
		WHERE connection = $1 AND version = $2 AND operation IN ($keys)`, ids, t.connection, t.version)
	all, err := eventstore.Scan(found, err, scanOperation)
	for _, o := range all {
		f.operations[o.id] = o
	}
	return err
}

func (t rows) loadPlans(ctx context.Context, f *fold, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	found, err := t.q.QueryKeys(ctx, `SELECT `+planColumns+` FROM operation_plan
		WHERE connection = $1 AND version = $2 AND plan IN ($keys)`, ids, t.connection, t.version)
	all, err := eventstore.Scan(found, err, scanPlan)
	for _, p := range all {
		f.plans[p.id] = p
	}
	return err
}

// loadPages finds which outcomes an operation led to.
func (t rows) loadPages(ctx context.Context, f *fold, told []input) error {
	causes := map[int64]bool{}
	for _, in := range told {
		if _, held := f.pages[in.Causation]; in.outcome != nil && !held {
			causes[in.Causation] = true
		}
	}
	if len(causes) == 0 {
		return nil
	}
	found, err := t.q.QueryKeys(ctx, `SELECT position, operation FROM operation_page
		WHERE connection = $1 AND version = $2 AND position IN ($keys)`, slices.Sorted(maps.Keys(causes)), t.connection, t.version)
	_, err = eventstore.Scan(found, err, func(r eventstore.Rows) (id string, err error) {
		var position int64
		if err = r.Scan(&position, &id); err == nil {
			f.pages[position] = id
		}
		return id, err
	})
	if err != nil {
		return fmt.Errorf("load pages of operations: %w", err)
	}
	return nil
}

// wanted lists the operations and plans the inputs are about that are not held.
func wanted(f *fold, told []input) (ops, plans []string) {
	wantedOps, wantedPlans, pages := map[string]bool{}, map[string]bool{}, maps.Clone(f.pages)
	for _, in := range told {
		switch {
		case in.page != nil:
			pages[in.Position] = in.page.Operation.String()
		case in.decision != nil:
			wantedOps[in.decision.operation] = true
		case in.outcome != nil:
			wantedOps[pages[in.Causation]] = true
		case in.act != nil:
			wantedOps[in.act.Command.String()], wantedPlans[in.act.Plan.String()] = true, true
		}
	}
	delete(wantedOps, "")
	for id := range f.operations {
		delete(wantedOps, id)
	}
	for id := range f.plans {
		delete(wantedPlans, id)
	}
	return slices.Sorted(maps.Keys(wantedOps)), slices.Sorted(maps.Keys(wantedPlans))
}

var (
	text, count = projections.Text, projections.Int

	operationTable = projections.Table{Name: "operation", Key: 3, Columns: []eventstore.Column{
		text("connection"), count("version"), text("operation"), text("name"), text("plan"), text("state"), text("actor"),
		count("position"), count("started_at"), count("ended_at"), text("body"),
	}}
	pageTable = projections.Table{Name: "operation_page", Key: 3, Columns: []eventstore.Column{
		text("connection"), count("version"), count("position"), text("operation"),
	}}
	skippedTable = projections.Table{Name: "operation_skipped", Key: 4, Columns: []eventstore.Column{
		text("connection"), count("version"), text("operation"), text("contact"), count("position"),
	}}
	planTable = projections.Table{Name: "operation_plan", Key: 3, Columns: []eventstore.Column{
		text("connection"), count("version"), text("plan"), count("number"), text("state"), text("operation"), text("actor"),
		count("position"), count("made_at"), text("body"),
	}}
)

// write stores everything the fold changed, one statement a table.
func (t rows) write(ctx context.Context, f *fold) error {
	ops, err := t.operationRows(f)
	if err != nil {
		return err
	}
	var pages, skipped [][]any
	for _, at := range slices.Sorted(maps.Keys(f.fresh)) {
		pages = append(pages, []any{t.connection, t.version, at, f.pages[at]})
	}
	for _, s := range slices.SortedFunc(maps.Keys(f.skipped), func(a, b skip) int {
		return cmp.Or(cmp.Compare(a.operation, b.operation), cmp.Compare(a.contact, b.contact))
	}) {
		skipped = append(skipped, []any{t.connection, t.version, s.operation, s.contact, f.skipped[s]})
	}
	for _, b := range []struct {
		table projections.Table
		rows  [][]any
	}{{operationTable, ops}, {pageTable, pages}, {skippedTable, skipped}, {planTable, t.planRows(f)}} {
		if len(b.rows) == 0 {
			continue
		}
		if err := t.q.Bulk(ctx, b.table.Op(eventstore.Upsert), b.rows); err != nil {
			return fmt.Errorf("write %s: %w", b.table.Name, err)
		}
	}
	return nil
}

func (t rows) operationRows(f *fold) (out [][]any, err error) {
	for _, id := range slices.Sorted(maps.Keys(f.operations)) {
		o := f.operations[id]
		if !o.dirty {
			continue
		}
		body, err := json.Marshal(o.body)
		if err != nil {
			return nil, fmt.Errorf("encode an operation: %w", err)
		}
		out = append(out, []any{
			t.connection, t.version, o.id, o.name, o.plan, o.state, o.actor, o.position, o.started, o.ended, string(body),
		})
	}
	return out, nil
}

func (t rows) planRows(f *fold) (out [][]any) {
	for _, id := range slices.Sorted(maps.Keys(f.plans)) {
		if p := f.plans[id]; p.dirty {
			out = append(out, []any{t.connection, t.version, p.id, p.number, p.state, p.operation, p.actor, p.position, p.made, p.body})
		}
	}
	return out
}
