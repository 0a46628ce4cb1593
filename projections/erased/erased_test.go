package erased_test

import (
	"encoding/json"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/erased"
)

// TestShownMade: what a create made is known by that, by this try or by one before; where the outcome names no record, nobody is.
func TestShownMade(t *testing.T) {
	t.Parallel()
	made, there := domain.Record{System: domain.Aloware, ID: "1"}, domain.Record{System: domain.Aloware, ID: "2"}
	for name, c := range map[string]struct {
		told domain.Outcome
		want domain.Record
	}{
		"made":             {domain.Outcome{Created: true, Record: made}, made},
		"made before":      {domain.Outcome{Kind: domain.KindCreate, Result: domain.ResultApplied, Unneeded: true, Existing: there}, there},
		"made, and nobody": {domain.Outcome{Created: true}, domain.Record{}},
	} {
		c.told.Command = ulid.Make()
		data, err := json.Marshal(c.told)
		if err != nil {
			t.Fatal(err)
		}
		r, keys := erased.Shown(identity.NewFinder(settings.Settings{}), eventstore.NewEvent{Type: domain.CommandSettled, Data: data})
		if r != c.want || c.want.IsZero() != (len(keys) == 0) || len(keys) > 0 && keys[0] != erased.Made(c.told.Command) {
			t.Errorf("%s: %s by %v, want %s", name, r, keys, c.want)
		}
	}
}
