package app_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/history/explain"
)

// TestExplain: over HTTP, why a field is as it is: the same, kept apart by a direction, changed in HubSpot while its
// webhooks were lost, not mapped; and how it and the contact stood before.
func TestExplain(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{
			database: database,
			change:   func(s *settings.Settings) { s.Contacts.Update = settings.ToAloware },
			people:   []sandboxkit.Person{{HubSpot: adaHubSpot}},
			hubspot:  sandboxkit.Faults{WebhookLoss: 1},
		})
		r.baseline()
		r.settle()
		h, a := r.twin(adaPhone)
		why := func(query string) explain.Answer {
			t.Helper()
			return asked[explain.Answer](r, "contacts/hubspot:"+h.ID+"/explain?"+query)
		}
		same, before := why("field=city&live=true"), r.head()
		if same.Cause != explain.Same || same.Sides[0].Live == nil || same.Sides[1].Live == nil || same.Sides[1].Live.Differs {
			t.Errorf("as it was born: %+v", same)
		}
		until := time.Now()
		r.must(r.aloware.Edit(a.ID, map[string]any{"city": "Paris"}))
		r.settle()
		apart := why("field=city")
		steps := map[string]explain.Reason{}
		for _, b := range apart.Because {
			steps[b.Step] = b
		}
		if apart.Cause != explain.Direction || apart.About != "Why HubSpot does not have Aloware's value" ||
			steps["heard"].Position <= before || !strings.Contains(steps["allowed"].Says, "no, by the updates") ||
			!strings.Contains(steps["decided"].Says, "contacts.update = to_aloware (settings v1)") || steps["sent"].Says != "nothing" {
			t.Errorf("kept apart: %+v", apart)
		}
		for _, query := range []string{fmt.Sprintf("position=%d", before), "at=" + url.QueryEscape(until.UTC().Format(time.RFC3339Nano))} {
			if then := why("field=cnam_city&" + query); then.Cause != explain.Same || then.Field != "city" {
				t.Errorf("%s: %+v", query, then)
			}
			for _, e := range asked[httpapi.History](r, "contacts/hubspot:"+h.ID+"/history?"+query).Entries {
				if e.Position > before {
					t.Errorf("%s: the timeline holds #%d", query, e.Position)
				}
			}
			then := asked[contacts.Contact](r, "contacts/hubspot:"+h.ID+"?"+query)
			if got := string(then.Records[0].Values["cnam_city"].Value); got != `"London"` {
				t.Errorf("%s: Aloware showed %s, want London", query, got)
			}
		}
		r.must(r.hubspot.Edit(h.ID, map[string]string{"city": "Rome"}, "7"))
		r.settle()
		if untold := why("field=city&live=true"); untold.Cause != explain.NeverTold || !untold.Sides[1].Live.Differs ||
			!strings.Contains(untold.Says, "no webhook ever told of its property city") {
			t.Errorf("lost on the way: %+v", untold)
		}
		if none := why("field=shoe_size"); none.Cause != explain.NotMapped {
			t.Errorf("not mapped: %+v", none)
		}
		for query, want := range map[string]int{"": 400, "?field=city&position=1&live=true": 400, "?field=city&position=1": 404} {
			if status, b := r.request(http.MethodGet, r.url+"/v1/connections/default/contacts/hubspot:"+h.ID+"/explain"+query, "test", nil); status != want {
				t.Errorf("%q: %d %s, want %d", query, status, b, want)
			}
		}
		r.verified()
	})
}
