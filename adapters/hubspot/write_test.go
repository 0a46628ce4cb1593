package hubspot

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

func updates(n int) []adapters.Write {
	out := make([]adapters.Write, n)
	for i := range out {
		out[i] = adapters.Write{
			Record: record(fmt.Sprint(1000 + i)),
			Values: map[string]json.RawMessage{"firstname": json.RawMessage(`"Ann"`), "seats": json.RawMessage(`3`)},
		}
	}
	return out
}

// applyAll answers every input as written.
func applyAll(w http.ResponseWriter, inputs []input) {
	var results []map[string]any
	for _, in := range slices.Backward(inputs) { // in another order
		results = append(results, map[string]any{
			"id": in.ID, "properties": in.Properties, "updatedAt": "2026-01-02T03:04:05.678Z",
			"objectWriteTraceId": in.TraceID,
		})
	}
	b, _ := json.Marshal(map[string]any{"status": "COMPLETE", "results": results})
	answer(w, 200, string(b))
}

// TestWriteFindsTheBadRow: HubSpot may refuse a whole batch because of one row, without saying which.
func TestWriteFindsTheBadRow(t *testing.T) {
	c, s := scripted(t, Config{}, nil)
	s.do = func(w http.ResponseWriter, _ string, body []byte) {
		inputs := inputsOf(t, body)
		if slices.ContainsFunc(inputs, func(in input) bool { return in.ID == "1037" }) {
			answer(w, 400, `{"category":"VALIDATION_ERROR","message":"something is wrong"}`)
			return
		}
		applyAll(w, inputs)
	}
	got := c.Write(t.Context(), updates(150))
	for i, a := range got {
		if bad := i == 37; (a.Err != nil) != bad {
			t.Fatalf("row %d: %v", i, a.Err)
		} else if !bad && (a.Record != record(fmt.Sprint(1000+i)) || a.Clock != 1_767_323_045_678_000) {
			t.Fatalf("row %d: %+v", i, a)
		}
	}
	if n := s.count("/batch/update"); n > 17 {
		t.Errorf("%d requests to find one row", n)
	}
}

// TestWriteUnknownProperty: a property that does not exist is left out of all rows at once.
func TestWriteUnknownProperty(t *testing.T) {
	c, s := scripted(t, Config{}, nil)
	s.do = func(w http.ResponseWriter, _ string, body []byte) {
		inputs := inputsOf(t, body)
		if slices.ContainsFunc(inputs, func(in input) bool { _, ok := in.Properties["seats"]; return ok }) {
			answer(w, 400, `{"category":"VALIDATION_ERROR","message":"Property values were not valid: `+
				`[{\"error\":\"PROPERTY_DOESNT_EXIST\",\"name\":\"seats\"}]"}`)
			return
		}
		applyAll(w, inputs)
	}
	writes := updates(40)
	writes = append(writes, adapters.Write{
		Record: record("9"), Values: map[string]json.RawMessage{"seats": json.RawMessage(`3`)},
	})
	got := c.Write(t.Context(), writes)
	for i, a := range got[:40] {
		if a.Err != nil || a.Refused["seats"] != "PROPERTY_DOESNT_EXIST" {
			t.Fatalf("row %d: %+v", i, a)
		}
	}
	var e *adapters.Error
	if !errors.As(got[40].Err, &e) || e.Reason != domain.ReasonInvalid || e.Refused["seats"] == "" {
		t.Fatalf("nothing left to write: %+v", got[40])
	}
	if n := s.count("/batch/update"); n != 2 {
		t.Errorf("%d requests, want 2", n)
	}
}

// TestWriteWholeFailure: what is not about a row fails all rows, in one request.
func TestWriteWholeFailure(t *testing.T) {
	for status, want := range map[int]adapters.Class{
		500: adapters.Retry, 429: adapters.Throttled, 401: adapters.Unauthorized, 403: adapters.Unauthorized,
		404: adapters.Retry, // a wrong path must not pass for a missing record
	} {
		c, s := scripted(t, Config{}, func(w http.ResponseWriter, _ string, _ []byte) { answer(w, status, "{}") })
		for _, a := range c.Write(t.Context(), updates(3)) {
			var e *adapters.Error
			if !errors.As(a.Err, &e) || e.Class != want {
				t.Errorf("%d: %v", status, a.Err)
			}
		}
		if n := s.count("/batch/update"); n != 1 {
			t.Errorf("%d: %d requests", status, n)
		}
	}
}

