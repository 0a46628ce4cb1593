package aloware

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

func seeds(f *testing.F) {
	f.Helper()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal("no samples", err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, s := range []string{
		`{"test_payload":true}`, `{"event":"Contact-Created","body":{"id":1,"phone_number":"+1"}}`, `[]`, `null`, `{`,
		`{"error":"Contact not found."}`, `{"message":"x","errors":{"email":["The email must be valid."]}}`,
		`{"id":"a b","tags":[{"name":"x"}]}`, "{\"event\":\"\xff\",\"body\":{\"id\":\"\\u0000\"}}",
	} {
		f.Add([]byte(s))
	}
}

// FuzzTranslate: whatever arrives is a fact with a clean record id, a raw arrival with its body, or a rejection.
func FuzzTranslate(f *testing.F) {
	seeds(f)
	c, err := New(Config{Token: "token", Clock: func() time.Time { return time.Unix(1, 0) }})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := c.Translate(adapters.Delivery{Body: body})
		if err != nil {
			if json.Valid(body) {
				t.Fatalf("JSON is refused: %v", err)
			}
			return
		}
		if len(got) != 1 {
			t.Fatalf("%d arrivals", len(got))
		}
		checkArrival(t, got[0])
	})
}

func checkArrival(t *testing.T, a adapters.Arrival) {
	t.Helper()
	switch {
	case a.Ignored:
	case a.Raw != nil:
		if a.Type != domain.SourceRaw || !a.Record.IsZero() || !json.Valid(a.Raw.Body) || !utf8.Valid(a.Raw.Body) {
			t.Fatalf("%+v", a)
		}
	default:
		if back, err := domain.ParseRecord(a.Record.Stream()); err != nil || back != a.Record {
			t.Fatalf("record %v does not survive as a stream: %v", a.Record, err)
		}
		if strings.ContainsAny(a.Record.ID, "@+. \x00") || a.Fact.Clock == 0 {
			t.Fatalf("%+v", a)
		}
		if _, err := json.Marshal(a.Fact); err != nil {
			t.Fatal(err)
		}
	}
}

// FuzzAnswers: no answer of the look-up or of forms makes a panic, an untyped error, or a contact without an id.
func FuzzAnswers(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		if !json.Valid(body) {
			return
		}
		for _, status := range []int{200, 400, 404, 409, 422} {
			r := reply{status: status, body: body, began: time.Unix(1, 0)}
			found, err := readLookup(r)
			if err == nil && found.exists && found.record.ID == "" {
				t.Fatal("a contact without an id")
			}
			if status == http.StatusNotFound && err == nil && found.exists {
				t.Fatal("a 404 that finds somebody")
			}
			sent := map[string]json.RawMessage{"email": []byte(`"a"`), "tags": body}
			for name, v := range sent {
				_ = found.holds(name, v)
			}
			named, failed := readRefusal(r, sent, false)
			if status >= 300 && failed == nil && len(named) == 0 {
				t.Fatal("a refusal is taken for success")
			}
		}
	})
}
