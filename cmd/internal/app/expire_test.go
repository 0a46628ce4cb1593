package app_test

import (
	"context"
	"testing"
	"time"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// TestUnreadExpires: a body nobody could read, and an item of another portal, can be read by nobody when their time is over,
// unless they name somebody on hold.
func TestUnreadExpires(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database, change: func(s *settings.Settings) { s.Contacts.UnreadFor = "90d" }})
		her, err := r.hubspot.Create(zoe, "7")
		r.must(err)
		r.settle()
		_, err = r.Hold(t.Context(), r.contact("hubspot:"+her).ID, tester)
		r.must(err)
		r.post(alowarePath, `{"event":"Moon-Full","body":{"mail":"nobody@people.example"}}`, bearer)
		r.post(alowarePath, `{"event":"Moon-Full","body":{"mail":"`+zoe["email"]+`"}}`, bearer)
		foreign := "[" + item(99, "987", "77", "nobody@people.example") + "]"
		r.post(hubspotPath, foreign, r.signed(foreign, time.Now()))
		if gone, parked := r.unread(); gone != 0 || parked != 1 {
			t.Fatalf("before their time %d bodies are gone, and %d items are put aside", gone, parked)
		}
		r.set(func(s *settings.Settings) { s.Contacts.UnreadFor = "1s" })
		r.wait("their time to be over", func(context.Context) (bool, error) {
			gone, parked := r.unread()
			return gone == 1 && parked == 0, nil
		})
		_, err = r.Release(t.Context(), r.contact("hubspot:"+her).ID, tester)
		r.must(err)
		r.wait("hers, after the hold", func(context.Context) (bool, error) {
			gone, _ := r.unread()
			return gone == 2, nil
		})
		if c := r.contact("hubspot:" + her); c.Erased {
			t.Errorf("%+v", c)
		}
		r.verifies()
	})
}

// unread counts the bodies nobody can read any more, and the items put aside.
func (r *rig) unread() (gone int, parked int64) {
	r.t.Helper()
	for _, e := range r.eventsOf(0, domain.SourceRaw) {
		if e.Erased {
			gone++
		}
	}
	return gone, r.number("SELECT COUNT(*) FROM parked_delivery")
}
