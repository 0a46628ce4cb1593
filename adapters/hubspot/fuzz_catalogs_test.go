package hubspot

import (
	"net/http"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

// FuzzCatalogs: whatever HubSpot answers to a question for its lists, it is an error of the contract, or entries that
// can be told apart, about contacts that can be.
func FuzzCatalogs(f *testing.F) {
	for _, body := range []string{
		`{"name":"hs_lead_status","options":[{"label":"New","value":"NEW","displayOrder":0,"hidden":false},` +
			`{"label":"Attempted to contact","value":"ATTEMPTED_TO_CONTACT","displayOrder":3,"hidden":true}]}`,
		`[{"id":"9d9162e7-6cf3-4944-bf63-4dff82258764","label":"Busy","deleted":false}]`,
		`{"results":[{"id":"41629779","email":"email@domain.com","type":"PERSON","firstName":"First","lastName":"Last",` +
			`"userId":9586504,"archived":false}],"paging":{"next":{"after":"NTI1Cg%3D%3D","link":"?after=NTI1Cg%3D%3D"}}}`,
		`{"results":[{"id":"default","label":"Sales","displayOrder":0,"archived":false,"stages":[{"id":"closedwon",` +
			`"label":"Closed Won","displayOrder":1,"metadata":{"isClosed":"true","probability":"1.0"}}]}]}`,
		`{"results":[{"id":"9","properties":{"dealname":"Big","amount":"1500.00","dealstage":"closedwon","pipeline":"default",` +
			`"createdate":"2026-01-02T10:00:00.000Z","hubspot_owner_id":"41629779"},"updatedAt":"2026-01-02T10:00:01.000Z"}]}`,
		`{"results":[{"from":{"id":"9"},"to":[{"toObjectId":3,"associationTypes":[]}],"paging":{"next":{"after":"3"}}}]}`,
		`{"status":"error","category":"MISSING_SCOPES","message":"...","errors":[{"context":{"requiredGranularScopes":["a"]}}]}`,
		`{"results":[{"id":null}]}`, `{"results":[{"id":"9","to":[{"toObjectId":"a b"}]}]}`, `[]`, `null`, `<html>`, ``,
	} {
		for _, status := range []int{200, 207, 403, 404, 502} {
			f.Add(status, body)
		}
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			return
		}
		c := answered(t, Config{Token: "t"}, sameAnswer{status, body})
		for _, which := range []domain.Catalog{
			domain.LeadStatuses, domain.LifecycleStages, domain.CallOutcomes, domain.CallTypes, domain.MeetingTypes,
			domain.Pipelines, domain.Owners, domain.Deals, domain.Users,
		} {
			checkError(t, c.Catalog(t.Context(), which, func(p adapters.CatalogPage) error {
				for _, item := range p.Items {
					if item.ID == "" {
						t.Fatalf("%s: an entry without an id: %+v", which, item)
					}
					for _, r := range item.Contacts {
						if got, err := domain.ParseRecord(r.Stream()); err != nil || got != r {
							t.Fatalf("%s: about %+v", which, r)
						}
					}
				}
				return nil
			}))
		}
	})
}

// FuzzLimits: no header makes us stand still for longer than is good, go faster than was promised, or stop for ever.
func FuzzLimits(f *testing.F) {
	f.Add("110", "10000", "1")
	f.Add("190", "10000", "")
	f.Add("-1", "1000", "-5")
	f.Add("999999999999999999999", "1e4", "99999999")
	f.Add("110", "10000", "9227000000") // more nanoseconds than an int64 holds
	f.Fuzz(func(t *testing.T, most, interval, after string) {
		h := http.Header{
			"X-Hubspot-Ratelimit-Max": {most}, "X-Hubspot-Ratelimit-Interval-Milliseconds": {interval}, "Retry-After": {after},
		}
		b := newCalls(100)
		b.adapt(h)
		if b.limiter.Limit() <= 0 || b.limiter.Burst() < 1 {
			t.Fatalf("stopped for ever by %q in %q", most, interval)
		}
		if all := float64(b.limiter.Limit())*window.Seconds() + float64(b.limiter.Burst()); all > float64(max(b.max, 6))+1 {
			t.Fatalf("%g in a window of %d", all, b.max)
		}
		if wait := told(h, time.Second); wait <= 0 || wait > max(maxWaitTold, time.Second) {
			t.Fatalf("waits %s for %q", wait, after)
		}
	})
}
