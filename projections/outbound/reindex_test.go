package outbound_test

import (
	"strings"
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
)

// TestSettingsChangeKeys: a number that only the new settings can read is matched on, though its record was stored
// under the old ones.
func TestSettingsChangeKeys(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := newScene(t, store)
		s.set(func(set *settings.Settings) { set.PhoneRegion = "DE" })
		s.act(domain.BaselineCompleted, domain.Act{})
		s.append(s.born(domain.HubSpot, "1", map[string]string{"phone": "(818) 212-4001", "firstname": "Ann"}))
		s.plan(s.process(nil))
		s.set(nil)
		s.plan(s.process(nil))
		s.append(s.born(domain.Aloware, "2", map[string]string{"phone_number": "+18182124001"}))
		s.plan(s.process(nil))
		if !strings.Contains(s.story(), `"rule":"phone","others":["aloware/contact/2","hubspot/contact/1"]`) {
			t.Fatalf("not linked by the number\n%s", s.story())
		}
	})
}
