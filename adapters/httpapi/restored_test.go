package httpapi_test

import (
	"testing"

	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
)

// A consumer that was told of a deletion is told of the return, though no value is another.
func TestViewOfContactsTellsOfAReturn(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := start(t, store)
		contact := newID()
		s.append(fact("hubspot/contact/1", "city", "Bern")) // 1
		s.decide(contact, 1, planner.Gone, nil)             // 2
		s.append(fact("hubspot/contact/1", "city", "Bern")) // 3
		s.decide(contact, 3, planner.Restored, nil)         // 4
		all := s.read("view=contacts", "root")
		if got := shape(all); got != "contact.changed@2 contact.changed@4 duolog.position@4 " {
			t.Fatalf("changes: %s", got)
		}
		for i, want := range []string{"deleted", "restored"} {
			if got := string(all[i].Data); got != `{"contact":"`+contact.String()+`","what":"`+want+`","source":"hubspot","record":"hubspot/contact/1","input":`+[]string{"1", "3"}[i]+`}` {
				t.Errorf("change %d: %s", i, got)
			}
		}
	})
}
