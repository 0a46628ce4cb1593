package projections

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/duolog/duolog/eventstore"
)

// Diff is how the rows of two versions differ that stand at the same position.
type Diff struct {
	Projection string      `json:"projection"`
	Live       int64       `json:"live" doc:"The version that is read"`
	Version    int64       `json:"version" doc:"The one to take its place"`
	Position   int64       `json:"position" doc:"Where both stand"`
	Tables     []TableDiff `json:"tables"`
}

// TableDiff counts the rows of a table that are the same, in one version only, and not the same.
type TableDiff struct {
	Table   string    `json:"table"`
	Same    int64     `json:"same"`
	Added   int64     `json:"added" doc:"Only the new version has them"`
	Removed int64     `json:"removed" doc:"Only the live version has them"`
	Changed int64     `json:"changed"`
	First   []RowDiff `json:"first,omitempty" doc:"Some that differ"`
}

// RowDiff names a row and what of it differs; values are not told.
type RowDiff struct {
	Key     string   `json:"key"`
	What    string   `json:"what" enum:"added,removed,changed"`
	Columns []string `json:"columns,omitempty"`
}

// Differences counts the rows that differ.
func (d Diff) Differences() (n int64) {
	for _, t := range d.Tables {
		n += t.Differences()
	}
	return n
}

// Differences counts the rows that differ.
func (t TableDiff) Differences() int64 { return t.Added + t.Removed + t.Changed }

// FirstRows is how many differing rows of a table a Diff names.
const FirstRows = 10

// Compare compares two versions' rows of a table in a snapshot, sealed values opened. It walks through both by their key:
// of a version that was just filled the database knows nothing yet, and joins it row by row with every other.
func (t Table) Compare(
	ctx context.Context, q eventstore.Querier, v eventstore.Vault, connection string, old, next int64,
) (TableDiff, error) {
	c := comparison{Table: t, q: q, vault: v, connection: connection, diff: TableDiff{Table: t.Name}}
	for after := []any(nil); ; {
		last, err := c.stretch(ctx, old, next, after)
		if err != nil {
			return c.diff, fmt.Errorf("compare %s: %w", t.Name, err)
		}
		if last == nil {
			return c.diff, nil
		}
		after = last
	}
}

// comparison is a run of Compare.
type comparison struct {
	Table
	q          eventstore.Querier
	vault      eventstore.Vault
	connection string
	diff       TableDiff
}

// pair is a row of the old version and, unless that has none, of the new one.
type pair struct{ old, next []any }

// comparedAtOnce is how many rows are opened together.
const comparedAtOnce = 1000

// rest are the columns behind connection and version, which rows are compared by.
func (c *comparison) rest() []eventstore.Column { return c.Columns[2:] }

// keys are the columns that name a row of a version.
func (c *comparison) keys() []eventstore.Column { return c.Columns[2:c.Key] }

// stretch compares the rows from a key to the one it returns: nil when that was the end.
func (c *comparison) stretch(ctx context.Context, old, next int64, after []any) (last []any, err error) {
	var pairs []pair
	at := map[string]int{}
	err = c.each(ctx, old, after, nil, comparedAtOnce, func(row []any) {
		at[c.name(row, "\x00")] = len(pairs)
		pairs = append(pairs, pair{old: row})
	})
	if err != nil {
		return nil, err
	}
	if len(pairs) == comparedAtOnce {
		last = pairs[len(pairs)-1].old[:len(c.keys())]
	}
	err = c.each(ctx, next, after, last, 0, func(row []any) {
		if i, there := at[c.name(row, "\x00")]; there {
			pairs[i].next = row
			return
		}
		c.diff.Added++
		c.note(row, "added", nil)
	})
	if err != nil {
		return nil, err
	}
	return last, c.compare(ctx, pairs)
}

// each hands on a version's rows behind one key, up to another unless that is nil, in their order; limit 0: all of them.
func (c *comparison) each(ctx context.Context, version int64, after, last []any, limit int, fn func(row []any)) error {
	keys := columnNames(c.keys())
	text := "SELECT " + columnNames(c.rest()) + " FROM " + c.Name + " WHERE connection = $1 AND version = $2"
	args := []any{c.connection, version}
	if after != nil {
		text += " AND (" + keys + ") > (" + marks(len(args), len(after)) + ")"
		args = append(args, after...)
	}
	if last != nil {
		text += " AND (" + keys + ") <= (" + marks(len(args), len(last)) + ")"
		args = append(args, last...)
	}
	if text += " ORDER BY connection, version, " + keys; limit > 0 {
		text += fmt.Sprintf(" LIMIT %d", limit)
	}
	rows, err := c.q.Query(ctx, text, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for {
		list, err := nextRows(rows, c.rest(), comparedAtOnce)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, row := range list {
			fn(row)
		}
	}
}

// marks are so many placeholders behind those there are.
func marks(behind, n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("$%d", behind+i+1)
	}
	return strings.Join(all, ", ")
}

