package app

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
)

func loadForward(t *testing.T, text string) (Config, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "duolog.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return LoadConfig(file, func(string) string { return "" }, nil)
}

// TestForwardersFromTheFile: what the configuration names is forwarded, as far as its filter lets it through.
func TestForwardersFromTheFile(t *testing.T) {
	var mu sync.Mutex
	var got []string
	came := make(chan struct{}, 10)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		got = append(got, string(body))
		mu.Unlock()
		came <- struct{}{}
	}))
	defer srv.Close()
	c, err := loadForward(t, "addr: 127.0.0.1:0\nforward:\n  - name: crm\n    webhook: {url: "+srv.URL+", secret: s3cret}\n"+
		"    type: sync.*\n    from: start\n")
	if err != nil {
		t.Fatal(err)
	}
	c.Data, c.DatabaseURL, c.MasterKeyFile = t.TempDir(), "sqlite:"+filepath.Join(t.TempDir(), "duolog.db"), filepath.Join(t.TempDir(), "key")
	a, err := Open(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close() }()
	for _, kind := range []string{domain.ModeChanged, domain.SyncPaused} {
		_, err := a.Log.Append(t.Context(), eventstore.NewEvent{
			ID: ulid.Make(), Stream: "connection", Type: kind, Schema: 1, Actor: "test", Subject: eventstore.SubjectLog, Data: []byte(`{}`),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	done := make(chan error, 1)
	go func() { done <- a.forwardEvents(ctx) }()
	select {
	case <-came:
	case <-ctx.Done():
		t.Fatal("nothing came")
	}
	cancel()
	<-done
	if len(got) != 1 || !strings.Contains(got[0], `"type":"sync.paused"`) {
		t.Errorf("forwarded %s", got)
	}
}

func TestForwardIsCheckedWhenItIsRead(t *testing.T) {
	for text, says := range map[string]string{
		"- {nats: {url: x}}": "a name is missing",
		"- {name: a}":        "either nats or webhook",
		"- {name: a, nats: {url: x}, webhook: {url: x}}":                    "either nats or webhook",
		"- {name: a, nats: {url: x}, type: nothing}":                        "no such event type",
		"- {name: a, nats: {url: x}, data: everything}":                     "ids, masked or full",
		"- {name: a, nats: {url: x}, from: yesterday}":                      "start or head",
		"- {name: a, kafka: {url: x}}":                                      "kafka",
		"- {name: a, nats: {url: x}}\n  - {name: a, nats: {url: y}}":        "another one of the name a",
		"- {name: a, webhook: {url: \"https://x\", secret_file: /nowhere}}": "secret_file",
		"- {name: a, webhook: {url: \"https://x\", secret: whsec_x}}":       "goes on with the Base64",
	} {
		if _, err := loadForward(t, "forward:\n  "+text+"\n"); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
}
