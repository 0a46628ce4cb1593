package forward_test

import (
	"crypto/hmac"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/duolog/duolog/adapters/stream"
	"github.com/duolog/duolog/adapters/stream/forward"
	"github.com/duolog/duolog/adapters/stream/group"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
)

// The secret of the example that Standard Webhooks and its libraries are tested with, and the key it stands for.
const (
	vectorSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	vectorKey    = "\x31\xf2\x90\xf6\xbf\x06\x29\x8a\xab\x4f\x08\xd4\x3c\x3f\x08\x2c\xf6\x48\xa3\x62\xda\x2d\xa4\xb0"
)

// TestSignature: the published example, which openssl dgst -mac HMAC agrees with, and a secret that is any text.
func TestSignature(t *testing.T) {
	const id, at, body = "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", `{"test": 2432232314}`
	for secret, want := range map[string]string{
		vectorSecret: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
		"s3cret":     "v1,+ovFnGFuIqjGihpeGWWpQI81Q0lhpDv9t/URyHZUADQ=",
	} {
		key, err := forward.ParseKey(secret)
		if err != nil {
			t.Fatal(err)
		}
		if got := key.Sign(id, at, []byte(body)); got != want {
			t.Errorf("under %s: %s, want %s", secret, got, want)
		}
	}
}

// receiver takes webhooks and answers as it is told.
type receiver struct {
	mu     sync.Mutex
	t      *testing.T
	got    map[string][]string // subject: positions taken, in order
	count  int
	answer func(position string, n int) int // n: how many requests came so far
	tried  int
	taken  []string // bodies
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	id, at := req.Header.Get(forward.HeaderID), req.Header.Get(forward.HeaderTimestamp)
	if !hmac.Equal([]byte(req.Header.Get(forward.HeaderSignature)), []byte(forward.Key(vectorKey).Sign(id, at, body))) {
		r.t.Errorf("bad signature on %s", body)
	}
	if !strings.HasPrefix(req.Header.Get("Content-Type"), "application/cloudevents+json") {
		r.t.Errorf("content type %s", req.Header.Get("Content-Type"))
	}
	var ce struct{ ID, Subject, Sequence string }
	if err := json.Unmarshal(body, &ce); err != nil || ce.ID != id {
		r.t.Errorf("%v: %s", err, body)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tried++
	status := 204
	if r.answer != nil {
		status = r.answer(ce.Sequence, r.tried)
	}
	if status == 204 {
		r.got[ce.Subject] = append(r.got[ce.Subject], ce.Sequence)
		r.count++
		r.taken = append(r.taken, string(body))
	}
	w.WriteHeader(status)
}

func receive(t *testing.T, answer func(position string, n int) int) (*receiver, *forward.Webhook) {
	t.Helper()
	r := &receiver{t: t, got: map[string][]string{}, answer: answer}
	srv := httptest.NewServer(r)
	t.Cleanup(srv.Close)
	w, err := forward.NewWebhook(forward.WebhookConfig{URL: srv.URL + "/duolog", Secret: vectorSecret, Attempts: 3})
	if err != nil {
		t.Fatal(err)
	}
	return r, w
}

// TestWebhooks: signed, in order per record, tried again while the endpoint is away, put aside when it will never take
// one, and delivered once more when somebody asks.
func TestWebhooks(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		poison := "7"
		r, target := receive(t, func(position string, n int) int {
			switch {
			case n%5 == 0:
				return 503
			case position == poison:
				return 422
			}
			return 204
		})
		log, err := store.Log(t.Context(), "default")
		if err != nil {
			t.Fatal(err)
		}
		fill(t, log, 60)
		f := begin(t, store, target, stream.Filter{})
		f.caughtUp(t)
		parked, err := f.groups.Parked(t.Context(), "away")
		if err != nil || len(parked) != 1 || parked[0].Position != 7 || !strings.Contains(parked[0].Reason, "422 after 3 attempts") {
			t.Fatalf("parked %+v, %v", parked, err)
		}
		r.mu.Lock()
		for subject, positions := range r.got {
			last := 0
			for _, p := range positions {
				var n int
				if _, _ = fmt.Sscan(p, &n); n <= last {
					t.Errorf("%s: %v is not in order", subject, positions)
				}
				last = n
			}
		}
		if r.count != 59 {
			t.Errorf("%d of 59 were taken", r.count)
		}
		poison = ""
		r.mu.Unlock()
		if _, err := f.groups.Retry(t.Context(), "away", 7); err != nil {
			t.Fatal(err)
		}
		fill(t, log, 1) // wakes it
		f.caughtUp(t)
		if info, err := f.groups.Get(t.Context(), "away"); err != nil || info.Parked != 0 || info.Kind != group.KindForward {
			t.Errorf("after the retry: %+v, %v", info, err)
		}
		if err := f.groups.Reset(t.Context(), "away", 0); err != nil { // replay
			t.Fatal(err)
		}
		fill(t, log, 1)
		f.caughtUp(t)
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.count != 61+62 {
			t.Errorf("%d were taken after a replay, want %d", r.count, 61+62)
		}
	})
}

// TestWebhookWaitsForAnEndpointThatIsWronglySetUp: nothing is put aside because of it.
func TestWebhookWaitsForAnEndpointThatIsWronglySetUp(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		wrong := []int{401, 404, 302, 429, 502}
		r, target := receive(t, func(_ string, n int) int {
			if n < 40 {
				return wrong[n%len(wrong)]
			}
			return 204
		})
		log, err := store.Log(t.Context(), "default")
		if err != nil {
			t.Fatal(err)
		}
		fill(t, log, 5)
		f := begin(t, store, target, stream.Filter{Types: []string{domain.RecordUpdated}})
		f.caughtUp(t)
		r.mu.Lock()
		defer r.mu.Unlock()
		if info, _ := f.groups.Get(t.Context(), "away"); info.Parked != 0 || r.count != 5 {
			t.Errorf("%d put aside, %d taken", info.Parked, r.count)
		}
	})
}

func TestForwardersRefuse(t *testing.T) {
	for _, c := range []forward.WebhookConfig{
		{URL: "example.com", Secret: "x"},
		{URL: "https://example.com"},
		{URL: "ftp://example.com", Secret: "x"},
		{URL: "https://example.com", Secret: "whsec_"},
		{URL: "https://example.com", Secret: "whsec_no Base64"},
	} {
		if _, err := forward.NewWebhook(c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
	if _, err := forward.NewNATS(forward.NATSConfig{}); err == nil {
		t.Error("NATS without a URL is taken")
	}
	if _, err := forward.New(forward.Config{}); err == nil {
		t.Error("a forwarder of nothing is made")
	}
}
