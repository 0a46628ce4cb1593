// Package sandbox is a stateful stand-in for a HubSpot portal, in memory and over real HTTP: contacts, deals,
// properties, search, merge, associations, owners, pipelines, tokens and signed webhooks, with the behaviour that makes
// a sync go wrong: search lags, merged records get new ids, values are normalised, batches fail by row, webhooks come
// late, twice, out of order or never. It answers v3 and date-based paths.
package sandbox

import (
	"net/http"
	"sync"
	"time"

	"github.com/duolog/duolog/adapters/sandboxkit"
)

// DefaultRetries is how often HubSpot sends a webhook again that was not answered 2xx.
const DefaultRetries = 10

// Config describes the portal. The zero value is a well-behaved one that accepts any token.
type Config struct {
	Portal       string // numeric, default "4815162"
	AppID        string // numeric: the app that owns every token and webhook, default "900100"
	ClientSecret string // signs webhooks, default "sandbox"
	// Token, when set, is the only static token accepted; tokens from the OAuth endpoint are accepted until they expire.
	Token string
	// RefreshToken, when set, is the only one the OAuth endpoint accepts.
	RefreshToken  string
	TokenLifetime time.Duration // of OAuth tokens, default 30 min
	// Scopes are those of every token, as told; default all an app needs.
	Scopes []string
	// SearchRate is the number of searches allowed in a second, default 5; below 0 no limit.
	SearchRate int
	Faults     sandboxkit.Faults
	WebhooksTo string // URL webhooks are posted to; empty: none are sent until SetTarget
	// Client posts the webhooks; nil: one of the sandbox's own, over the network.
	Client *http.Client
	Clock  func() time.Time
}

// Sandbox is the portal. It is an http.Handler.
type Sandbox struct {
	cfg    Config
	inject *sandboxkit.Injector
	sender *sandboxkit.Sender
	http   http.Handler
	burst  *sandboxkit.Window
	search *sandboxkit.Window
	chance *sandboxkit.Chance

	mu      sync.Mutex
	tables  map[string]*table
	links   associations
	tokens  map[string]time.Time
	codes   map[string]string // of the authorization page: where each was given, empty once it was used
	eventID int64
	writes  int
	reads   int

	owners    []map[string]any
	outcomes  []callOutcome
	lastOwner int
}

// New returns an empty portal. Close it.
func New(cfg Config) *Sandbox {
	cfg = cfg.withDefaults()
	s := &Sandbox{
		cfg:    cfg,
		inject: sandboxkit.NewInjector(cfg.Faults),
		burst:  &sandboxkit.Window{Max: cfg.Faults.RateLimit, Per: 10 * time.Second},
		search: &sandboxkit.Window{Max: cfg.SearchRate, Per: time.Second},
		chance: sandboxkit.NewChance(cfg.Faults.Seed, "hubspot"),
		tables: newTables(),
		links:  associations{},
		tokens: map[string]time.Time{}, codes: map[string]string{},
		owners: newOwners(), outcomes: newOutcomes(), lastOwner: 73,
	}
	s.inject.Failed, s.inject.Limited = writeFailed, s.writeLimited
	s.sender = sandboxkit.NewSender(sandboxkit.SenderConfig{
		Build: s.buildWebhook, Batch: 100, Linger: 20 * time.Millisecond, Workers: 1, Faults: cfg.Faults,
		Client: cfg.Client,
	})
	s.sender.SetTarget(cfg.WebhooksTo)
	s.http = s.routes()
	return s
}

func (c Config) withDefaults() Config {
	setDefault(&c.Portal, "4815162")
	setDefault(&c.AppID, "900100")
	setDefault(&c.ClientSecret, "sandbox")
	setDefault(&c.TokenLifetime, 30*time.Minute)
	setDefault(&c.SearchRate, 5)
	if c.Scopes == nil {
		c.Scopes = []string{
			"crm.objects.contacts.read", "crm.objects.contacts.write", "crm.schemas.contacts.read", "crm.schemas.contacts.write",
			"crm.objects.owners.read", "crm.objects.deals.read", "crm.schemas.deals.read",
		}
	}
	setDefault(&c.Faults.RateLimit, 190)
	if c.Faults.RateLimit < 0 { // the headers tell a limit nobody reaches
		c.Faults.RateLimit = 1_000_000
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	return c
}

func setDefault[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// ServeHTTP answers HubSpot's API and, under /_sandbox/, the sandbox's own.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.http.ServeHTTP(w, r) }

// Close stops the webhooks.
func (s *Sandbox) Close() { s.sender.Close() }

// now is the portal's time, with HubSpot's resolution.
func (s *Sandbox) now() time.Time { return s.cfg.Clock().UTC().Truncate(time.Millisecond) }
