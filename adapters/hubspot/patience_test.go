package hubspot

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters"
)

// impatient makes pauses end at once and counts them.
func impatient(c *Client, pauses *[]time.Duration) {
	c.pause = func(ctx context.Context, d time.Duration) error {
		*pauses = append(*pauses, d)
		return ctx.Err()
	}
}

func TestScanOutlastsFailures(t *testing.T) {
	c, s := scripted(t, Config{}, nil)
	var pauses []time.Duration
	impatient(c, &pauses)
	n := 0
	s.do = func(w http.ResponseWriter, _ string, _ []byte) {
		n++
		switch n {
		case 1:
			answer(w, 200, `{"results":[{"id":"1"}],"paging":{"next":{"after":"1"}}}`)
		case 2:
			answer(w, 503, "{}")
		case 3:
			answer(w, 429, `{"policyName":"TEN_SECONDLY_ROLLING"}`)
		default:
			answer(w, 200, `{"results":[{"id":"2"}]}`)
		}
	}
	var got []string
	err := c.Scan(t.Context(), nil, func(page []adapters.Snapshot) error {
		for _, snap := range page {
			got = append(got, snap.Record.ID)
		}
		return nil
	})
	if err != nil || strings.Join(got, " ") != "1 2" {
		t.Fatalf("%v, %v", got, err)
	}
	if len(pauses) != 2 || pauses[0] != waitServer || pauses[1] != waitWindow {
		t.Errorf("pauses %v", pauses)
	}
}

func TestPatienceEnds(t *testing.T) {
	for status, tries := range map[int]int{500: patientTries, 401: 1, 400: 1, 477: 1} {
		c, s := scripted(t, Config{}, func(w http.ResponseWriter, _ string, _ []byte) { answer(w, status, "{}") })
		var pauses []time.Duration
		impatient(c, &pauses)
		if _, err := c.Schema(t.Context()); err == nil || len(s.paths) != tries {
			t.Errorf("%d: %d tries, %v", status, len(s.paths), err)
		}
	}
	c, s := scripted(t, Config{Tries: 2}, func(w http.ResponseWriter, _ string, _ []byte) { answer(w, 500, "{}") })
	impatient(c, &[]time.Duration{})
	if _, err := c.Schema(t.Context()); err == nil || len(s.paths) != 2 {
		t.Errorf("with two tries: %d, %v", len(s.paths), err)
	}
	c, s = scripted(t, Config{}, func(w http.ResponseWriter, _ string, _ []byte) { answer(w, 500, "{}") })
	ctx, cancel := context.WithCancel(t.Context())
	c.pause = func(context.Context, time.Duration) error {
		cancel()
		return ctx.Err()
	}
	if _, err := c.Identify(ctx); err == nil || len(s.paths) != 1 {
		t.Errorf("cancelled: %d tries, %v", len(s.paths), err)
	}
}
