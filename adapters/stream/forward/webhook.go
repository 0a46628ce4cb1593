package forward

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/duolog/duolog/adapters/stream/cloudevent"
)

// Headers of a signed delivery, as standardwebhooks.com has them.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp"
	HeaderSignature = "webhook-signature"
)

// WebhookConfig names an endpoint. URL and Secret are required.
type WebhookConfig struct {
	URL string
	// Secret signs. As Standard Webhooks writes it: whsec_ and the Base64 of the key. Any other text is the key itself.
	Secret string
	// Attempts is how often an event is sent that the endpoint fails on by itself (400, 409, 413, 415, 422, 500), before
	// it is put aside. An endpoint that is away, overloaded or wrongly set up is waited for. Default 10.
	Attempts int
	// Timeout of a request. Default 10 s.
	Timeout time.Duration
	// Parallel is how many requests are under way together, each about another record. Default 8.
	Parallel  int
	Transport http.RoundTripper // nil: the network
	Now       func() time.Time  // nil: time.Now
}

// Webhook posts each event as CloudEvents 1.0 in JSON, signed with HMAC-SHA-256.
type Webhook struct {
	WebhookConfig
	key    Key
	client *http.Client

	mu    sync.Mutex
	tries map[int64]int // of events that were failed on
}

var _ Target = (*Webhook)(nil)

// errAway marks what is the endpoint's condition and not the event's.
var errAway = errors.New("the endpoint takes nothing now")

// NewWebhook returns the target.
func NewWebhook(c WebhookConfig) (*Webhook, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("webhook: the URL must be absolute, like https://example.com/duolog")
	}
	if c.Secret == "" {
		return nil, errors.New("webhook: a secret is required, so that the receiver can tell whom it hears from")
	}
	key, err := ParseKey(c.Secret)
	if err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	if c.Attempts <= 0 {
		c.Attempts = 10
	}
	if c.Timeout <= 0 {
		c.Timeout = 10 * time.Second
	}
	if c.Parallel <= 0 {
		c.Parallel = 8
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // it is one
		t.MaxIdleConnsPerHost = c.Parallel                   // or most requests would begin with a new connection
		c.Transport = t
	}
	client := &http.Client{Transport: c.Transport, Timeout: c.Timeout, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // events go where they were meant to, or nowhere
	}}
	return &Webhook{WebhookConfig: c, key: key, client: client, tries: map[int64]int{}}, nil
}

// Window is enough for requests to follow each other without a pause.
func (w *Webhook) Window() int { return 32 * w.Parallel }

// Close lets go of idle connections.
func (w *Webhook) Close() { w.client.CloseIdleConnections() }

// Deliver posts the messages side by side. When the endpoint is away the others are not tried.
func (w *Webhook) Deliver(ctx context.Context, all []Message) []error {
	errs := make([]error, len(all))
	var away atomic.Pointer[error]
	var next atomic.Int64
	var under sync.WaitGroup
	for range min(w.Parallel, len(all)) {
		under.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(all); i = int(next.Add(1)) - 1 {
				if err := away.Load(); err != nil {
					errs[i] = *err
				} else if errs[i] = w.post(ctx, all[i]); errors.Is(errs[i], errAway) {
					away.Store(&errs[i])
				}
			}
		})
	}
	under.Wait()
	return errs
}

func (w *Webhook) post(ctx context.Context, m Message) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(m.Body))
	if err != nil {
		return fmt.Errorf("webhook: %w", err)
	}
	at := strconv.FormatInt(w.Now().Unix(), 10)
	req.Header.Set("Content-Type", cloudevent.ContentType+"; charset=utf-8")
	req.Header.Set(HeaderID, m.ID)
	req.Header.Set(HeaderTimestamp, at)
	req.Header.Set(HeaderSignature, w.key.Sign(m.ID, at, m.Body))
	resp, err := w.client.Do(req)
	if err != nil {
		return fmt.Errorf("webhook: %w: %w", errAway, err)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection is used again
	_ = resp.Body.Close()
	return w.judge(m, resp.StatusCode)
}

// judge says what an answer means for the event.
func (w *Webhook) judge(m Message, status int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if status/100 == 2 {
		delete(w.tries, m.Position)
		return nil
	}
	err := fmt.Errorf("answered %d", status)
	switch status {
	case http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType,
		http.StatusUnprocessableEntity, http.StatusInternalServerError:
	default:
		return fmt.Errorf("webhook: %w: %w", errAway, err)
	}
	if w.tries[m.Position]++; w.tries[m.Position] < w.Attempts {
		return fmt.Errorf("webhook: %w", err)
	}
	delete(w.tries, m.Position)
	return fmt.Errorf("webhook: %w: %w after %d attempts", ErrRefused, err, w.Attempts)
}

// Key signs deliveries.
type Key []byte

// ParseKey reads a secret: whsec_ and the Base64 of the key, or any other text, which is the key.
func ParseKey(secret string) (Key, error) {
	encoded, ok := strings.CutPrefix(secret, "whsec_")
	if !ok {
		return Key(secret), nil
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(key) == 0 {
		return nil, errors.New("a secret that begins with whsec_ goes on with the Base64 of the key, and this one does not: " +
			"copy it whole, or give another text")
	}
	return key, nil
}

// Sign is what a receiver computes over what it got, to compare in constant time.
func (k Key) Sign(id, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, k)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
