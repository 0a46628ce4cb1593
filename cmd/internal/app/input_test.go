package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	hubspotbox "github.com/duolog/duolog/adapters/hubspot/sandbox"
	"github.com/duolog/duolog/adapters/ingest"
)

// answer is what a request came back with.
type answer struct {
	status int
	kind   string // media type
	body   string
}

// post sends a body to the process as a system would.
func (r *rig) post(path, body string, header map[string]string) answer {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.url+path, bytes.NewReader([]byte(body)))
	r.must(err)
	req.Header.Set("Content-Type", "application/json")
	for k, v := range header {
		req.Header.Set(k, v)
	}
	res, err := http.DefaultClient.Do(req)
	r.must(err)
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	r.must(err)
	return answer{res.StatusCode, res.Header.Get("Content-Type"), string(b)}
}

const hubspotPath, alowarePath = "/webhooks/hubspot/default", "/webhooks/aloware/default"

// signed is the header of a HubSpot delivery signed at a time.
func (r *rig) signed(body string, at time.Time) map[string]string {
	ms := strconv.FormatInt(at.UnixMilli(), 10)
	return map[string]string{
		"X-HubSpot-Request-Timestamp": ms,
		"X-HubSpot-Signature-v3":      hubspotbox.Sign("sandbox", http.MethodPost, r.url+hubspotPath, []byte(body), ms),
	}
}

var bearer = map[string]string{"Authorization": "Bearer sandbox"}

// item is a webhook event of HubSpot: a first name was changed.
func item(portal int, contact, id, value string) string {
	return fmt.Sprintf(`{"eventId":%s,"subscriptionId":1,"portalId":%d,"appId":1,"occurredAt":%d,"attemptNumber":0,`+
		`"subscriptionType":"contact.propertyChange","objectId":%s,"propertyName":"firstname","propertyValue":%q,`+
		`"changeSource":"CRM_UI","sourceId":"userId:7"}`, id, portal, time.Now().UnixMilli(), contact, value)
}

const portal = 4815162 // of the sandbox

// TestRefusedDeliveries: what is not from the system it claims to be from, or cannot be read at all, is answered with
// a problem document, stores nothing and leaves a line.
func TestRefusedDeliveries(t *testing.T) {
	t.Parallel()
	r := start(t, plan{})
	r.settle()
	good := "[" + item(portal, "501", "1", "Ada") + "]"
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
		{"wrong signature", hubspotPath, good, wrong, 401, "does not fit"},
		{"stale", hubspotPath, good, r.signed(good, time.Now().Add(-6*time.Minute)), 401, "old"},
		{"from the future", hubspotPath, good, r.signed(good, time.Now().Add(2*time.Minute)), 401, "future"},
		{"not JSON", hubspotPath, "{", r.signed("{", time.Now()), 400, ""},
		{"not an array", hubspotPath, `{"eventId":1}`, r.signed(`{"eventId":1}`, time.Now()), 400, ""},
		{"too large", hubspotPath, huge, r.signed(huge, time.Now()), 413, "1 MiB"},
		{"Aloware without a token", alowarePath, `{"event":"Contact-Updated","body":{}}`, nil, 401, ""},
		{"Aloware with another token", alowarePath, `{}`, map[string]string{"Authorization": "Bearer other"}, 401, "token"},
		{"Aloware, not JSON", alowarePath, `<html>`, bearer, 400, ""},
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

func (r *rig) rejected() []ingest.Line {
	r.t.Helper()
	lines, err := r.Rejected(r.t.Context(), 200)
	r.must(err)
	return lines
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

// stored counts facts and raw bodies after a position.
func (r *rig) stored(after int64) int64 {
	r.t.Helper()
	events, err := r.Log.Read(r.t.Context(), after, 1000)
	r.must(err)
	n := int64(0)
	for _, e := range events {
		if strings.HasPrefix(e.Type, "record.") || strings.HasPrefix(e.Type, "source.") {
			n++
		}
	}
	return n
}

// TestAlowareAnswersNonsense: a 2xx that is not JSON, as from a proxy's login page, is no success.
func TestAlowareAnswersNonsense(t *testing.T) {
	t.Parallel()
	front := &nonsense{}
	r := start(t, plan{front: front.wrap})
	r.baseline()
	front.on.Store(true)
	_, err := r.hubspot.Create(adaHubSpot, "7")
	r.must(err)
	r.wait("a failing command", func(ctx context.Context) (bool, error) {
		s, err := r.Status(ctx)
		return s.Systems["aloware"].Failing > 0, err
	})
	if n := len(r.inAloware("phone_number", adaPhone)); n != 0 {
		t.Errorf("%d in Aloware, which answered nothing", n)
	}
	front.on.Store(false)
	r.settle()
	r.twin(adaPhone)
	r.agreed()
}

// TestInvalidValue: a value that does not fit its field's type is invalid, with the reason; the other fields flow.
func TestInvalidValue(t *testing.T) {
	t.Parallel()
	r := start(t, plan{})
	_, err := r.hubspot.Create(adaHubSpot, "7")
	r.must(err)
	r.settle()
	_, a := r.twin(adaPhone)
	body := map[string]any{
		"id": json.Number(a.ID), "phone_number": adaPhone, "first_name": "Augusta", "last_name": "Byron",
		"email": "ada@people.example", "cnam_city": "London", "date_of_birth": "the day after tomorrow",
	}
	b, err := json.Marshal(map[string]any{"event": "Contact-Updated", "body": body})
	r.must(err)
	if got := r.post(alowarePath, string(b), bearer); got.status != 200 {
		t.Fatal(got)
	}
	r.settle()
	h, _ := r.twin(adaPhone)
	r.same("HubSpot", h.Properties, map[string]string{"firstname": "Augusta", "date_of_birth": ""})
	all := r.verdicts("date_of_birth")
	if len(all) == 0 || all[len(all)-1].Result != "invalid" || all[len(all)-1].Rule == "" {
		t.Errorf("decided about the date: %+v", all)
	}
}
