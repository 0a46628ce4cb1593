package sandbox

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/duolog/duolog/adapters/sandboxkit"
)

// Config says what the account is like. The zero value is a well-behaved account that accepts any API token.
type Config struct {
	Faults sandboxkit.Faults
	// Token is the only API token accepted; empty: any, but not none.
	Token string
	// WebhooksTo is the URL webhooks are posted to; empty: none are made until SetTarget. WebhookToken goes with them
	// as Bearer, or WebhookBasic ("user:password") as Basic.
	WebhooksTo   string
	WebhookToken string
	WebhookBasic string
	// WebhookWorkers post webhooks at the same time; 1 when 0: in order.
	WebhookWorkers int
	// Client posts the webhooks; nil: one of the sandbox's own, over the network.
	Client *http.Client
	// EventNames replaces wire names of events, which are not documented for contacts: the key is one of Created,
	// Updated, Disposed and DNCUpdated.
	EventNames map[string]string
	// Custom are the slugs of the account's custom attributes, which forms takes besides the documented ones.
	Custom    []string
	CompanyID int              // 4711 when 0
	Clock     func() time.Time // time.Now when nil
}

// Sandbox is one account. It is an http.Handler; Close stops its webhooks.
type Sandbox struct {
	cfg      Config
	handler  http.Handler
	injector *sandboxkit.Injector
	window   *sandboxkit.Window
	sender   *sandboxkit.Sender
	rules    map[string]rule

	mu       sync.Mutex
	contacts map[string]*contact // by id
	phones   map[string]string   // id by E.164
	order    []string            // ids, oldest first
	lastID   int
	lastCall int
	people   []map[string]any // users of the account
	stats    Stats
}

// New opens an empty account.
func New(cfg Config) *Sandbox {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.CompanyID == 0 {
		cfg.CompanyID = 4711
	}
	s := &Sandbox{
		cfg: cfg, injector: sandboxkit.NewInjector(cfg.Faults), rules: rulesWith(cfg.Custom),
		window:   &sandboxkit.Window{Max: cfg.Faults.RateLimit, Per: 10 * time.Second},
		contacts: map[string]*contact{}, phones: map[string]string{}, lastID: 90000,
	}
	s.people = s.firstUsers()
	s.injector.Failed = func(w http.ResponseWriter, _ *http.Request, status int) { say(w, status, "Server Error") }
	s.injector.Limited = func(w http.ResponseWriter, _ *http.Request) { tooMany(w) }
	s.sender = sandboxkit.NewSender(sandboxkit.SenderConfig{
		Build: s.request, Faults: cfg.Faults, Client: cfg.Client, Workers: cfg.WebhookWorkers,
	})
	s.sender.SetTarget(cfg.WebhooksTo)
	s.handler = s.routes()
	return s
}

// ServeHTTP answers the API and /_sandbox/.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Close stops the webhooks; what is not delivered is dropped.
func (s *Sandbox) Close() { s.sender.Close() }

// Injector orders failures of the API.
func (s *Sandbox) Injector() *sandboxkit.Injector { return s.injector }

// SetTarget sets the URL webhooks are posted to; the empty one switches them off.
func (s *Sandbox) SetTarget(url string) { s.sender.SetTarget(url) }

// Quiesce waits until every webhook is delivered or given up.
func (s *Sandbox) Quiesce(ctx context.Context) error { return s.sender.Quiesce(ctx) }

// Deliveries tells what became of the webhooks.
func (s *Sandbox) Deliveries() sandboxkit.Deliveries { return s.sender.Deliveries() }

// Stats counts what reached the account through the API, and the webhooks that left it.
type Stats struct {
	Contacts int `json:"contacts"`
	// Writes counts the POSTs that made, changed or re-added a contact: each may page people.
	Writes   int                   `json:"writes"`
	Created  int                   `json:"created"` // contacts made through the API
	Posts    int                   `json:"posts"`   // POSTs to forms, refused ones included
	Reads    int                   `json:"reads"`   // look-ups by phone
	Webhooks sandboxkit.Deliveries `json:"webhooks"`
}

// Writes is the number of POSTs that made, changed or re-added a contact.
func (s *Sandbox) Writes() int { return s.Stats().Writes }

// Stats returns the counts so far.
func (s *Sandbox) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.stats
	out.Contacts = len(s.contacts)
	out.Webhooks = s.sender.Deliveries()
	return out
}
