package httpapi_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/duolog/duolog/adapters/aloware"
	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/httpapi/bench"
	"github.com/duolog/duolog/adapters/hubspot"
	"github.com/duolog/duolog/adapters/ingest"
	"github.com/duolog/duolog/adapters/stream/group"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/projections"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/history"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

const (
	public = "https://sync.example.com"
	secret = "s3cret"
	hooks  = "/webhooks/hubspot/default"
	events = "/v1/connections/default/events"
)

// service is the API over a store, on a real server.
type service struct {
	t   testing.TB
	log eventstore.Log
	api http.Handler
	srv *httptest.Server
}

func start(t testing.TB, store eventstore.Store, change ...func(*httpapi.Config)) *service {
	t.Helper()
	log, err := store.Log(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	hub, err := hubspot.New(hubspot.Config{Token: "unused", WebhookSecret: secret})
	if err != nil {
		t.Fatal(err)
	}
	alo, err := aloware.New(aloware.Config{Token: "unused", WebhookToken: secret})
	if err != nil {
		t.Fatal(err)
	}
	ring, quiet := ingest.NewRing(store, nil), slog.New(slog.DiscardHandler)
	into := ingest.New(ingest.Config{
		Log: log, System: hub, Account: strconv.Itoa(bench.Portal), Ring: ring, Logger: quiet,
	})
	conn := httpapi.Connection{
		Log: log, HubSpot: into, Rejected: ring, Acts: &acts{log: log},
		Contacts: contacts.NewReader(store, log), History: history.NewReader(store, log),
		Commands:    httpapi.Outbox{DB: store, Log: log, Connection: "default"},
		Groups:      group.New(store, log, nil),
		Projections: projections.New(store, log, projections.Options{}, history.Projection{}),
		Aloware:     ingest.New(ingest.Config{Log: log, System: alo, Ring: ring, Logger: quiet}),
	}
	tokens, err := httpapi.NewStatic("root",
		"shop:consumer:c8bc2586cdd87cd6f970fc4262c4bbc49165811788825fbc1ba3366bfde45413", // SHA-256 of "feed"
		"till:consumer:d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa", // of "other"
		"ops:operator:a92c36e66a25ee99ff862faa8e87987be6c7cd13c3ee661c400a45b0f1e3b132")  // of "ops"
	if err != nil {
		t.Fatal(err)
	}
	cfg := httpapi.Config{
		PublicURL: public + "/", Authorizer: tokens, Logger: quiet,
		Connection: func(name string) (httpapi.Connection, bool) { return conn, name == "default" },
		HubSpotApp: &ingest.Router{Ring: ring, Ingests: func() []*ingest.Ingest { return []*ingest.Ingest{into} }},
		Checks:     []httpapi.Check{{Name: "database", Run: httpapi.Usable(store, log)}},
	}
	for _, to := range change {
		to(&cfg)
	}
	h, err := httpapi.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := &service{t: t, log: log, api: h, srv: httptest.NewUnstartedServer(httpapi.Known(h))}
	s.srv.Config.ConnContext = httpapi.WithPeer
	s.srv.Start()
	t.Cleanup(s.srv.Close)
	return s
}

type answer struct {
	status int
	header http.Header
	body   string
	// trailer came after the body.
	trailer http.Header
}

func (s *service) do(method, path string, header http.Header, body []byte) answer {
	s.t.Helper()
	req, err := http.NewRequest(method, s.srv.URL+path, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	resp, err := s.srv.Client().Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(all), resp.Trailer}
}

func (s *service) get(path, token string) answer {
	s.t.Helper()
	return s.do("GET", path, http.Header{"Authorization": {"Bearer " + token}}, nil)
}

// hook sends a signed HubSpot webhook.
func (s *service) hook(path string, body []byte) answer {
	s.t.Helper()
	return s.do("POST", path, bench.Sign(secret, "POST", public+path, body, time.Now()), body)
}

// fill stores n events.
func (s *service) fill(n int) {
	s.t.Helper()
	size := min(n, 500) // an answer is due within seconds, however slow the machine; n is less, or a multiple
	for k := range n / size {
		if a := s.hook(hooks, bench.Batch(k, size, time.Now())); a.status != 200 {
			s.t.Fatalf("webhook: %d %s", a.status, a.body)
		}
	}
}

// page reads a page of the feed; each line must be a valid CloudEvent.
func (s *service) page(query, token string) ([]event.Event, answer) {
	s.t.Helper()
	a := s.get(events+"?"+query, token)
	if a.status != 200 || a.header.Get("Content-Type") != "application/x-ndjson" {
		s.t.Fatalf("feed: %d %s %s", a.status, a.header.Get("Content-Type"), a.body)
	}
	var all []event.Event
	lines := bufio.NewScanner(strings.NewReader(a.body))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var ce event.Event
		if err := json.Unmarshal(lines.Bytes(), &ce); err != nil {
			s.t.Fatalf("%v: %s", err, lines.Bytes())
		}
		if err := ce.Validate(); err != nil {
			s.t.Fatalf("%v: %s", err, lines.Bytes())
		}
		all = append(all, ce)
	}
	return all, a
}

func (s *service) wantProblem(a answer, status int) {
	s.t.Helper()
	var p httpapi.Problem
	if json.Unmarshal([]byte(a.body), &p) != nil || a.status != status || p.Status != status ||
		a.header.Get("Content-Type") != "application/problem+json" {
		s.t.Errorf("answered %d %s, want a problem %d", a.status, a.body, status)
	}
}