func columnNames(columns []eventstore.Column) string {
	names := make([]string, len(columns))
	for i, col := range columns {
		names[i] = col.Name
	}
	return strings.Join(names, ", ")
}

// compare counts what became of rows of the old version.
func (c *comparison) compare(ctx context.Context, pairs []pair) error {
	if err := c.prefetch(ctx, pairs); err != nil {
		return err
	}
	for _, p := range pairs {
		if p.next == nil {
			c.diff.Removed++
			c.note(p.old, "removed", nil)
			continue
		}
		differ, err := c.differing(ctx, p)
		switch {
		case err != nil:
			return err
		case len(differ) == 0:
			c.diff.Same++
		default:
			c.diff.Changed++
			c.note(p.old, "changed", differ)
		}
	}
	return nil
}

func (c *comparison) note(row []any, what string, columns []string) {
	if len(c.diff.First) == FirstRows {
		return
	}
	c.diff.First = append(c.diff.First, RowDiff{Key: c.name(row, " "), What: what, Columns: columns})
}

// name is a row's key as text.
func (c *comparison) name(row []any, between string) string {
	var key []string
	for i := range c.keys() {
		if b, ok := row[i].([]byte); ok {
			key = append(key, fmt.Sprintf("%x", b))
		} else {
			key = append(key, fmt.Sprint(row[i]))
		}
	}
	return strings.Join(key, between)
}

// differing names the columns in which two rows of a key differ, of a sealed one its parts.
func (c *comparison) differing(ctx context.Context, p pair) (names []string, err error) {
	for i, col := range c.rest() {
		if same(p.old[i], p.next[i]) {
			continue
		}
		if c.Sealed == nil || c.Sealed.Column != col.Name {
			names = append(names, col.Name)
			continue
		}
		parts, err := c.partsDiffering(ctx, p, i)
		if err != nil {
			return nil, err
		}
		names = append(names, parts...)
	}
	return names, nil
}

func same(a, b any) bool {
	x, ok := a.([]byte)
	if !ok {
		return a == b
	}
	y, _ := b.([]byte)
	return slices.Equal(x, y)
}

func (c *comparison) partsDiffering(ctx context.Context, p pair, column int) (names []string, err error) {
	old, err := c.open(ctx, p.old, column)
	if err != nil {
		return nil, err
	}
	next, err := c.open(ctx, p.next, column)
	if err != nil {
		return nil, err
	}
	for name := range old {
		if text, there := next[name]; !there || text != old[name] {
			names = append(names, c.Sealed.Column+"."+name)
		}
	}
	for name := range next {
		if _, there := old[name]; !there {
			names = append(names, c.Sealed.Column+"."+name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// open returns the parts of a sealed value. One that cannot be opened is like no other, but an erased one like any erased.
func (c *comparison) open(ctx context.Context, row []any, column int) (map[string]string, error) {
	sealed, _ := row[column].([]byte)
	if len(sealed) <= 1 { // empty, or the mark of an erased one
		return nil, nil
	}
	plain, err := c.vault.Open(ctx, c.subject(row), c.Sealed.Purpose, sealed)
	switch {
	case errors.Is(err, eventstore.ErrErased):
		return nil, nil
	case errors.Is(err, eventstore.ErrUnavailable) || ctx.Err() != nil:
		return nil, err
	case err != nil:
		return map[string]string{"unreadable": string(sealed)}, nil //nolint:nilerr // it is a difference, not a failure
	}
	parts, err := c.Sealed.Parts(plain)
	if err != nil {
		return map[string]string{"unreadable": string(plain)}, nil //nolint:nilerr // it is a difference, not a failure
	}
	return parts, nil
}

func (c *comparison) subject(row []any) string {
	text, _ := row[c.column(c.Sealed.Subject)].(string)
	return text
}

func (c *comparison) column(name string) int {
	return slices.IndexFunc(c.rest(), func(col eventstore.Column) bool { return col.Name == name })
}

// prefetch loads the keys of sealed values in one go.
func (c *comparison) prefetch(ctx context.Context, pairs []pair) error {
	if c.Sealed == nil {
		return nil
	}
	var subjects []string
	at := c.column(c.Sealed.Column)
	for _, p := range pairs {
		if body, _ := p.old[at].([]byte); len(body) > 1 {
			subjects = append(subjects, c.subject(p.old))
		}
	}
	err := c.vault.Prefetch(ctx, subjects...)
	if errors.Is(err, eventstore.ErrErased) {
		return nil
	}
	return err
}
