// Package erased recognises people who were erased by keyed hashes of the emails and numbers they had. Nothing of the
// person can be read in them, and nobody without the connection's secret can try who it was.
package erased

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
)

// kept is how many bytes of a hash are: two people share them by chance nowhere.
const kept = 16

// KindMade is of the keys by which a record is known that a create made for somebody who was erased while it was under way.
const KindMade = "made"

// Made is the key of what a create makes.
func Made(command ulid.ULID) identity.Key {
	return identity.Key{Kind: KindMade, Value: command.String()}
}

// Hasher makes the keyed hashes of a connection.
type Hasher struct{ secret []byte }

// NewHasher returns the connection's. Its key is made for this alone, so that no other index holds the same hashes.
func NewHasher(v eventstore.Vault) Hasher { return Hasher{v.Secret("identifiers of erased people")} }

// Token is the keyed hash of a match key, with its kind in front.
func (h Hasher) Token(k identity.Key) string {
	mac := hmac.New(sha256.New, h.secret)
	mac.Write([]byte(k.Kind + "\x00" + k.Value))
	return k.Kind + ":" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:kept])
}

// Tokens are the keyed hashes of match keys, each once, but for our own unique key.
func (h Hasher) Tokens(keys []identity.Key) (tokens []string) {
	for _, k := range keys {
		if t := h.Token(k); k.Kind != identity.KindUnique && !slices.Contains(tokens, t) {
			tokens = append(tokens, t)
		}
	}
	return tokens
}

// Shown returns the record an event shows values of, and the match keys by which it may be found to be somebody who was
// erased. An email counts wherever it is told. A number counts only where the whole record is shown and has no email:
// households and front desks share numbers. What a create made is known by that as well.
func Shown(f identity.Finder, e eventstore.NewEvent) (r domain.Record, keys []identity.Key) {
	switch {
	case planner.IsFact(e.Type):
		var fact domain.Fact
		parsed, err := domain.ParseRecord(e.Stream)
		if err != nil || json.Unmarshal(e.Data, &fact) != nil {
			return r, nil
		}
		return parsed, telling(f, parsed, fact.Properties, fact.Complete)
	case e.Type == domain.CommandSettled && e.Subject != eventstore.SubjectLog: // there it holds no value any more
		var o domain.Outcome
		if json.Unmarshal(e.Data, &o) != nil {
			return r, nil
		}
		if !o.Existing.IsZero() { // what stood in the way of a create
			r, keys = o.Existing, telling(f, o.Existing, o.Shows, o.Complete)
		}
		if made := cmp.Or(o.Record, r); o.Made() && !made.IsZero() {
			r, keys = made, append(keys, Made(o.Command))
		}
	}
	return r, keys
}

// telling are the keys of what is shown of a record that count.
func telling(f identity.Finder, r domain.Record, props domain.Properties, complete bool) []identity.Key {
	if len(props) == 0 {
		return nil
	}
	keys := f.Keys(r, func(name string) json.RawMessage { return props[name] })
	email := slices.ContainsFunc(keys, func(k identity.Key) bool { return k.Kind == identity.KindEmail })
	return slices.DeleteFunc(keys, func(k identity.Key) bool {
		return k.Kind == identity.KindUnique || k.Kind == identity.KindPhone && (email || !complete)
	})
}

var insert = eventstore.BulkOp{
	Mode: eventstore.InsertNew, Table: "erased_identifier", Key: 3,
	Columns: []eventstore.Column{
		{Name: "connection", Kind: eventstore.Text},
		{Name: "token", Kind: eventstore.Text},
		{Name: "erasure", Kind: eventstore.Text},
	},
}

// Keep keeps the tokens of an erasure. The transaction raises the key epoch, for that is when others look again.
func Keep(ctx context.Context, tx eventstore.Tx, connection string, erasure ulid.ULID, tokens []string) error {
	rows := make([][]any, len(tokens))
	for i, t := range tokens {
		rows[i] = []any{connection, t, erasure.String()}
	}
	if len(rows) == 0 {
		return nil
	}
	if err := tx.Bulk(ctx, insert, rows); err != nil {
		return fmt.Errorf("keep what an erased person is recognised by: %w", err)
	}
	return nil
}

// Kept is how many tokens of an erasure are kept.
func Kept(ctx context.Context, q eventstore.Querier, connection string, erasure ulid.ULID) (int, error) {
	rows, err := q.Query(ctx, "SELECT token FROM erased_identifier WHERE connection = $1 AND erasure = $2", connection, erasure.String())
	all, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (s string, err error) { return s, r.Scan(&s) })
	if err != nil {
		return 0, fmt.Errorf("count what an erased person is recognised by: %w", err)
	}
	return len(all), nil
}

// Drop lets go of the tokens of erasures, and of the same ones where other erasures keep them: whoever is let in would be
// taken for those others. It returns how many that were.
func Drop(ctx context.Context, tx eventstore.Tx, connection string, erasures []ulid.ULID) (shared int, err error) {
	ids := make([]string, len(erasures))
	for i, e := range erasures {
		ids[i] = e.String()
	}
	rows, err := tx.QueryKeys(ctx, `DELETE FROM erased_identifier WHERE connection = $1 AND token IN (
		SELECT token FROM erased_identifier WHERE connection = $1 AND erasure IN ($keys)) RETURNING token, erasure`, ids, connection)
	others := map[string]bool{}
	_, err = eventstore.Scan(rows, err, func(r eventstore.Rows) (none struct{}, err error) {
		var token, erasure string
		if err = r.Scan(&token, &erasure); err == nil && !slices.Contains(ids, erasure) {
			others[token] = true
		}
		return none, err
	})
	if err != nil {
		return 0, fmt.Errorf("let go of what an erased person is recognised by: %w", err)
	}
	return len(others), nil
}

// Tokens returns by what people are to be recognised, and the erasure each leads to: the last where there are several, since
// who was let in is spared by those before.
func Tokens(ctx context.Context, q eventstore.Querier, connection string) (map[string]ulid.ULID, error) {
	found := map[string]ulid.ULID{}
	rows, err := q.Query(ctx, "SELECT token, erasure FROM erased_identifier WHERE connection = $1", connection)
	_, err = eventstore.Scan(rows, err, func(r eventstore.Rows) (none struct{}, err error) {
		var token, erasure string
		if err := r.Scan(&token, &erasure); err != nil {
			return none, err
		}
		id, err := ulid.ParseStrict(erasure)
		if was, ok := found[token]; !ok || id.Compare(was) > 0 {
			found[token] = id
		}
		return none, err
	})
	if err != nil {
		return nil, fmt.Errorf("look for erased people (after an upgrade, run duolog migrate up): %w", err)
	}
	return found, nil
}
