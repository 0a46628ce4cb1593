package hubspot

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/time/rate"
)

// script answers requests with what it is told, for failures the sandbox does not produce.
type script struct {
	mu    sync.Mutex
	paths []string
	do    func(w http.ResponseWriter, path string, body []byte)
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paths = append(s.paths, r.URL.Path)
	s.do(w, r.URL.Path, body)
}

func (s *script) count(suffix string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(slices.Collect(func(yield func(string) bool) {
		for _, p := range s.paths {
			if strings.HasSuffix(p, suffix) && !yield(p) {
				return
			}
		}
	}))
}

func scripted(t *testing.T, cfg Config, do func(w http.ResponseWriter, path string, body []byte)) (*Client, *script) {
	t.Helper()
	s := &script{do: do}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	cfg.BaseURL = server.URL
	if cfg.RefreshToken == "" {
		cfg.Token = "t"
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c.calls.limiter.SetLimit(rate.Inf)
	c.pause = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	return c, s
}

// reply writes a status and a JSON text.
func answer(w http.ResponseWriter, status int, body string) {
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func inputsOf(t *testing.T, body []byte) []input {
	t.Helper()
	var b struct {
		Inputs []input `json:"inputs"`
	}
	if err := json.Unmarshal(body, &b); err != nil {
		t.Error(err)
	}
	return b.Inputs
}
