package adaptertest

import (
	"bytes"
	"errors"
	"net/http"
	"testing"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

func authenticate(t *testing.T, s *suite) {
	if err := s.System.Authenticate(s.Sign(s.Changed)); err != nil {
		t.Fatalf("an authentic delivery: %v", err)
	}
	good := s.Sign(s.Changed)
	if len(good.Header) == 0 {
		t.Fatal("the harness signs with no header")
	}
	for name := range good.Header {
		s.rejects(t, name+" missing", change(good, func(h http.Header) { h.Del(name) }))
		s.rejects(t, name+" altered", change(good, func(h http.Header) { h.Set(name, h.Get(name)+"0") }))
		s.rejects(t, name+" empty", change(good, func(h http.Header) { h.Set(name, "") }))
	}
	if s.Signed {
		tampered := good
		tampered.Body = append(bytes.Clone(good.Body), ' ')
		s.rejects(t, "body altered", tampered)
	}
}

func change(d adapters.Delivery, how func(http.Header)) adapters.Delivery {
	d.Header = d.Header.Clone()
	how(d.Header)
	return d
}

func (s *suite) rejects(t *testing.T, what string, d adapters.Delivery) {
	t.Helper()
	err := s.System.Authenticate(d)
	s.checkText(t, err)
	var r *adapters.Rejection
	if !errors.As(err, &r) || r.Status != http.StatusUnauthorized || r.Reason == "" {
		t.Errorf("%s: %v, want a 401 rejection with a reason", what, err)
	}
}

func translate(t *testing.T, s *suite) {
	arrivals, err := s.System.Translate(s.Sign(s.Changed))
	if err != nil || len(arrivals) == 0 {
		t.Fatalf("%d arrivals, %v", len(arrivals), err)
	}
	want := domain.Record{System: s.System.Name(), ID: s.ChangedID}
	for _, a := range arrivals {
		if a.Record != want || a.Raw != nil || a.Fact.Clock == 0 || a.Fact.Via != "webhook" || a.OccurredAt == 0 {
			t.Errorf("%s of %v: via %q, clock %d", a.Type, a.Record, a.Fact.Via, a.Fact.Clock)
		}
	}
	arrivals, err = s.System.Translate(s.Sign(s.Unknown))
	if err != nil || len(arrivals) != 1 || arrivals[0].Raw == nil || arrivals[0].Type != domain.SourceRaw {
		t.Fatalf("an unknown kind: %d arrivals, %v; want one raw", len(arrivals), err)
	}
	if arrivals[0].Raw.Reason == "" || len(arrivals[0].Raw.Body) == 0 {
		t.Error("raw without a reason or the body")
	}
}

func garbage(t *testing.T, s *suite) {
	for _, body := range []string{"", "no json", "{", "[{]", "\xff\xfe", "<!doctype html>"} {
		_, err := s.System.Translate(s.Sign([]byte(body)))
		s.checkText(t, err)
		var r *adapters.Rejection
		if !errors.As(err, &r) || r.Status != http.StatusBadRequest {
			t.Errorf("body %q: %v, want a 400 rejection", body, err)
		}
	}
}
