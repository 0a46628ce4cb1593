package app

import (
	"encoding/json"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
)

// TestMadeForNobody: a create whose outcome names no record adds none to what is erased.
func TestMadeForNobody(t *testing.T) {
	t.Parallel()
	c := closure{ids: []ulid.ULID{ulid.Make()}}
	for _, r := range []domain.Record{{System: domain.Aloware, ID: "1"}, {}} {
		data, err := json.Marshal(domain.Outcome{Contact: c.ids[0], Created: true, Record: r})
		if err != nil {
			t.Fatal(err)
		}
		got := c.madeFor(eventstore.Event{Type: domain.CommandSettled, Schema: domain.SchemaOf(domain.CommandSettled), Data: data})
		if len(got) > 0 == r.IsZero() {
			t.Errorf("%s: %v", r, got)
		}
	}
}
