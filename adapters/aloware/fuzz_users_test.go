package aloware

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

// sameAnswer answers every request alike.
type sameAnswer struct {
	status      int
	after, body string
}

func (s sameAnswer) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: s.status, Request: r, Body: io.NopCloser(strings.NewReader(s.body)),
		Header: http.Header{"Content-Type": {"application/json"}, "Retry-After": {s.after}},
	}, nil
}

// FuzzUsers: whatever Aloware answers to a question for its users, the account, or one number, it is an error of the
// contract that asks for no endless patience, or something that can be told apart.
func FuzzUsers(f *testing.F) {
	for _, body := range []string{
		`[{"id":1,"company_id":4711,"name":"Ann","email":"ann@example.com"},{"id":2,"name":"Bob","email":"b_deleted_@x"}]`,
		`[{"id":"1"}]`, `[{"id":null}]`, `[{}]`, `[]`, `null`, `{"message":"Unauthenticated."}`, `<html>`, ``,
		`{"id":5,"phone_number":"+14155550100","first_name":"Ann"}`,
	} {
		for _, status := range []int{200, 302, 401, 404, 429, 500} {
			f.Add(status, "30", body)
		}
	}
	f.Add(429, "Wed, 21 Oct 2099 07:28:00 GMT", "{}")
	f.Fuzz(func(t *testing.T, status int, after, body string) {
		if status < 200 || status > 599 {
			return
		}
		c, err := New(Config{
			BaseURL: "http://aloware.invalid", Token: "t", PerSecond: -1,
			HTTPClient: &http.Client{Transport: sameAnswer{status, after, body}},
		})
		if err != nil {
			t.Fatal(err)
		}
		checkError(t, c.Catalog(t.Context(), domain.Users, func(p adapters.CatalogPage) error {
			for _, item := range p.Items {
				if item.ID == "" {
					t.Fatalf("a user without an id: %+v", item)
				}
			}
			return nil
		}))
		_, err = c.Identify(t.Context())
		checkError(t, err)
		for _, a := range c.Read(t.Context(), []adapters.ReadRequest{{By: "phone", Value: "+14155550100"}}) {
			checkError(t, a.Err)
			for _, s := range a.Records {
				if got, err := domain.ParseRecord(s.Record.Stream()); err != nil || got != s.Record {
					t.Fatalf("record %+v", s.Record)
				}
			}
		}
	})
}

func checkError(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	var e *adapters.Error
	if !errors.As(err, &e) && !errors.Is(err, adapters.ErrUnsupported) {
		t.Fatalf("an error that tells nothing: %v", err)
	}
	if e != nil && (e.After < 0 || e.After > maxPause || e.After > time.Hour) {
		t.Fatalf("waits %s", e.After)
	}
}
