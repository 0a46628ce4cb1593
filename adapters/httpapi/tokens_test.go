package httpapi_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
)

// TestTokens: a token is known from the log alone, in every process, until it expires or is revoked; its secret is
// nowhere in it.
func TestTokens(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log, err := store.Log(t.Context(), "default")
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		static, err := httpapi.NewStatic("root")
		if err != nil {
			t.Fatal(err)
		}
		here := func() *httpapi.Tokens {
			return &httpapi.Tokens{Log: log, Static: static, Clock: func() time.Time { return now }}
		}
		one, other := here(), here()
		if _, ok := one.Identify(t.Context(), "duo_unknown"); ok {
			t.Fatal("an unknown token is known")
		}
		now = now.Add(time.Second)
		secret, made, err := httpapi.NewToken(ulid.Make(), "warehouse", httpapi.Consumer, httpapi.DataMasked, now.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		appendToken(t, log, domain.TokenCreated, made)
		for _, tokens := range []*httpapi.Tokens{one, other} {
			who, ok := tokens.Identify(t.Context(), secret)
			if !ok || who.Role != httpapi.Consumer || who.Data != httpapi.DataMasked || who.Actor() != "token:"+made.ID.String() {
				t.Fatalf("%+v, known %v", who, ok)
			}
			if _, ok := tokens.Identify(t.Context(), made.Hash); ok {
				t.Fatal("the stored hash opens the door")
			}
		}
		now = now.Add(2 * time.Hour)
		if _, ok := one.Identify(t.Context(), secret); ok {
			t.Error("it has expired")
		}
		now = now.Add(-2 * time.Hour)
		appendToken(t, log, domain.TokenRevoked, domain.Token{ID: made.ID})
		now = now.Add(3 * time.Second)
		if _, ok := other.Identify(t.Context(), secret); ok {
			t.Error("it was revoked three seconds ago")
		}
		events, err := log.Read(t.Context(), 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if strings.Contains(string(e.Data), secret) {
				t.Error("the secret is in the log")
			}
		}
	})
}

func appendToken(t *testing.T, log eventstore.Log, kind string, token domain.Token) {
	t.Helper()
	data, err := json.Marshal(domain.Act{Token: &token})
	if err != nil {
		t.Fatal(err)
	}
	_, err = log.Append(context.Background(), eventstore.NewEvent{
		ID: ulid.Make(), Stream: httpapi.TokenStream, Type: kind, Schema: 1, Actor: "test",
		Subject: eventstore.SubjectLog, Data: data,
	})
	if err != nil {
		t.Fatal(err)
	}
}
