package planner_test

import (
	"slices"
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
)

// TestBeforeTheFirstSettings: an Aloware webhook may be stored before a connection has settings, since its sender does
// not come again. Nothing can be decided on it yet; it is planned as soon as there are some.
func TestBeforeTheFirstSettings(t *testing.T) {
	d := &desk{T: t, set: preset(t, "default"), now: 1_790_000_000_000_000}
	d.v = planner.NewView(planner.Control{}, planner.NewDigester(secret))
	d.in(domain.RecordCreated, alo.Stream(), domain.Fact{
		Via: "webhook", Clock: d.now, Complete: true,
		Properties: values{"phone_number": "+18182124567", "first_name": "Ann"}.raw(),
	})
	if len(d.sent) > 0 {
		t.Fatalf("sent %v without settings", d.kinds())
	}
	d.settings(nil)
	if got := d.kinds(); !slices.Contains(got, domain.KindLookup+" hubspot") {
		t.Fatalf("under the first settings: %v, want that HubSpot is asked for Ann\n%s", got, text(d.all))
	}
}
