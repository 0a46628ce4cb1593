package hubspot

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

// sameAnswer answers every request alike.
type sameAnswer struct {
	status int
	body   string
}

func (s sameAnswer) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: s.status, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		Body: io.NopCloser(strings.NewReader(s.body)),
	}, nil
}

// answered is a client whose HubSpot says one thing to everything, whose limits are none and whose pauses are short.
func answered(t *testing.T, cfg Config, s sameAnswer) *Client {
	t.Helper()
	cfg.BaseURL, cfg.HTTPClient = "http://hubspot.invalid", &http.Client{Transport: s}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []*bucket{c.calls, c.search} {
		b.limiter.SetLimit(rate.Inf)
	}
	c.pause = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	return c
}

// FuzzReads: whatever HubSpot answers to a read, a list, a question for the schema, the account or a token, it is an
// error of the contract, or records that can be told apart and stored.
func FuzzReads(f *testing.F) {
	for _, body := range []string{
		`{"status":"COMPLETE","results":[{"id":"512","properties":{"createdate":"2026-01-02T10:00:00.000Z",` +
			`"email":"ann@example.com","hs_additional_emails":"a@example.com;b@example.com","phone":"(415) 555-0100",` +
			`"hs_merged_object_ids":"7;9","lastname":null},"createdAt":"2026-01-02T10:00:00.000Z",` +
			`"updatedAt":"2026-01-02T10:00:01.000Z","archived":false}],"startedAt":"","completedAt":""}`,
		`{"results":[],"numErrors":1,"errors":[{"status":"error","category":"OBJECT_NOT_FOUND",` +
			`"message":"Could not get some CONTACT objects","context":{"ids":["512"]}}]}`,
		`{"total":2,"results":[{"id":"512","properties":{}}],"paging":{"next":{"after":"200"}}}`,
		`{"results":[{"id":"1","properties":{}}],"paging":{"next":{"after":"NTI1Cg%3D%3D","link":"?after=..."}}}`,
		`{"results":[{"name":"hs_lead_status","label":"Lead Status","type":"enumeration","fieldType":"radio",` +
			`"options":[{"label":"New","value":"NEW","displayOrder":0,"hidden":false}],"hasUniqueValue":false,` +
			`"calculated":false,"modificationMetadata":{"archivable":true,"readOnlyValue":false}}]}`,
		`{"portalId":62515,"timeZone":"US/Eastern","accountType":"STANDARD"}`,
		`{"access_token":"a","refresh_token":"r","expires_in":1800,"token_type":"bearer"}`,
		`{"error":"invalid_grant","error_description":"...","status":"BAD_REFRESH_TOKEN","message":"..."}`,
		`{"status":"error","message":"You have reached your daily limit.","errorType":"RATE_LIMIT",` +
			`"correlationId":"c","policyName":"DAILY","requestId":"r"}`,
		`{"results":[{}]}`, `{"results":[{"id":"a b/c"}]}`, `[]`, `null`, `<html>`, ``,
	} {
		for _, status := range []int{200, 207, 400, 401, 404, 429, 502} {
			f.Add(status, body)
		}
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			return
		}
		c := answered(t, Config{Token: "t", Region: "US"}, sameAnswer{status, body})
		for _, a := range c.Read(t.Context(), []adapters.ReadRequest{
			{By: "id", Value: "512"},
			{By: "email", Value: "ann@example.com"},
			{By: "email", Value: "b@example.com"},
			{By: "phone", Value: "+14155550100"},
		}) {
			checkError(t, a.Err)
			checkSnapshots(t, a.Records)
		}
		checkError(t, c.Scan(t.Context(), []string{"city"}, func(page []adapters.Snapshot) error {
			checkSnapshots(t, page)
			return nil
		}))
		properties, err := c.Schema(t.Context())
		checkError(t, err)
		for _, p := range properties {
			if p.Name == "" || p.Type == "" {
				t.Fatalf("%+v", p)
			}
		}
		if id, err := c.Identify(t.Context()); err == nil && whole(jsonNumber(id)) == 0 {
			t.Fatalf("the account is %q", id)
		}
		checkError(t, c.Prepare(t.Context()))

		o := answered(t, Config{ClientID: "i", ClientSecret: "s", RefreshToken: "r"}, sameAnswer{status, body})
		if token, err := o.tokens.get(t.Context()); err == nil && token == "" {
			t.Fatal("a token of nothing")
		} else {
			checkError(t, err)
		}
	})
}

// checkError: errors are the contract's, and repeat nothing of the answer.
func checkError(t *testing.T, err error) {
	t.Helper()
	var e *adapters.Error
	if err != nil && !errors.As(err, &e) && !errors.Is(err, adapters.ErrUnsupported) {
		t.Fatalf("an error that tells nothing: %v", err)
	}
}

func checkSnapshots(t *testing.T, all []adapters.Snapshot) {
	t.Helper()
	for _, s := range all {
		for _, r := range append(s.Aliases, s.Record) {
			if got, err := domain.ParseRecord(r.Stream()); err != nil || got != r || whole(jsonNumber(r.ID)) == 0 {
				t.Fatalf("record %+v", r)
			}
		}
	}
}
