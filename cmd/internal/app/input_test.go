package app_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters/ingest"
)

// TestRefusedDeliveries: what is not from the system it claims to be from, or cannot be read at all, is answered with
// a problem document, stores nothing and leaves a line.
func TestRefusedDeliveries(t *testing.T) {
	t.Parallel()
	r := start(t, plan{})
	r.settle()
	good := "[" + item(portal, "501", "1", "Ada") + "]"
	deep := strings.Repeat("[", 200_000)
	huge := "[" + strings.Repeat(" ", 1<<20) + "]"
	wrong := r.signed(good, time.Now())
	wrong["X-HubSpot-Signature-v3"] = r.signed(good+" ", time.Now())["X-HubSpot-Signature-v3"]
	for _, c := range []struct {
		name, path, body string
		header           map[string]string
		status           int
		reason           string
	}{
		{"no signature", hubspotPath, good, nil, 401, "missing"},
		{"nothing at all", hubspotPath, "", nil, 401, "missing"},
		{"wrong signature", hubspotPath, good, wrong, 401, "does not fit"},
		{"stale", hubspotPath, good, r.signed(good, time.Now().Add(-6*time.Minute)), 401, "old"},
		{"from the future", hubspotPath, good, r.signed(good, time.Now().Add(2*time.Minute)), 401, "future"},
		{"not JSON", hubspotPath, "{", r.signed("{", time.Now()), 400, ""},
		{"not an array", hubspotPath, `{"eventId":1}`, r.signed(`{"eventId":1}`, time.Now()), 400, ""},
		{"empty", hubspotPath, "", r.signed("", time.Now()), 400, ""},
		{"null", hubspotPath, "null", r.signed("null", time.Now()), 400, ""},
		{"after a byte order mark", hubspotPath, "\ufeff" + good, r.signed("\ufeff"+good, time.Now()), 400, ""},
		{"with something behind it", hubspotPath, good + "]", r.signed(good+"]", time.Now()), 400, ""},
		{"nested without end", hubspotPath, deep, r.signed(deep, time.Now()), 400, ""},
		{"not UTF-8", hubspotPath, "[\"\xff\"]", r.signed("[\"\xff\"]", time.Now()), 400, ""},
		{"too large", hubspotPath, huge, r.signed(huge, time.Now()), 413, "1 MiB"},
		{"Aloware without a token", alowarePath, `{"event":"Contact-Updated","body":{}}`, nil, 401, ""},
		{"Aloware with another token", alowarePath, `{}`, map[string]string{"Authorization": "Bearer other"}, 401, "token"},
		{"Aloware, not JSON", alowarePath, `<html>`, bearer, 400, ""},
		{"Aloware, empty", alowarePath, "", bearer, 400, ""},
		{"Aloware, nested without end", alowarePath, deep, bearer, 400, ""},
		{"Aloware, too large", alowarePath, huge, bearer, 413, "1 MiB"},
	} {
		head, lines := r.head(), r.rejected()
		got := r.post(c.path, c.body, c.header)
		if got.status != c.status || got.kind != "application/problem+json" {
			t.Errorf("%s: %d %s %s, want a problem document with %d", c.name, got.status, got.kind, got.body, c.status)
		}
		now := r.rejected()
		if len(now) != len(lines)+1 || now[0].Kind != ingest.KindRejected || now[0].Status != c.status ||
			!strings.Contains(now[0].Reason, c.reason) {
			t.Errorf("%s: %d lines more, newest %+v", c.name, len(now)-len(lines), now[0])
		}
		if r.head() != head {
			t.Errorf("%s: %d events were stored", c.name, r.head()-head)
		}
	}
}

// TestUnreadableDeliveries: what is authentic and cannot be used is kept where a person sees it, and its neighbours
// are taken in.
func TestUnreadableDeliveries(t *testing.T) {
	t.Parallel()
	r := start(t, plan{})
	_, err := r.hubspot.Create(adaHubSpot, "7")
	r.must(err)
	r.settle()
	for _, c := range []struct {
		name, path, body, kind string
		stored                 int64 // events before anything is planned
	}{
		{"another portal", hubspotPath, "[" + item(1, "501", "11", "Eve") + "]", ingest.KindParked, 0},
		{"one bad item", hubspotPath, "[" + item(portal, "501", "12", "Augusta") + `,{"eventId":"x"},7]`, ingest.KindRaw, 3},
		{"unknown event of Aloware", alowarePath, `{"event":"Moon-Full","body":{"phase":1}}`, ingest.KindRaw, 1},
	} {
		r.settle()
		header := bearer
		if c.path == hubspotPath {
			header = r.signed(c.body, time.Now())
		}
		head, lines := r.head(), len(r.rejected())
		if got := r.post(c.path, c.body, header); got.status != 200 {
			t.Errorf("%s: %d %s", c.name, got.status, got.body)
		}
		now := r.rejected()
		if len(now) == lines || now[0].Kind != c.kind {
			t.Errorf("%s: %d lines more, newest %+v", c.name, len(now)-lines, now)
		}
		if n := r.stored(head); n != c.stored {
			t.Errorf("%s: %d events stored, want %d", c.name, n, c.stored)
		}
	}
	r.settle()
	_, a := r.twin(adaPhone)
	r.same("Aloware", a.Properties, map[string]string{"first_name": "Augusta"})
}

// TestForeignPortalFirst: a connection takes nothing in before it knows whose it is, so the first portal that is heard
// of does not become its own.
func TestForeignPortalFirst(t *testing.T) {
	t.Parallel()
	front := &nonsense{}
	front.on.Store(true) // Aloware does not answer, so the connection cannot be opened
	r := start(t, plan{front: front.wrap})
	foreign, own := "["+item(1, "501", "41", "Eve")+"]", "["+item(portal, "501", "42", "Ada")+"]"
	for _, path := range []string{hubspotPath, "/webhooks/hubspot"} {
		if got := r.post(path, foreign, r.signedFor(path, foreign, time.Now())); got.status != http.StatusServiceUnavailable {
			t.Errorf("%s before the connection was opened: %d %s, want 503", path, got.status, got.body)
		}
	}
	front.on.Store(false)
	r.settle()
	before := r.head()
	for _, body := range []string{foreign, own} {
		if got := r.post(hubspotPath, body, r.signed(body, time.Now())); got.status != http.StatusOK {
			t.Errorf("opened: %d %s", got.status, got.body)
		}
	}
	if n := r.stored(before); n != 1 {
		t.Errorf("%d events stored, want the own one", n)
	}
}