func TestRefusedWebhooks(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := start(t, store)
		body := bench.Batch(0, 2, time.Now())
		huge := append(append([]byte(`["`), bytes.Repeat([]byte("x"), 1<<20)...), `"]`...)
		sign := func(body []byte) http.Header { return bench.Sign(secret, "POST", public+hooks, body, time.Now()) }
		want := []int{}
		for _, tt := range []struct {
			header http.Header
			body   []byte
			status int
		}{
			{nil, body, 401},
			{bench.Sign("wrong", "POST", public+hooks, body, time.Now()), body, 401},
			{bench.Sign(secret, "POST", s.srv.URL+hooks, body, time.Now()), body, 401}, // not the public URL
			{bench.Sign(secret, "POST", public+hooks, body, time.Now().Add(-6*time.Minute)), body, 401},
			{bench.Sign(secret, "POST", public+hooks, body, time.Now().Add(2*time.Minute)), body, 401},
			{sign([]byte("<html>")), []byte("<html>"), 400},
			{sign([]byte("{}")), []byte("{}"), 400},
			{sign(huge), huge, 413},
		} {
			a := s.do("POST", hooks, tt.header, tt.body)
			s.wantProblem(a, tt.status)
			want = append([]int{tt.status}, want...)
		}
		if a := s.hook("/webhooks/hubspot/nobody", body); a.status != 404 {
			t.Errorf("unknown connection: %d", a.status)
		}
		if head, err := s.log.Head(t.Context()); err != nil || head.Position != 0 {
			t.Errorf("%d events of refused deliveries: %v", head.Position, err)
		}
		var list struct{ Rejected []httpapi.NotTaken }
		a := s.get("/v1/connections/default/webhooks/rejected", "root")
		if err := json.Unmarshal([]byte(a.body), &list); err != nil {
			t.Fatalf("%s: %v", a.body, err)
		}
		got := []int{}
		for _, l := range list.Rejected {
			got = append(got, l.Status)
			if l.URL != public+hooks || l.Reason == "" {
				t.Errorf("line %+v", l)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("rejections listed %v, want %v", got, want)
		}
	})
}

func TestWebhooksBecomeTheFeed(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := start(t, store)
		body := bench.Batch(0, 3, time.Now())
		for _, path := range []string{hooks, hooks, "/webhooks/hubspot"} { // delivered again is nothing new
			if a := s.hook(path, body); a.status != 200 || a.body != "" {
				t.Fatalf("%s: %d %s", path, a.status, a.body)
			}
		}
		auth := http.Header{"Authorization": {"Bearer " + secret}, "Content-Type": {"application/json"}}
		odd := []byte(`{"event":"Fax-Received","body":{"from":"+14155550132"}}`)
		if a := s.do("POST", "/webhooks/aloware/default", auth, odd); a.status != 200 {
			t.Fatalf("aloware: %d %s", a.status, a.body)
		}
		all, a := s.page("", "root")
		if len(all) != 4 || all[3].Type() != domain.SourceRaw || !strings.Contains(a.body, "Springfield 2") {
			t.Errorf("feed: %s", a.body)
		}
		for _, h := range []string{"Duolog-Next", "Duolog-Head"} {
			if !strings.HasSuffix(a.header.Get(h), ":1:4") {
				t.Errorf("%s is %q", h, a.header.Get(h))
			}
		}
		if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Etag") != "" {
			t.Errorf("the feed may be cached: %v", a.header)
		}
		_, a = s.page("", "feed")
		if strings.Contains(a.body, "Springfield") || strings.Contains(a.body, "4155550132") {
			t.Errorf("a consumer reads values: %s", a.body)
		}
	})
}

func TestFeedPagesAndResumes(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := start(t, store)
		if all, a := s.page("", "feed"); len(all) != 0 || !strings.HasSuffix(a.header.Get("Duolog-Next"), ":1:0") {
			t.Errorf("empty log: %d events, next %q", len(all), a.header.Get("Duolog-Next"))
		}
		s.fill(25)
		after, seen := "", 0
		for _, want := range []int{10, 10, 5, 0} {
			all, a := s.page("limit=10&after="+after, "feed")
			if len(all) != want {
				t.Fatalf("after %q: %d events, want %d", after, len(all), want)
			}
			for _, ce := range all {
				seen++
				if ce.Extensions()["sequence"] != strconv.Itoa(seen) {
					t.Errorf("event %d has sequence %v", seen, ce.Extensions()["sequence"])
				}
			}
			after = a.header.Get("Duolog-Next")
		}
		for query, resume := range map[string]string{"after=26": "1:25", "after=1:26": "1:25", "after=2:1": "1:0"} {
			a := s.get(events+"?"+query, "feed")
			s.wantProblem(a, 409)
			if !strings.Contains(a.body, `:`+resume+`"`) {
				t.Errorf("%s: %s, want to continue after %s", query, a.body, resume)
			}
		}
	})
}

func TestFeedAcrossPages(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := start(t, store)
		for range 3 { // past the webhooks, whose answers are due in time
			all := make([]eventstore.NewEvent, 500)
			for i := range all {
				all[i] = act(domain.SyncPaused)
			}
			s.append(all...)
		}
		all, a := s.page("limit=1300", "root")
		if len(all) != 1300 || !strings.HasSuffix(a.header.Get("Duolog-Next"), ":1:1300") || !strings.HasSuffix(a.header.Get("Duolog-Head"), ":1:1500") {
			t.Errorf("%d events, next %s, head %s", len(all), a.header.Get("Duolog-Next"), a.header.Get("Duolog-Head"))
		}
	})
}

func TestCommandsList(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := start(t, store)
		a := s.get("/v1/connections/default/commands?state="+outbox.Waiting, "root")
		if a.status != 200 || strings.TrimSpace(a.body) != `{"commands":[]}` {
			t.Errorf("commands: %d %s", a.status, a.body)
		}
	})
}