// TestWriteRowErrors: rows of a 207 by id, by trace id, transient, and left out.
func TestWriteRowErrors(t *testing.T) {
	c, s := scripted(t, Config{}, nil)
	s.do = func(w http.ResponseWriter, _ string, _ []byte) {
		answer(w, 207, `{"status":"COMPLETE","results":[{"id":"1000","properties":{"firstname":"Ann","x":null}}],`+
			`"numErrors":2,"errors":[{"category":"OBJECT_NOT_FOUND","context":{"ids":["1001"]}},`+
			`{"category":"INTERNAL_ERROR","context":{"objectWriteTraceId":["2"]}}]}`)
	}
	got := c.Write(t.Context(), updates(4))
	if got[0].Err != nil || len(got[0].Shows) != 1 || got[0].Clock == 0 {
		t.Errorf("applied: %+v", got[0])
	}
	for i, want := range map[int]adapters.Error{
		1: {Class: adapters.Rejected, Reason: domain.ReasonGone}, 2: {Class: adapters.Retry}, 3: {Class: adapters.Retry},
	} {
		var e *adapters.Error
		if !errors.As(got[i].Err, &e) || e.Class != want.Class || e.Reason != want.Reason {
			t.Errorf("row %d: %v", i, got[i].Err)
		}
	}
}

// TestWriteLostKey: somebody deleted our unique property; creates wait until it is there again.
func TestWriteLostKey(t *testing.T) {
	c, s := scripted(t, Config{}, nil)
	s.do = func(w http.ResponseWriter, path string, _ []byte) {
		switch {
		case strings.HasSuffix(path, "/batch/upsert"):
			answer(w, 400, `{"category":"VALIDATION_ERROR",`+
				`"message":"Unable to perform update/upsert by non-unique 0-1 property"}`)
		case strings.HasSuffix(path, UniqueProperty):
			answer(w, 404, "{}")
		default:
			answer(w, 201, "{}")
		}
	}
	got := c.Write(t.Context(), []adapters.Write{{
		Create: true, Contact: ulid.Make(), Values: map[string]json.RawMessage{"firstname": json.RawMessage(`"Ann"`)},
	}})
	var e *adapters.Error
	if !errors.As(got[0].Err, &e) || e.Class != adapters.Retry || s.count("/properties/2026-09/contacts") != 1 {
		t.Fatalf("%v after %v", got[0].Err, s.paths)
	}
}

func TestWriteWithoutASingleRequest(t *testing.T) {
	c, s := scripted(t, Config{}, func(http.ResponseWriter, string, []byte) {})
	got := c.Write(t.Context(), []adapters.Write{
		{Record: record("no-number"), Values: map[string]json.RawMessage{"a": json.RawMessage(`"b"`)}},
		{Record: record("1"), Values: map[string]json.RawMessage{"a": json.RawMessage(`{"b":1}`)}},
		{Record: record("1")},
	})
	for i, want := range []string{domain.ReasonGone, domain.ReasonInvalid, domain.ReasonInvalid} {
		var e *adapters.Error
		if !errors.As(got[i].Err, &e) || e.Reason != want || e.Class != adapters.Rejected {
			t.Errorf("write %d: %v", i, got[i].Err)
		}
	}
	if len(s.paths) != 0 {
		t.Errorf("requests: %v", s.paths)
	}
}

func TestWire(t *testing.T) {
	for raw, want := range map[string]string{
		`"a\"b"`: `a"b`, `""`: "", `null`: "", `true`: "true", `1.50`: "1.50", `12345678901234567890`: "12345678901234567890",
	} {
		if got, ok := wire(json.RawMessage(raw)); !ok || got != want {
			t.Errorf("%s: %q, %v", raw, got, ok)
		}
	}
	for _, raw := range []string{`[]`, `{}`, `x`, ``} {
		if _, ok := wire(json.RawMessage(raw)); ok {
			t.Errorf("%q: taken", raw)
		}
	}
}
