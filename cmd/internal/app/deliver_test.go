package app_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
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
	return r.signedFor(hubspotPath, body, at)
}

func (r *rig) signedFor(path, body string, at time.Time) map[string]string {
	ms := strconv.FormatInt(at.UnixMilli(), 10)
	return map[string]string{
		"X-HubSpot-Request-Timestamp": ms,
		"X-HubSpot-Signature-v3":      hubspotbox.Sign("sandbox", http.MethodPost, r.url+path, []byte(body), ms),
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

func (r *rig) rejected() []ingest.Line {
	r.t.Helper()
	lines, err := r.Rejected(r.t.Context(), 200)
	r.must(err)
	return lines
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
