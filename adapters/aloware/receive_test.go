package aloware_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/aloware/sandbox"
)

// receive opens an account whose webhooks go to fn.
func receive(t *testing.T, cfg sandbox.Config, fn func(adapters.Delivery)) account {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		fn(adapters.Delivery{Method: r.Method, Header: r.Header, Body: body, ReceivedAt: time.Now()})
	}))
	t.Cleanup(server.Close)
	cfg.WebhooksTo = server.URL
	return open(t, cfg)
}
