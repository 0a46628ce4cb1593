package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	hubspotbox "github.com/duolog/duolog/adapters/hubspot/sandbox"
	"github.com/duolog/duolog/cmd/internal/app"
)

// oauthRun is duolog connect hubspot --auth oauth while it waits for a person.
type oauthRun struct {
	t        *testing.T
	page     *url.URL // what the person is to open
	callback string
	code     chan int
	errors   *bytes.Buffer
}

func connectByOAuth(t *testing.T, data, portal string) *oauthRun {
	t.Helper()
	addrs, err := freeAddrs(1)
	if err != nil {
		t.Fatal(err)
	}
	r := &oauthRun{t: t, callback: "http://" + addrs[0] + "/oauth/hubspot/callback", code: make(chan int, 1), errors: &bytes.Buffer{}}
	env := map[string]string{"DUOLOG_DATA": data, "HUBSPOT_BASE_URL": portal, "HUBSPOT_CLIENT_ID": "id", "HUBSPOT_CLIENT_SECRET": "sandbox"}
	out, in := io.Pipe()
	go func() {
		code := run(t.Context(), []string{"connect", "hubspot", "--auth", "oauth", "--callback", r.callback, "--wait", "0", "--yes"},
			strings.NewReader(""), in, r.errors, func(name string) string { return env[name] })
		_ = in.Close()
		r.code <- code
	}()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "/oauth/authorize?") {
			r.page, err = url.Parse(lines.Text())
			go func() { _, _ = io.Copy(io.Discard, out) }()
			break
		}
	}
	if r.page == nil || err != nil {
		t.Fatalf("no page to open: %v %s", err, r.errors)
	}
	return r
}

// open follows an address as a browser does.
func (r *oauthRun) open(address string) (int, error) {
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		return 0, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}

func (r *oauthRun) back(query string, want int) {
	r.t.Helper()
	if got, err := r.open(r.callback + "?" + query); got != want || err != nil {
		r.t.Errorf("led back with %s: %d, %v, want %d", query, got, err, want)
	}
}

// TestConnectByOAuth: a person allows the app in on HubSpot's page and is led back. Who comes without this run's state
// is refused, a state is good for one run, and the refresh token lies sealed in the database.
func TestConnectByOAuth(t *testing.T) {
	t.Parallel()
	portal := httptest.NewServer(hubspotbox.New(hubspotbox.Config{}))
	defer portal.Close()
	data := t.TempDir()
	r := connectByOAuth(t, data, portal.URL)
	state := "state=" + r.page.Query().Get("state")
	for _, query := range []string{"code=stolen&state=guessed", "code=stolen", state} {
		r.back(query, http.StatusBadRequest)
	}
	if got, err := r.open(r.page.String()); got != http.StatusOK || err != nil {
		t.Errorf("the page: %d, %v", got, err)
	}
	if code := <-r.code; code != exitOK {
		t.Fatalf("exit %d: %s", code, r.errors)
	}
	if got, err := r.open(r.callback + "?code=late&" + state); err == nil {
		t.Errorf("after it ended somebody is led back: %d", got)
	}
	a, err := app.Open(t.Context(), app.Config{
		Connection: app.DefaultConnection, Data: data, DatabaseURL: "sqlite:" + filepath.Join(data, "duolog.db"),
		MasterKeyFile: filepath.Join(data, "master.key"),
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if a.HubSpot.RefreshToken != "sandbox-refresh" || a.HubSpot.AccessToken != "" {
		t.Errorf("stored: %+v", a.HubSpot)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if raw, err := os.ReadFile(filepath.Join(data, "duolog.db")); err != nil || bytes.Contains(raw, []byte("sandbox-refresh")) {
		t.Errorf("the refresh token stands open in the database (%v)", err)
	}

	again := connectByOAuth(t, data, portal.URL)
	again.back("code=any&"+state, http.StatusBadRequest) // of the run before
	again.back("error=access_denied&state="+again.page.Query().Get("state"), http.StatusOK)
	if code := <-again.code; code != exitFailure || !strings.Contains(again.errors.String(), "did not let the app in") {
		t.Errorf("exit %d: %s", code, again.errors)
	}
}

// Nobody is waited for without end.
func TestLedBackInTime(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, err = ledBack(t.Context(), l, "/", "state", time.Millisecond)
	if err == nil || errors.Is(err, context.DeadlineExceeded) || hintOf(err) == "" {
		t.Errorf("%v", err)
	}
}
