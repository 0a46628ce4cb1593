package app_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/eventstore/treehead"
)

// TestProofOverHTTP: what the API answers with is enough to check an event against a head, with the public key.
func TestProofOverHTTP(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		a, err := app.Open(t.Context(), app.Config{
			Connection: "default", DatabaseURL: database, MasterKeyFile: filepath.Join(t.TempDir(), "key"), Migrate: true,
		}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = a.Close() }()
		auth, err := httpapi.NewStatic("boot")
		if err != nil {
			t.Fatal(err)
		}
		handler, err := httpapi.New(httpapi.Config{
			PublicURL: "http://127.0.0.1", Authorizer: auth, Logger: slog.New(slog.DiscardHandler),
			Connection: func(name string) (httpapi.Connection, bool) {
				return httpapi.Connection{Log: a.Log, Proofs: a}, name == "default"
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		srv := httptest.NewServer(handler)
		defer srv.Close()
		ask := func(path, token string, into any) int {
			t.Helper()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/v1/connections/default/log/"+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+token)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }()
			if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
				t.Fatal(err)
			}
			return resp.StatusCode
		}
		var problem httpapi.Problem
		if code := ask("head", "boot", &problem); code != http.StatusNotFound {
			t.Errorf("nothing is sealed, and yet %d", code)
		}
		for range 5 {
			if _, err := a.Pause(t.Context(), httpapi.By{Reason: "test"}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := a.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		if code := ask("head", "nobody", &problem); code != http.StatusUnauthorized {
			t.Errorf("without a token: %d", code)
		}
		var head httpapi.SignedHead
		if code := ask("head", "boot", &head); code != http.StatusOK || head.Size != 6 { // the key's own event
			t.Fatalf("%d: %+v", code, head)
		}
		verifier, err := treehead.Verifier(head.Key)
		if err != nil {
			t.Fatal(err)
		}
		opened, err := treehead.Open(head.Note, verifier)
		if err != nil || opened.Size != head.Size || opened.Root.String() != head.Root {
			t.Fatalf("%+v, %v", opened, err)
		}
		for position := int64(1); position <= head.Size; position++ {
			var p httpapi.Inclusion
			if code := ask(fmt.Sprintf("proof/%d", position), "boot", &p); code != http.StatusOK || p.Position != position {
				t.Fatalf("%d: %+v", code, p)
			}
			var path tlog.RecordProof
			for _, text := range p.Proof {
				h, err := tlog.ParseHash(text)
				if err != nil {
					t.Fatal(err)
				}
				path = append(path, h)
			}
			leaf := treehead.Leaf(p.Position, p.RecordedAt, [32]byte(p.Hash))
			if err := tlog.CheckRecord(path, opened.Size, opened.Root, position-1, leaf); err != nil {
				t.Errorf("event %d: %v", position, err)
			}
		}
		if code := ask("proof/7", "boot", &problem); code != http.StatusNotFound {
			t.Errorf("an event that is not there: %d", code)
		}
	})
}
