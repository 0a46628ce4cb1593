package hubspot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

// UniqueProperty is our own property in HubSpot: it holds the contact's ULID, and a create is an upsert by it, so one
// repeated after a crash finds itself.
const UniqueProperty = "duolog_contact_id"

// DefaultVersion is the version of HubSpot's API that is used: the segment in every path.
const DefaultVersion = "2026-09"

// Config says which portal and how to enter it.
type Config struct {
	BaseURL string // default https://api.hubapi.com
	// Token is a static access token. Without one, RefreshToken with ClientID and ClientSecret gets them.
	Token                                string
	ClientID, ClientSecret, RefreshToken string
	// Shared is what the connection's processes share of what RefreshToken gets; nil: nothing.
	Shared Shared
	// WebhookSecret checks webhooks; default ClientSecret.
	WebhookSecret string
	APIVersion    string // "2026-09" (default) or another date, or "v3"
	// Tries is how often a read that no outbox repeats is asked while HubSpot fails in a way that may pass; default 6.
	Tries int
	// AppID is the app whose token writes; empty: the app whose webhooks arrive.
	AppID string
	// Share is how much of the portal's rate limit we may use, in percent; default 100.
	Share int
	// Region is the country numbers without one belong to, default "US"; Adjust changes it.
	Region     string
	HTTPClient *http.Client
	Clock      func() time.Time
}

// Client is an adapters.System.
type Client struct {
	cfg    Config
	paths  paths
	tokens *tokens
	calls  *bucket
	search *bucket
	known  known
	region atomic.Pointer[string] // of numbers without a country
	app    atomic.Pointer[string] // the id of ours; empty until a webhook tells it
	pause  func(context.Context, time.Duration) error
}

var _ adapters.Catalogs = (*Client)(nil)

var versionShape = regexp.MustCompile(`^(v3|\d{4}-\d{2})$`)

// New returns a client; it makes no request.
func New(cfg Config) (*Client, error) {
	cfg = cfg.withDefaults()
	base, err := url.Parse(cfg.BaseURL)
	switch {
	case err != nil || base.Scheme != "https" && base.Scheme != "http" || base.Host == "":
		return nil, errors.New("the base URL of HubSpot is not an http URL")
	case !versionShape.MatchString(cfg.APIVersion):
		return nil, fmt.Errorf("%q is not a version of HubSpot's API: want a date as %s, or v3", cfg.APIVersion,
			DefaultVersion)
	case cfg.Token == "" && (cfg.RefreshToken == "" || cfg.ClientID == "" || cfg.ClientSecret == ""):
		return nil, errors.New("no HubSpot access: give an access token, or client id, client secret and refresh token")
	case cfg.Share < 1 || cfg.Share > 100:
		return nil, fmt.Errorf("a share of %d %% of HubSpot's limit: want 1 to 100", cfg.Share)
	}
	c := &Client{
		cfg: cfg, paths: paths(cfg.APIVersion), calls: newCalls(cfg.Share), search: newSearch(),
		pause: rest,
	}
	c.region.Store(&cfg.Region)
	c.app.Store(&cfg.AppID)
	c.tokens = newTokens(c)
	return c, nil
}

func (c Config) withDefaults() Config {
	c.BaseURL = strings.TrimSuffix(orElse(c.BaseURL, "https://api.hubapi.com"), "/")
	c.APIVersion = orElse(c.APIVersion, DefaultVersion)
	c.WebhookSecret = orElse(c.WebhookSecret, c.ClientSecret)
	c.Region = orElse(c.Region, "US")
	c.Share = orElse(c.Share, 100)
	c.Tries = orElse(c.Tries, patientTries)
	if c.HTTPClient == nil {
		c.HTTPClient = &http.Client{Timeout: 30 * time.Second}
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	return c
}

func orElse[T comparable](v, other T) T {
	var zero T
	if v == zero {
		return other
	}
	return v
}

// Name returns domain.HubSpot.
func (c *Client) Name() domain.System { return domain.HubSpot }

// Capabilities say that HubSpot can do all we need, but that a search by phone proves nothing by being empty.
func (c *Client) Capabilities() adapters.Capabilities {
	return adapters.Capabilities{
		List: true, UpdateByID: true, ChangePhone: true, UniqueKey: true, LookupByEmail: true, LookupByPhone: false,
		Batch: maxBatch, Catalogs: catalogs,
	}
}

// maxBatch is the number of inputs HubSpot takes in one batch request.
const maxBatch = 100

func record(id string) domain.Record { return domain.Record{System: domain.HubSpot, ID: id} }
