package operations

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
)

// Row is a contact of a plan: what the operation does for it.
type Row struct {
	N       int64     `json:"n"`
	Contact ulid.ULID `json:"contact"`
	Digest  string    `json:"-"` // of the state it was planned from
	What    What      `json:"what"`
	Sample  *Sample   `json:"sample,omitempty"`
	// Subject is whose key seals the sample.
	Subject string `json:"-"`
}

// What an operation does for a contact. It holds no personal value.
type What struct {
	Create  domain.System   `json:"create,omitempty"`
	Updates []domain.System `json:"updates,omitempty"`
	Link    bool            `json:"link,omitempty"`
	Hold    bool            `json:"hold,omitempty"`
	Fields  []string        `json:"fields,omitempty"`
	Why     string          `json:"why,omitempty"`
	// Back is what an undo puts back, Source that it goes first: where the values came from.
	Back   []domain.PutBack `json:"back,omitempty"`
	Source bool             `json:"source,omitempty"`
	// Left, in a row behind those that are applied, is what stays as it is, and why.
	Left []Left `json:"left,omitempty"`
}

// Left is a field of a contact that an undo leaves as it is; no field: what was made.
type Left struct {
	Field  string        `json:"field,omitempty"`
	System domain.System `json:"system"`
	Why    string        `json:"why"`
}

// String says it in words.
func (l Left) String() string {
	var words []string
	if l.Field != "" {
		words = append(words, l.Field)
	}
	if l.System.Valid() {
		words = append(words, "in", l.System.Title())
	}
	return strings.TrimPrefix(strings.Join(words, " ")+": "+l.Why, ": ")
}

// Sample shows what changes for a person, in one field.
type Sample struct {
	Person string        `json:"person,omitempty"`
	System domain.System `json:"system"`
	Field  string        `json:"field,omitempty"` // empty: a new contact
	Before string        `json:"before,omitempty"`
	After  string        `json:"after,omitempty"`
	Why    string        `json:"why,omitempty"`
	Erased bool          `json:"erased,omitempty"`
}

var rowColumns = []eventstore.Column{
	text("connection"), text("plan"), count("n"), text("contact"), text("digest"), text("what"), text("subject"),
	{Name: "sample", Kind: eventstore.Bytes},
}

func samplePurpose(plan string, n int64) string { return fmt.Sprintf("plan_row.sample/%s/%d", plan, n) }

// InsertRows stores rows of a plan. Who made it appends its act afterwards; without that they are nobody's.
func InsertRows(ctx context.Context, tx eventstore.Tx, log eventstore.Log, plan ulid.ULID, rows []Row) error {
	all := make([][]any, len(rows))
	for i, r := range rows {
		what, err := json.Marshal(r.What)
		if err != nil {
			return fmt.Errorf("row of a plan: %w", err)
		}
		subject, sample := "", []byte{}
		if r.Sample != nil {
			if sample, err = sealSample(ctx, log.Vault(), plan, r); err != nil {
				return err
			}
			subject = r.Subject
		}
		all[i] = []any{log.Connection(), plan.String(), r.N, r.Contact.String(), r.Digest, string(what), subject, sample}
	}
	if err := tx.Bulk(ctx, eventstore.BulkOp{Mode: eventstore.Insert, Table: "plan_row", Columns: rowColumns, Key: 3}, all); err != nil {
		return fmt.Errorf("store rows of a plan: %w", err)
	}
	return nil
}

func sealSample(ctx context.Context, v eventstore.Vault, plan ulid.ULID, r Row) ([]byte, error) {
	plain, err := json.Marshal(r.Sample)
	if err != nil {
		return nil, fmt.Errorf("sample of a plan: %w", err)
	}
	sealed, err := v.Seal(ctx, r.Subject, samplePurpose(plan.String(), r.N), plain)
	if errors.Is(err, eventstore.ErrErased) {
		return []byte{}, nil
	}
	return sealed, err
}

