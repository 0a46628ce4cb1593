package postgres_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest"
	"github.com/duolog/duolog/eventstore/internal/engine"
	"github.com/duolog/duolog/eventstore/postgres"
)

// appendForm names the environment variable that makes the suite run on a wrong form of the append.
const appendForm = "DUOLOG_TEST_APPEND_FORM"

// wrongForm appends by a statement that looks right.
type wrongForm struct {
	engine.Driver
	edit *strings.Replacer
}

func (d wrongForm) Insert(ctx context.Context, q eventstore.Querier, b *engine.Batch) (base, at int64, err error) {
	if len(b.NewKeys) > 0 {
		return d.Driver.Insert(ctx, q, b)
	}
	if q == eventstore.Querier(d) {
		q = d.Driver
	}
	rows, err := q.Query(ctx, d.edit.Replace(postgres.InsertSQL), postgres.BatchArgs(b)...)
	_, err = eventstore.Scan(rows, err, func(r eventstore.Rows) (none struct{}, err error) {
		return none, r.Scan(&base, &at)
	})
	return base, at, err
}

// wrongForms are edits of the right one, each with the tests that must fail of it.
var wrongForms = map[string]struct {
	edit  *strings.Replacer
	tests string
}{
	// A key that is there is passed over, after the head has moved: a hole.
	"do nothing on conflict": {
		edit:  strings.NewReplacer("AS u(key, n)\n", "AS u(key, n) ON CONFLICT DO NOTHING\n"),
		tests: "Idempotent/(KeyOfAnother|RacingForOneKey)",
	},
	// The look-up sees what was there before the head's lock was waited for, and keeps out the key, not the event.
	"look up in the same statement": {
		edit: strings.NewReplacer("AS u(key, n)\n", `AS u(key, n)
   WHERE NOT EXISTS (SELECT FROM append_key k WHERE k.connection = $1 AND k.key = u.key)
`),
		tests: "Idempotent/(KeyOfAnother|RacingForOneKey)",
	},
}

// TestWrongFormsFail: the suite is not passed by the forms of the append that lose events.
func TestWrongFormsFail(t *testing.T) {
	eventstoretest.NeedPostgres(t)
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, form := range wrongForms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, used := range []string{"", name} {
				cmd := exec.CommandContext(t.Context(), binary, "-test.run=^TestConformance$/"+form.tests)
				cmd.Env = append(os.Environ(), appendForm+"="+used)
				out, err := cmd.CombinedOutput()
				if passed := err == nil && strings.Contains(string(out), "PASS"); passed != (used == "") {
					t.Errorf("with the form %q the suite says %v:\n%s", used, err, out)
				}
			}
		})
	}
}

// wrapped puts the wrong form, when the suite is to run on one, around what a test itself wraps the driver in.
func wrapped(o eventstoretest.Options) func(engine.Driver) engine.Driver {
	form, ok := wrongForms[os.Getenv(appendForm)]
	if !ok {
		return o.Wrap
	}
	return func(d engine.Driver) engine.Driver { return wrongForm{d, form.edit} }
}