// DeleteRows removes up to so many rows of a plan that is not to be applied any more, and returns how many it did.
func DeleteRows(ctx context.Context, q eventstore.Querier, connection string, plan ulid.ULID, limit int64) (int64, error) {
	n, err := q.Exec(ctx, `DELETE FROM plan_row WHERE connection = $1 AND plan = $2 AND n IN
		(SELECT n FROM plan_row WHERE connection = $1 AND plan = $2 ORDER BY n LIMIT $3)`, connection, plan.String(), limit)
	if err != nil {
		return 0, fmt.Errorf("remove rows of a plan: %w", err)
	}
	return n, nil
}

// DeleteSpent removes up to so many rows of a plan that was carried out, and returns how many it did. Samples stay, and
// so does what stands behind the rows that were applied: what an undo left as it is, and why, is told nowhere else.
func DeleteSpent(ctx context.Context, q eventstore.Querier, connection string, p Plan, limit int64) (int64, error) {
	n, err := q.Exec(ctx, `DELETE FROM plan_row WHERE connection = $1 AND plan = $2 AND n IN (SELECT n FROM plan_row
		WHERE connection = $1 AND plan = $2 AND n < $3 AND subject = '' ORDER BY n LIMIT $4)`, connection, p.ID, p.Rows, limit)
	if err != nil {
		return 0, fmt.Errorf("remove spent rows of a plan: %w", err)
	}
	return n, nil
}

// Rows returns rows of a plan from a number on, samples opened.
func Rows(ctx context.Context, q eventstore.Querier, log eventstore.Log, plan string, from int64, limit int) ([]Row, error) {
	return rowsWhere(ctx, q, log, plan, "n >= $3", from, limit)
}

// Samples returns the first rows of a plan before a number that show a value, wherever they lie.
func Samples(ctx context.Context, q eventstore.Querier, log eventstore.Log, plan string, before int64, limit int) ([]Row, error) {
	return rowsWhere(ctx, q, log, plan, "n < $3 AND subject <> ''", before, limit)
}

func rowsWhere(
	ctx context.Context, q eventstore.Querier, log eventstore.Log, plan, which string, n int64, limit int,
) ([]Row, error) {
	rows, err := q.Query(ctx, `SELECT n, contact, digest, what, subject, sample FROM plan_row
		WHERE connection = $1 AND plan = $2 AND `+which+` ORDER BY n LIMIT $4`, log.Connection(), plan, n, int64(limit))
	var sealed [][]byte
	all, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (Row, error) {
		var w Row
		var contact, what string
		var sample []byte
		if err := r.Scan(&w.N, &contact, &w.Digest, &what, &w.Subject, &sample); err != nil {
			return w, err
		}
		sealed = append(sealed, sample)
		id, err := ulid.ParseStrict(contact)
		w.Contact = id
		return w, errors.Join(err, json.Unmarshal([]byte(what), &w.What))
	})
	if err != nil {
		return nil, fmt.Errorf("read rows of a plan: %w", err)
	}
	for i := range all {
		if all[i].Subject == "" {
			continue
		}
		if all[i].Sample, err = openSample(ctx, log.Vault(), plan, all[i], sealed[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// openSample opens a sample; that of an erased person shows nothing.
func openSample(ctx context.Context, v eventstore.Vault, plan string, r Row, sealed []byte) (*Sample, error) {
	if len(sealed) == 0 {
		return &Sample{Erased: true}, nil
	}
	plain, err := v.Open(ctx, r.Subject, samplePurpose(plan, r.N), sealed)
	if errors.Is(err, eventstore.ErrErased) {
		return &Sample{Erased: true}, nil
	}
	s := &Sample{}
	if err == nil {
		err = json.Unmarshal(plain, s)
	}
	if err != nil {
		return nil, fmt.Errorf("sample %d of a plan: %w", r.N, err)
	}
	return s, nil
}

// Seal makes the digest of a plan's rows, in order: the act that made it holds it, so that a row that was changed
// afterwards is not applied.
type Seal struct{ h hash.Hash }

// NewSeal returns the digest of no rows.
func NewSeal() Seal { return Seal{sha256.New()} }

// Add takes in a row.
func (s Seal) Add(r Row) {
	what, _ := json.Marshal(r.What) // of strings and lists of them
	_, _ = fmt.Fprintf(s.h, "%d %s %s %s\n", r.N, r.Contact, r.Digest, what)
}

// Sum returns the digest so far, as hex.
func (s Seal) Sum() string { return hex.EncodeToString(s.h.Sum(nil)) }
